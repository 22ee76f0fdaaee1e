"""What a server says of settings that it stores all the same."""

import pytest

from miniplane.api.warnings import RULES, addresses, overlaps

META = {"metadata": {"name": "web"}}


def of_pod(spec=None, annotations=None, name="web", **container):
    base = {"containers": [{"name": "c", "image": "i", **container}]}
    metadata = {"name": name, "annotations": annotations or {}}
    return RULES["", "Pod"].create({"metadata": metadata, "spec": {**base, **(spec or {})}})


def test_an_ordinary_pod_is_not_warned_of():
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}]
    ports = [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}]
    assert of_pod(env=env, ports=ports, resources={"limits": {"memory": "1Gi"}}) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"nodeSelector": {"beta.kubernetes.io/os": "linux"}},
            "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "
            '"kubernetes.io/os" instead',
        ),
        (
            {"topologySpreadConstraints": [{"topologyKey": "zone"}]},
            "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in "
            "matching no pod",
        ),
        (
            {
                "affinity": {
                    "nodeAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {
                                "preference": {
                                    "matchExpressions": [{"key": "beta.kubernetes.io/arch"}]
                                }
                            }
                        ]
                    }
                }
            },
            "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]"
            ".preference.matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since "
            'v1.14; use "kubernetes.io/arch" instead',
        ),
        (
            {
                "affinity": {
                    "podAntiAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": {}}]
                    }
                }
            },
            "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]"
            ".podAffinityTerm.labelSelector: a null labelSelector results in matching no pod",
        ),
        (
            {"volumes": [{"name": "v", "gitRepo": {}}]},
            "spec.volumes[0].gitRepo: deprecated in v1.11",
        ),
        (
            {"volumes": [{"name": "v", "storageos": {}}]},
            "spec.volumes[0].storageOS: deprecated in v1.22, non-functional in v1.25+",
        ),
        (
            {"hostAliases": [{"ip": "1.2.3.4"}, {"ip": "1.2.3.4"}]},
            'spec.hostAliases[1].ip: duplicate ip "1.2.3.4"',
        ),
        (
            {"imagePullSecrets": [{"name": ""}]},
            'spec.imagePullSecrets[0].name: invalid empty name ""',
        ),
        (
            {"overhead": {"memory": "1500m"}},
            'spec.overhead[memory]: fractional byte value "1500m" is invalid, must be an integer',
        ),
        (
            {"terminationGracePeriodSeconds": -1},
            "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and "
            "will be treated as 1",
        ),
    ],
)
def test_specs(spec, text):
    assert of_pod(spec) == [text]


