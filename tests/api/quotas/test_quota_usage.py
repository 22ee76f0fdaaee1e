"""What objects use of quotas, and which of them a quota looks at."""

import pytest

from miniplane.api import podresources, resources
from miniplane.api.quotas import kinds, scopes, usage
from miniplane.api.resources import CONFIGMAPS, PERSISTENT_VOLUME_CLAIMS, PODS, SERVICES


def container(name="c", *, requests=None, limits=None, **more):
    return {"name": name, "resources": {"requests": requests or {}, "limits": limits or {}}, **more}


def pod(*containers, phase="Running", **spec):
    return {
        "metadata": {"name": "p"},
        "spec": {"containers": list(containers), **spec},
        "status": {"phase": phase},
    }


def texts(amounts):
    return {name: str(value) for name, value in amounts.items()}


def sidecar(**requests):
    return container("s", requests=requests, restartPolicy="Always")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": [container(requests={"cpu": "100m"})] * 2}, "200m"),
        (
            {
                "containers": [container(requests={"cpu": "100m"})],
                "initContainers": [container(requests={"cpu": "500m"})],
            },
            "500m",
        ),
        (
            {
                "containers": [container(requests={"cpu": "1"})],
                "initContainers": [sidecar(cpu="1")],
            },
            "2",
        ),
        (
            {
                "containers": [container(requests={"cpu": "100m"})],
                "initContainers": [sidecar(cpu="1"), container(requests={"cpu": "2"})],
            },
            "3",
        ),
        (
            {
                "containers": [container(requests={"cpu": "1"})],
                "resources": {"requests": {"cpu": "5"}},
            },
            "5",
        ),
        ({"containers": [container(requests={"cpu": "1"})], "overhead": {"cpu": "250m"}}, "1250m"),
    ],
)
def test_what_a_pod_asks_for(spec, expected):
    assert str(podresources.requests(spec)["cpu"]) == expected


def test_overhead_raises_limits_only_where_there_are_some():
    spec = {
        "containers": [container(limits={"cpu": "1"})],
        "overhead": {"cpu": "1", "memory": "1Mi"},
    }
    assert texts(podresources.limits(spec)) == {"cpu": "2"}
    assert texts(podresources.limits(spec, overhead=False)) == {"cpu": "1"}


def test_a_pod_counts_under_many_names():
    asks = {"cpu": "1", "memory": "1Gi", "example.com/gpu": "2", "hugepages-2Mi": "4Mi"}
    used = texts(usage.of(PODS, pod(container(requests=asks, limits={"cpu": "2"}))))
    assert used == {
        "count/pods": "1",
        "pods": "1",
        "cpu": "1",
        "requests.cpu": "1",
        "limits.cpu": "2",
        "memory": "1Gi",
        "requests.memory": "1Gi",
        "requests.example.com/gpu": "2",
        "hugepages-2Mi": "4Mi",
        "requests.hugepages-2Mi": "4Mi",
    }


def test_a_pod_that_has_ended_or_is_stuck_counts_as_an_object_only():
    for phase in ("Succeeded", "Failed"):
        assert texts(usage.of(PODS, pod(phase=phase))) == {"count/pods": "1"}
    assert texts(usage.of(PODS, pod(), expired=True)) == {"count/pods": "1"}


@pytest.mark.parametrize(
    ("spec", "node_ports", "balancers"),
    [
        ({"type": "ClusterIP"}, "0", "0"),
        ({"type": "NodePort"}, "2", "0"),
        ({"type": "LoadBalancer"}, "2", "1"),
        ({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False}, "1", "1"),
    ],
)
def test_services(spec, node_ports, balancers):
    ports = [{"port": 1, "nodePort": 30001}, {"port": 2}]
    used = texts(usage.of(SERVICES, {"metadata": {}, "spec": {**spec, "ports": ports}}))
    assert used["services.nodeports"] == node_ports
    assert used["services.loadbalancers"] == balancers


