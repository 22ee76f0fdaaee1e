"""Defaults of pods, their containers and volumes."""

import pytest

EMPTY_POD = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
    "schedulerName": "default-scheduler",
    "enableServiceLinks": True,
}
CONTAINER = {
    "imagePullPolicy": "IfNotPresent",
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}


def test_a_pod(filled):
    assert filled("pods") == {"spec": EMPTY_POD}
    pod = filled(
        "pods", "spec: {containers: [{name: a, image: 'a:1', ports: [{containerPort: 8}]}]}"
    )
    assert pod["spec"]["containers"] == [
        {"name": "a", "image": "a:1", "ports": [{"containerPort": 8, "protocol": "TCP"}]}
        | CONTAINER
    ]


def test_what_is_given_stays(filled):
    text = """
    spec:
      dnsPolicy: None
      restartPolicy: Never
      terminationGracePeriodSeconds: 0
      schedulerName: mine
      enableServiceLinks: false
      securityContext: {runAsUser: 1}
      containers:
        - {imagePullPolicy: Never, terminationMessagePath: /a, terminationMessagePolicy: B}
    """
    assert filled("pods", text)["spec"] == {
        "dnsPolicy": "None",
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "schedulerName": "mine",
        "enableServiceLinks": False,
        "securityContext": {"runAsUser": 1},
        "containers": [
            {
                "imagePullPolicy": "Never",
                "terminationMessagePath": "/a",
                "terminationMessagePolicy": "B",
            }
        ],
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/nginx:1", "IfNotPresent"),
        ("example.com/a/b@sha256:" + "a" * 64, "IfNotPresent"),
        ("example.com/a/b:latest@sha256:" + "a" * 64, "Always"),
        ("a" * 64, "IfNotPresent"),
        ("Not An Image", "IfNotPresent"),
        ("", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_from_the_image(filled, image, policy):
    pod = filled("pods", f"spec: {{containers: [{{name: a, image: '{image}'}}]}}")
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_all_sorts_of_containers_have_defaults(filled):
    text = "spec: {containers: [{}], initContainers: [{}], ephemeralContainers: [{}]}"
    spec = filled("pods", text)["spec"]
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        assert spec[kind] == [CONTAINER]


def test_limits_are_requests_where_there_are_none(filled):
    text = """
    spec:
      containers:
        - resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 100m}}
        - resources: {requests: {cpu: 100m}}
    """
    first, second = filled("pods", text)["spec"]["containers"]
    assert first["resources"]["requests"] == {"cpu": "100m", "memory": "1Gi"}
    assert second["resources"] == {"requests": {"cpu": "100m"}}
    template = filled(
        "podtemplates", "template: {spec: {containers: [{resources: {limits: {cpu: '1'}}}]}}"
    )
    container = template["template"]["spec"]["containers"][0]
    assert container["resources"] == {"limits": {"cpu": "1"}}


def test_amounts_finer_than_a_thousandth_are_rounded_up(filled):
    text = "spec: {containers: [{resources: {requests: {cpu: 100u, memory: 1500m}}}]}"
    container = filled("pods", text)["spec"]["containers"][0]
    assert container["resources"]["requests"] == {"cpu": "1m", "memory": "1500m"}


def test_the_pods_own_resources(filled):
    text = """
    spec:
      resources: {limits: {cpu: "2", memory: 1Gi}}
      containers: [{resources: {requests: {cpu: 100m}}}, {resources: {requests: {cpu: 150m}}}]
      initContainers:
        - {restartPolicy: Always, resources: {requests: {cpu: 50m}}}
        - {resources: {requests: {cpu: 10m}}}
    """
    resources = filled("pods", text)["spec"]["resources"]
    assert resources["requests"] == {"cpu": "300m", "memory": "1Gi"}
    assert resources["limits"] == {"cpu": "2", "memory": "1Gi"}


def test_an_init_container_may_need_the_most(filled):
    text = """
    spec:
      resources: {limits: {cpu: "2"}}
      containers: [{resources: {requests: {cpu: 100m}}}]
      initContainers: [{resources: {requests: {cpu: "1"}}}]
    """
    assert filled("pods", text)["spec"]["resources"]["requests"] == {"cpu": "1"}


def test_ports_on_the_hosts_network_are_the_hosts(filled):
    text = "spec: {hostNetwork: true, containers: [{ports: [{containerPort: 80}]}]}"
    port = filled("pods", text)["spec"]["containers"][0]["ports"][0]
    assert port == {"containerPort": 80, "hostPort": 80, "protocol": "TCP"}


def test_probes_and_hooks(filled):
    text = """
    spec:
      containers:
        - livenessProbe: {httpGet: {port: 80}}
          readinessProbe: {grpc: {port: 80}, timeoutSeconds: 5}
          startupProbe: {exec: {}}
          lifecycle: {preStop: {httpGet: {port: 80, path: /a}}}
    """
    container = filled("pods", text)["spec"]["containers"][0]
    numbers = {
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    get = {"port": 80, "path": "/", "scheme": "HTTP"}
    assert container["livenessProbe"] == {"httpGet": get} | numbers
    assert container["readinessProbe"] == (
        {"grpc": {"port": 80, "service": ""}} | numbers | {"timeoutSeconds": 5}
    )
    assert container["startupProbe"] == {"exec": {}} | numbers
    assert container["lifecycle"]["preStop"]["httpGet"] == get | {"path": "/a"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{name: a}", {"emptyDir": {}}),
        ("{configMap: {}}", {"configMap": {"defaultMode": 420}}),
        ("{secret: {defaultMode: 256}}", {"secret": {"defaultMode": 256}}),
        ("{hostPath: {path: /a}}", {"hostPath": {"path": "/a", "type": ""}}),
        ("{iscsi: {}}", {"iscsi": {"iscsiInterface": "default"}}),
        (
            "{rbd: {}}",
            {"rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}},
        ),
        ("{image: {reference: a}}", {"image": {"reference": "a", "pullPolicy": "Always"}}),
        (
            "{projected: {sources: [{serviceAccountToken: {path: a}}]}}",
            {
                "projected": {
                    "defaultMode": 420,
                    "sources": [{"serviceAccountToken": {"path": "a", "expirationSeconds": 3600}}],
                }
            },
        ),
        (
            "{downwardAPI: {items: [{fieldRef: {fieldPath: a}}]}}",
            {
                "downwardAPI": {
                    "defaultMode": 420,
                    "items": [{"fieldRef": {"fieldPath": "a", "apiVersion": "v1"}}],
                }
            },
        ),
        (
            "{ephemeral: {volumeClaimTemplate: {spec: {}}}}",
            {"ephemeral": {"volumeClaimTemplate": {"spec": {"volumeMode": "Filesystem"}}}},
        ),
    ],
)
def test_volumes(filled, given, expected):
    volume = filled("pods", f"spec: {{volumes: [{given}]}}")["spec"]["volumes"][0]
    volume.pop("name", None)
    for kind, source in expected.items():
        assert source.items() <= volume[kind].items()


def test_old_and_new_names_of_fields_say_the_same(filled):
    assert filled("pods", "spec: {serviceAccount: old}")["spec"]["serviceAccountName"] == "old"
    spec = filled("pods", "spec: {serviceAccount: old, serviceAccountName: new}")["spec"]
    assert spec["serviceAccount"] == "new"
    assert filled("pods", "status: {podIP: 1.2.3.4}")["status"]["podIPs"] == [{"ip": "1.2.3.4"}]
    assert filled("pods", "status: {podIPs: [{ip: 1.2.3.4}]}")["status"]["podIP"] == "1.2.3.4"


def test_environment_from_fields(filled):
    text = "spec: {containers: [{env: [{name: a, valueFrom: {fieldRef: {fieldPath: a}}}]}]}"
    variable = filled("pods", text)["spec"]["containers"][0]["env"][0]
    assert variable["valueFrom"]["fieldRef"] == {"fieldPath": "a", "apiVersion": "v1"}


def test_templates_lack_what_only_pods_have(filled):
    template = filled("podtemplates")["template"]["spec"]
    assert template == {k: v for k, v in EMPTY_POD.items() if k != "enableServiceLinks"}
    deployment = filled("deployments", "spec: {template: {spec: {}}}", "apps")
    assert deployment["spec"]["template"]["spec"] == template
    job = filled("cronjobs", "{}", "batch")
    assert job["spec"]["jobTemplate"]["spec"]["template"]["spec"] == template