@pytest.mark.parametrize(
    ("container", "text"),
    [
        (
            {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
            'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped '
            "when using apply",
        ),
        (
            {"resources": {"requests": {"memory": "0.5"}}},
            'spec.containers[0].resources.requests[memory]: fractional byte value "500m" is '
            "invalid, must be an integer",
        ),
        (
            {"ports": [{"containerPort": 80}, {"containerPort": 80, "hostPort": 81}]},
            "spec.containers[0].ports[1]: overlapping port definition with "
            "spec.containers[0].ports[0]",
        ),
        (
            {"ports": [{"containerPort": 80}, {"containerPort": 80, "name": "b"}]},
            "spec.containers[0].ports[1]: duplicate port definition with "
            "spec.containers[0].ports[0]",
        ),
        (
            {
                "ports": [
                    {"containerPort": 80, "hostPort": 1},
                    {"containerPort": 80, "hostPort": 1, "hostIP": "10.0.0.1"},
                ]
            },
            "spec.containers[0].ports[1]: dangerously ambiguous port definition with "
            "spec.containers[0].ports[0]",
        ),
        (
            {"ports": [{"containerPort": 80, "hostIP": "10.0.0.1", "protocol": "TCP"}]},
            "spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 "
            "ContainerPort:80 Protocol:TCP HostIP:10.0.0.1}",
        ),
    ],
)
def test_containers(container, text):
    assert of_pod(**container) == [text]


def test_a_value_may_build_on_the_one_that_it_replaces():
    env = [{"name": "P", "value": "/bin"}, {"name": "P", "value": "/x:$(P)"}]
    assert of_pod(env=env) == []


@pytest.mark.parametrize(
    ("annotation", "field", "text"),
    [
        (
            "seccomp.security.alpha.kubernetes.io/pod",
            "seccompProfile",
            'non-functional in v1.27+; use the "seccompProfile" field instead',
        ),
        (
            "container.apparmor.security.beta.kubernetes.io/c",
            "appArmorProfile",
            'deprecated since v1.30; use the "appArmorProfile" field instead',
        ),
    ],
)
def test_annotations_that_have_become_fields(annotation, field, text):
    annotations = {annotation: "x"}
    assert of_pod(annotations=annotations) == [f"metadata.annotations[{annotation}]: {text}"]
    assert of_pod({"securityContext": {field: {}}}, annotations) == []


def test_names():
    advice = (
        "which can result in surprising behavior; a DNS label is recommended: [must not contain "
        "dots]"
    )
    assert of_pod(name="a.b") == [f"metadata.name: this is used in the Pod's hostname, {advice}"]
    body = {"metadata": {"name": "a.b"}, "spec": {"template": {}}}
    assert RULES["apps", "Deployment"].create(body) == [
        f"metadata.name: this is used in Pod names and hostnames, {advice}"
    ]


def test_templates_are_looked_at_when_they_change():
    bad = {"spec": {"terminationGracePeriodSeconds": -1}}
    old = {"metadata": {"name": "a", "generation": 1}, "spec": {"template": bad}}
    new = {**old, "metadata": {"name": "a", "generation": 2}}
    rule = RULES["apps", "StatefulSet"]
    [text] = rule.create(old)
    assert text.startswith("spec.template.spec.terminationGracePeriodSeconds: ")
    assert rule.update(old, old) == []
    assert rule.update(new, old) == [text]


@pytest.mark.parametrize(
    ("volume", "texts"),
    [
        (
            {"secret": {"secretName": "s", "items": [{"path": "a/"}, {"path": "a"}]}},
            ['volume "v" (Secret "s"): overlapping paths: "a" with "a"'],
        ),
        ({"secret": {"secretName": "s", "items": [{"path": "a"}, {"path": "ab"}]}}, []),
        (
            {
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "t/x"}},
                        {"configMap": {"name": "c", "items": [{"path": "t"}]}},
                        {},
                    ]
                }
            },
            [
                'volume "v" (Projected) has no sources provided',
                'volume "v" (Projected): overlapping paths: "t" (ConfigMap "c") with "t/x" '
                "(ServiceAccountToken)",
            ],
        ),
    ],
)
def test_overlapping_paths(volume, texts):
    assert list(overlaps.of_volume({"name": "v", **volume})) == texts


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("10.0.0.1", []),
        ("2001:db8::1", []),
        (
            "::ffff:10.0.0.1",
            ['p: non-standard IP address "::ffff:10.0.0.1" is invalid: use "10.0.0.1"'],
        ),
        ("10.00.0.1", ['p: non-standard IP address "10.00.0.1" is invalid: use "10.0.0.1"']),
        (
            "2001:db8:0::1",
            [
                'p: IPv6 address "2001:db8:0::1" should be in RFC 5952 canonical format '
                '("2001:db8::1")'
            ],
        ),
        ("nonsense", []),
    ],
)
def test_addresses(value, texts):
    assert list(addresses.ip("p", value)) == texts


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("10.0.0.0/8", []),
        ("2001:db8::/64", []),
        (
            "10.0.0.1/8",
            [
                'p: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" '
                'or "10.0.0.1/32"?)'
            ],
        ),
        ("010.0.0.0/8", ['p: non-standard CIDR value "010.0.0.0/8" is invalid: use "10.0.0.0/8"']),
        ("10.0.0.0/08", ['p: non-standard CIDR value "10.0.0.0/08" is invalid: use "10.0.0.0/8"']),
        (
            "2001:DB8::/64",
            [
                'p: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format '
                '("2001:db8::/64")'
            ],
        ),
    ],
)
def test_ranges_of_addresses(value, texts):
    assert list(addresses.cidr("p", value)) == texts


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        (
            ("", "Service"),
            {**META, "spec": {"type": "ClusterIP", "trafficDistribution": "PreferClose"}},
            'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
        ),
        (
            ("networking.k8s.io", "Ingress"),
            {"metadata": {"annotations": {"kubernetes.io/ingress.class": "x"}}, "spec": {}},
            'annotation "kubernetes.io/ingress.class" is deprecated, please use '
            "'spec.ingressClassName' instead",
        ),
        (
            ("networking.k8s.io", "NetworkPolicy"),
            {**META, "spec": {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.1/8"}}]}]}},
            'spec.egress[0].to[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this '
            'context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
        ),
        (
            ("discovery.k8s.io", "EndpointSlice"),
            {**META, "addressType": "FQDN", "endpoints": [{"addresses": ["a.b"]}]},
            "spec.addressType: FQDN endpoints are deprecated",
        ),
        (
            ("", "Endpoints"),
            {**META, "subsets": [{"notReadyAddresses": [{"ip": "01.2.3.4"}]}]},
            'subsets[0].notReadyAddresses[0].ip: non-standard IP address "01.2.3.4" is invalid: '
            'use "1.2.3.4"',
        ),
        (
            ("", "Node"),
            {**META, "spec": {"externalID": "x"}},
            "spec.externalID: this field is deprecated, and is unused by Kubernetes",
        ),
        (
            ("", "PersistentVolume"),
            {**META, "spec": {"persistentVolumeReclaimPolicy": "Recycle"}},
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
            "Instead, the recommended approach is to use dynamic provisioning.",
        ),
        (
            ("", "PersistentVolumeClaim"),
            {**META, "spec": {"resources": {"requests": {"storage": "1.5"}}}},
            'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be '
            "an integer",
        ),
        (
            ("storage.k8s.io", "StorageClass"),
            {
                "allowedTopologies": [
                    {"matchLabelExpressions": [{"key": "failure-domain.beta.kubernetes.io/zone"}]}
                ]
            },
            "allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use "
            '"topology.kubernetes.io/zone" instead',
        ),
        (
            ("batch", "CronJob"),
            {**META, "spec": {"schedule": "TZ=UTC * * * * *", "jobTemplate": {}}},
            "CRON_TZ or TZ used in spec.spec.schedule is not officially supported, see "
            "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
        ),
        (
            ("", "Secret"),
            {**META, "type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}},
            "tls: failed to find any PEM data in certificate input",
        ),
    ],
)
def test_other_kinds(kind, body, text):
    assert list(RULES[kind].create(body)) == [text]


def test_a_pair_of_keys_that_could_be_one_is_not_warned_of():
    pem = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
    body = {**META, "type": "kubernetes.io/tls", "data": {"tls.crt": pem, "tls.key": pem}}
    assert RULES["", "Secret"].create(body) == []
