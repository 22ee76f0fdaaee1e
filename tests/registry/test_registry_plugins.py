"""Admission plugins that can be switched on and off by name."""

import pytest

from miniplane.api.options import User
from miniplane.api.resources import (
    CONFIGMAPS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    SERVICES,
    STORAGE_CLASSES,
    resource,
)
from miniplane.registry.admission import MUTATING, VALIDATING, names
from miniplane.testing import objects

RUNTIME_CLASSES = resource("runtimeclasses", "node.k8s.io")


def pod(name="web", **spec):
    return objects.pod(name, **spec)


def test_unless_told_otherwise_the_plugins_of_kube_apiserver_run():
    found = names.enabled((), ())
    assert "NamespaceLifecycle" in found
    assert "AlwaysPullImages" not in found
    assert list(found) == [name for name in names.DEFAULTS if name in found]


def test_tables_know_no_other_names_and_keep_their_order():
    order = list(names.DEFAULTS)
    for table in (MUTATING, VALIDATING):
        placed = [order.index(name) for name, _ in table]
        assert placed == sorted(placed)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (
            {"enable_admission_plugins": "Bogus"},
            'enable-admission-plugins plugin "Bogus" is unknown',
        ),
        (
            {"disable_admission_plugins": "SecurityContextDeny"},
            'disable-admission-plugins plugin "SecurityContextDeny" is unknown',
        ),
        (
            {
                "enable_admission_plugins": "Priority,LimitRanger",
                "disable_admission_plugins": "LimitRanger,Priority",
            },
            "[LimitRanger Priority] in enable-admission-plugins and disable-admission-plugins "
            "overlapped",
        ),
        (
            {"enable_admission_plugins": "EventRateLimit"},
            'enable-admission-plugins plugin "EventRateLimit" is not emulated: it needs a '
            "configuration file",
        ),
        (
            {"enable_admission_plugins": "A", "disable_admission_plugins": "B"},
            '[enable-admission-plugins plugin "A" is unknown, disable-admission-plugins plugin '
            '"B" is unknown]',
        ),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(make_world, settings, why):
    with pytest.raises(ValueError) as caught:
        make_world(**settings)
    assert str(caught.value) == why


def test_plugins_that_need_nothing_else_can_be_off(make_world):
    off = [name for name, on in names.DEFAULTS.items() if on]
    world = make_world(disable_admission_plugins=off)
    body = objects.pod("web", namespace="nowhere")
    made = world.create(PODS, body)
    for key in ("serviceAccountName", "priority", "tolerations", "volumes"):
        assert key not in made["spec"]
    with world.refused(422, "Invalid", "spec.containers: Required value"):
        world.create(PODS, {"metadata": {"name": "bare"}}, namespace="nowhere")