def test_claims_count_for_their_class_too():
    spec = {"storageClassName": "gold", "resources": {"requests": {"storage": "1500m"}}}
    used = texts(usage.of(PERSISTENT_VOLUME_CLAIMS, {"metadata": {}, "spec": spec}))
    assert used == {
        "persistentvolumeclaims": "1",
        "count/persistentvolumeclaims": "1",
        "requests.storage": "2",
        "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "gold.storageclass.storage.k8s.io/requests.storage": "2",
    }


@pytest.mark.parametrize(
    ("name", "row", "mine"),
    [
        ("pods", PODS, True),
        ("count/pods", PODS, True),
        ("requests.storage", PODS, False),
        ("requests.storage", PERSISTENT_VOLUME_CLAIMS, True),
        ("requests.example.com/gpu", PODS, True),
        ("requests.hugepages-2Mi", PODS, True),
        ("configmaps", CONFIGMAPS, True),
        ("count/deployments.apps", resources.DEPLOYMENTS, True),
        ("deployments", resources.DEPLOYMENTS, False),
        ("count/events", resources.EVENTS, False),
        ("gold.storageclass.storage.k8s.io/requests.storage", PERSISTENT_VOLUME_CLAIMS, True),
    ],
)
def test_whose_name_it_is(name, row, mine):
    assert kinds.belongs(name, row) is mine
    assert (row in kinds.counted([name], resources.RESOURCES)) is mine


def test_what_containers_leave_open():
    both = pod(
        container("b", requests={"cpu": "1"}), initContainers=[container("a", limits={"cpu": "1"})]
    )
    names = ["pods", "requests.cpu", "limits.cpu", "requests.storage"]
    assert usage.unnamed(both, names) == "must specify limits.cpu for: b; requests.cpu for: a"
    assert usage.unnamed(both, ["pods"]) == ""
    assert usage.unnamed(pod(container(), resources={"requests": {"cpu": "1"}}), names) == ""


ELSEWHERE = {
    "podAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"namespaces": ["x"]}}
        ]
    }
}


@pytest.mark.parametrize(
    ("spec", "obj", "within"),
    [
        ({}, pod(), True),
        ({"scopes": ["BestEffort"]}, pod(container()), True),
        ({"scopes": ["NotBestEffort"]}, pod(container()), False),
        ({"scopes": ["NotBestEffort"]}, pod(container(requests={"cpu": "1"})), True),
        ({"scopes": ["Terminating"]}, pod(activeDeadlineSeconds=5), True),
        ({"scopes": ["Terminating", "BestEffort"]}, pod(container()), False),
        ({"scopes": ["CrossNamespacePodAffinity"]}, pod(affinity=ELSEWHERE), True),
        ({"scopes": ["CrossNamespacePodAffinity"]}, pod(), False),
        ({"scopes": ["PriorityClass"]}, pod(priorityClassName="high"), True),
    ],
)
def test_scopes(spec, obj, within):
    assert scopes.matches(spec, PODS, obj) is within


@pytest.mark.parametrize(
    ("operator", "values", "name", "within"),
    [
        ("In", ["high"], "high", True),
        ("In", ["high"], "low", False),
        ("In", ["high"], "", False),
        ("NotIn", ["high"], "low", True),
        ("NotIn", ["high"], "", True),
        ("DoesNotExist", [], "", True),
        ("DoesNotExist", [], "low", False),
    ],
)
def test_scope_selectors(operator, values, name, within):
    term = {"scopeName": "PriorityClass", "operator": operator, "values": values}
    spec = {"scopeSelector": {"matchExpressions": [term]}}
    obj = pod(**({"priorityClassName": name} if name else {}))
    assert scopes.matches(spec, PODS, obj) is within
    assert not scopes.matches(spec, SERVICES, {"metadata": {}, "spec": {}})


def test_claims_by_their_attributes_class():
    term = {"scopeName": "VolumeAttributesClass", "operator": "In", "values": ["fast"]}
    spec = {"scopeSelector": {"matchExpressions": [term]}}
    fast = {"spec": {"volumeAttributesClassName": "fast"}}
    wanted = {"spec": {}, "status": {"modifyVolumeStatus": {}}}
    assert scopes.matches(spec, PERSISTENT_VOLUME_CLAIMS, fast)
    assert not scopes.matches(spec, PERSISTENT_VOLUME_CLAIMS, wanted)