def test_always_pull_images(make_world):
    world = make_world(enable_admission_plugins=("AlwaysPullImages",))
    image = {"reference": "data:1", "pullPolicy": "Never"}
    containers = [{"name": "c", "image": "a:1", "imagePullPolicy": "Never"}]
    made = world.create(PODS, pod(containers=containers, volumes=[{"name": "v", "image": image}]))
    assert made["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    volume = next(v for v in made["spec"]["volumes"] if v["name"] == "v")
    assert volume["image"]["pullPolicy"] == "Always"


def test_namespace_auto_provision(make_world):
    world = make_world(enable_admission_plugins=("NamespaceAutoProvision",))
    world.create(CONFIGMAPS, {"metadata": {"name": "c"}}, namespace="fresh")
    assert world.get(NAMESPACES, "fresh")["status"] == {"phase": "Active"}
    with world.refused(404, "NotFound", 'namespaces "dry" not found'):
        world.create(CONFIGMAPS, {"metadata": {"name": "c"}}, namespace="dry", dry_run=True)
    with world.refused(403, "Forbidden", 'configmaps "c" is forbidden: '):
        world.create(CONFIGMAPS, {"metadata": {"name": "c"}}, namespace="No-Name")


def test_namespace_exists(make_world):
    world = make_world(
        enable_admission_plugins="NamespaceExists", disable_admission_plugins="NamespaceLifecycle"
    )
    with world.refused(404, "NotFound", 'namespaces "nowhere" not found'):
        world.create(CONFIGMAPS, {"metadata": {"name": "c"}}, namespace="nowhere")


def test_hard_anti_affinity_keeps_to_nodes(make_world):
    world = make_world(enable_admission_plugins="LimitPodHardAntiAffinityTopology")

    def apart(key):
        term = {"topologyKey": key, "labelSelector": {}}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        return pod(affinity={"podAntiAffinity": required})

    with world.refused(403, "Forbidden", "has TopologyKey zone but only key kubernetes.io/host"):
        world.create(PODS, apart("zone"))
    world.create(PODS, apart("kubernetes.io/hostname"))
    world.delete(PODS, "web")


def test_extended_resources_are_tolerated(make_world):
    world = make_world(enable_admission_plugins="ExtendedResourceToleration")
    amounts = {"example.com/gpu": "1", "cpu": "1"}
    container = {"name": "c", "image": "i", "resources": {"requests": amounts, "limits": amounts}}
    tolerations = world.create(PODS, pod(containers=[container]))["spec"]["tolerations"]
    wanted = {"key": "example.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert tolerations.count(wanted) == 1
    assert not any(t["key"] == "cpu" for t in tolerations)


def test_a_namespace_selects_nodes(make_world):
    world = make_world(enable_admission_plugins="PodNodeSelector")
    note = {"scheduler.alpha.kubernetes.io/node-selector": "env=test, disk=ssd"}
    world.patch(NAMESPACES, "default", {"metadata": {"annotations": note}})
    made = world.create(PODS, pod(nodeSelector={"own": "x"}))
    assert made["spec"]["nodeSelector"] == {"env": "test", "disk": "ssd", "own": "x"}
    with world.refused(403, "Forbidden", "conflicts with its namespace node label selector"):
        world.create(PODS, pod("other", nodeSelector={"env": "prod"}))


def test_external_ips_can_be_denied(make_world):
    world = make_world(enable_admission_plugins="DenyServiceExternalIPs")
    service = objects.service("s")
    service["spec"]["externalIPs"] = ["192.0.2.7"]
    with world.refused(403, "Forbidden", "Use of external IPs is denied by admission control"):
        world.create(SERVICES, service, namespace="default")


def test_owners_are_for_those_who_may_delete(make_world):
    world = make_world(enable_admission_plugins="OwnerReferencesPermissionEnforcement")
    jane = User("jane", ("system:authenticated",))
    ref = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}
    world.create(CONFIGMAPS, {"metadata": {"name": "c"}}, namespace="default")
    with world.refused(403, "Forbidden", "cannot set an ownerRef on a resource you can't delete"):
        world.patch(CONFIGMAPS, "c", {"metadata": {"ownerReferences": [ref]}}, user=jane)
    world.create(
        CONFIGMAPS,
        {"metadata": {"name": "d", "ownerReferences": [ref]}},
        namespace="default",
        user=jane,
    )
    blocking = {**ref, "blockOwnerDeletion": True}
    with world.refused(403, "Forbidden", "a resource you can't set finalizers on"):
        world.create(
            CONFIGMAPS,
            {"metadata": {"name": "e", "ownerReferences": [blocking]}},
            namespace="default",
            user=jane,
        )
    with world.refused(403, "Forbidden", 'no matches for kind "Nod" in version "v1"'):
        world.create(
            CONFIGMAPS,
            {"metadata": {"name": "e", "ownerReferences": [{**blocking, "kind": "Nod"}]}},
            namespace="default",
            user=jane,
        )
    world.patch(CONFIGMAPS, "c", {"metadata": {"ownerReferences": [blocking]}})


def test_runtime_classes_cost_and_place(world):
    with world.refused(403, "Forbidden", 'pod rejected: RuntimeClass "kata" not found'):
        world.create(PODS, pod(runtimeClassName="kata"))
    world.create(
        RUNTIME_CLASSES,
        {
            "metadata": {"name": "kata"},
            "handler": "kata",
            "overhead": {"podFixed": {"cpu": "250m"}},
            "scheduling": {
                "nodeSelector": {"kata": "yes"},
                "tolerations": [{"key": "kata", "operator": "Exists"}],
            },
        },
    )
    spec = world.create(PODS, pod(runtimeClassName="kata", nodeSelector={"a": "b"}))["spec"]
    assert spec["overhead"] == {"cpu": "250m"}
    assert spec["nodeSelector"] == {"a": "b", "kata": "yes"}
    assert {"key": "kata", "operator": "Exists"} in spec["tolerations"]
    with world.refused(403, "Forbidden", "pod.spec.nodeSelector[kata] = no"):
        world.create(PODS, pod("b", runtimeClassName="kata", nodeSelector={"kata": "no"}))
    with world.refused(403, "Forbidden", "doesn't match RuntimeClass's defined Overhead"):
        world.create(PODS, pod("b", runtimeClassName="kata", overhead={"cpu": "1"}))
    with world.refused(403, "Forbidden", "without corresponding RuntimeClass defined Overhead"):
        world.create(PODS, pod("b", overhead={"cpu": "1"}))


def test_claims_grow_when_they_are_bound_and_may(world):
    def resized(name, size):
        spec = {"resources": {"requests": {"storage": size}}}
        return world.patch(PERSISTENT_VOLUME_CLAIMS, name, {"spec": spec})

    def claim(name, storage_class):
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "volumeName": "v",
            "resources": {"requests": {"storage": "1Gi"}},
        }
        body = {"metadata": {"name": name}, "spec": spec}
        world.create(PERSISTENT_VOLUME_CLAIMS, body, namespace="default")

    for name, grows in (("stiff", False), ("elastic", True)):
        row = {"metadata": {"name": name}, "provisioner": "p", "allowVolumeExpansion": grows}
        world.create(STORAGE_CLASSES, row)
        claim(name, name)
    for name in ("stiff", "elastic"):
        world.patch(
            PERSISTENT_VOLUME_CLAIMS,
            name,
            {"status": {"phase": "Bound"}},
            subresource="status",
        )
    with world.refused(403, "Forbidden", "the storageclass that provisions the pvc must support"):
        resized("stiff", "2Gi")
    grown = resized("elastic", "2Gi")
    assert grown["spec"]["resources"]["requests"]["storage"] == "2Gi"


def test_pods_know_the_zone_of_their_node(world):
    zone = {"topology.kubernetes.io/zone": "z1"}
    labels = {**zone, "other": "x"}
    world.create(NODES, {"metadata": {"name": "n1", "labels": labels}})
    world.create(PODS, pod())
    binding = {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}}
    world.post(PODS, binding, namespace="default", name="web", subresource="binding")
    assert world.get(PODS, "web")["metadata"]["labels"] == zone
    given = world.create(PODS, pod("static", nodeName="n1"))
    assert given["metadata"]["labels"] == zone
