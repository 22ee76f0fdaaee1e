"""Namespaces from birth to the last finalizer, and what admission adds to objects."""

import pytest

from miniplane.api import resources
from miniplane.api.objects import thaw
from miniplane.api.resources import (
    CONFIGMAPS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    PRIORITY_CLASSES,
    SERVICE_ACCOUNTS,
    STORAGE_CLASSES,
)
from miniplane.testing import objects

INGRESSES = resources.resource("ingresses", "networking.k8s.io")
INGRESS_CLASSES = resources.resource("ingressclasses", "networking.k8s.io")


# The life of a namespace.


def finalize(world, name, *finalizers, **options):
    obj = thaw(world.get(NAMESPACES, name))
    obj["spec"] = {"finalizers": list(finalizers)}
    return world.put(NAMESPACES, obj, subresource="finalize", **options)


def test_a_namespace_is_born_with_a_finalizer(world):
    made = world.create(NAMESPACES, objects.namespace("n"))
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    assert made["status"] == {"phase": "Active"}


def test_a_namespace_goes_when_it_is_finalized(world):
    world.create(NAMESPACES, objects.namespace("n"))
    world.create(CONFIGMAPS, objects.config_map("a", namespace="n"))
    deleted = world.delete(NAMESPACES, "n")
    assert not deleted.gone
    assert deleted.stored.obj["status"]["phase"] == "Terminating"
    assert "deletionTimestamp" in deleted.stored.obj["metadata"]
    with world.untouched():
        world.delete(NAMESPACES, "n")
    finalize(world, "n")
    assert world.find(NAMESPACES, "n") is None


def test_it_also_waits_for_finalizers_of_the_ordinary_kind(world):
    made = objects.namespace("n")
    made["metadata"]["finalizers"] = ["example.com/hold"]
    world.create(NAMESPACES, made)
    world.delete(NAMESPACES, "n")
    finalize(world, "n")
    assert world.get(NAMESPACES, "n")["spec"] == {}
    world.patch(NAMESPACES, "n", {"metadata": {"finalizers": None}})
    assert world.find(NAMESPACES, "n") is None


def test_only_finalize_changes_the_specs_finalizers(world):
    world.patch(NAMESPACES, "other", {"spec": {"finalizers": ["example.com/mine"]}})
    assert world.get(NAMESPACES, "other")["spec"] == {"finalizers": ["kubernetes"]}
    finalize(world, "other", "kubernetes", "example.com/mine")
    spec = world.get(NAMESPACES, "other")["spec"]
    assert spec["finalizers"] == ["kubernetes", "example.com/mine"]
    finalize(world, "other")
    assert world.find(NAMESPACES, "other") is not None, "it was not to be deleted"


def test_finalize_is_an_update_like_others(world):
    namespace = thaw(world.get(NAMESPACES, "other"))
    namespace["metadata"]["labels"]["a"] = "b"
    namespace["spec"] = {"finalizers": ["mine"]}
    with world.refused(422, "Invalid", "name is neither a standard finalizer name nor"):
        world.put(NAMESPACES, namespace, subresource="finalize")
    namespace["spec"] = {"finalizers": ["example.com/mine"]}
    namespace["status"] = {"phase": "Terminating"}
    made = world.update(NAMESPACES, namespace, subresource="finalize")
    assert made["metadata"]["labels"]["a"] == "b"
    assert made["status"] == {"phase": "Active"}
    assert [e.get("subresource") for e in made["metadata"]["managedFields"]] == [None, "finalize"]
    again = world.update(NAMESPACES, made, subresource="finalize")
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_finalizing_an_old_revision_is_a_conflict(world):
    old = thaw(world.get(NAMESPACES, "other"))
    world.patch(NAMESPACES, "other", {"metadata": {"labels": {"a": "b"}}})
    with world.refused(409, "Conflict"):
        world.put(NAMESPACES, old, subresource="finalize")


def test_a_dry_run_finalizes_nothing(world):
    world.delete(NAMESPACES, "other")
    with world.untouched():
        finalize(world, "other", dry_run=True)
        world.delete(NAMESPACES, "other", dry_run=True)


def test_nothing_new_in_a_namespace_that_is_going(world):
    world.create(CONFIGMAPS, objects.config_map("a", namespace="other"))
    world.delete(NAMESPACES, "other")
    why = "unable to create new content in namespace other because it is being terminated"
    with world.refused(403, "Forbidden", why) as caught:
        world.create(CONFIGMAPS, objects.config_map("b", namespace="other"))
    assert caught.value.details["causes"][0]["reason"] == "NamespaceTerminating"
    world.patch(CONFIGMAPS, "a", {"data": {"k": "2"}}, namespace="other")
    world.delete(CONFIGMAPS, "a", namespace="other")


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_three_namespaces_are_immortal(world, name):
    if world.find(NAMESPACES, name) is None:
        world.create(NAMESPACES, objects.namespace(name))
    with world.refused(403, "Forbidden", "this namespace may not be deleted"):
        world.delete(NAMESPACES, name)


def test_the_phase_is_not_the_clients_to_set(world):
    made = {**objects.namespace("n"), "status": {"phase": "Terminating"}}
    assert world.create(NAMESPACES, made)["status"] == {"phase": "Active"}
    with world.untouched():
        world.patch(NAMESPACES, "n", {"status": {"phase": "Terminating"}})


# What pods get.


def test_what_every_pod_gets(world):
    spec = world.create(PODS, objects.pod("p"))["spec"]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "default"
    assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")
    assert {t["key"]: t["tolerationSeconds"] for t in spec["tolerations"]} == {
        "node.kubernetes.io/not-ready": 300,
        "node.kubernetes.io/unreachable": 300,
    }
    [volume] = spec["volumes"]
    [mount] = spec["containers"][0]["volumeMounts"]
    assert volume["name"] == mount["name"]
    assert volume["name"].startswith("kube-api-access-")
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"


def test_pods_do_not_share_what_they_get(world):
    one, two = (world.create(PODS, objects.pod(name)) for name in "pq")
    shared = one["spec"]["volumes"][0]["projected"]["sources"]
    assert shared == two["spec"]["volumes"][0]["projected"]["sources"]
    grown = thaw(two)
    grown["metadata"]["labels"] = {"a": "b"}
    world.update(PODS, grown)
    assert world.get(PODS, "p") == one


def test_a_token_that_is_not_wanted(world):
    assert (
        "volumes"
        not in world.create(PODS, objects.pod("p", automountServiceAccountToken=False))["spec"]
    )
    account = {"metadata": {"name": "quiet", "namespace": "default"}}
    world.create(SERVICE_ACCOUNTS, {**account, "automountServiceAccountToken": False})
    quiet = world.create(PODS, objects.pod("q", serviceAccountName="quiet"))
    assert "volumes" not in quiet["spec"]
    loud = objects.pod("r", serviceAccountName="quiet", automountServiceAccountToken=True)
    assert world.create(PODS, loud)["spec"]["volumes"]


def test_a_service_account_must_be_there(world):
    with world.refused(403, "Forbidden", 'serviceaccount "nope" not found'):
        world.create(PODS, objects.pod("p", serviceAccountName="nope"))


def test_pull_secrets_come_from_the_account(world):
    account = {"metadata": {"name": "a", "namespace": "default"}}
    world.create(SERVICE_ACCOUNTS, {**account, "imagePullSecrets": [{"name": "s"}]})
    made = world.create(PODS, objects.pod("p", serviceAccountName="a"))
    assert made["spec"]["imagePullSecrets"] == [{"name": "s"}]


def priority_class(name, value, **fields):
    return {"metadata": {"name": name}, "value": value, **fields}


def test_priorities(world):
    world.create(PRIORITY_CLASSES, priority_class("high", 1000, preemptionPolicy="Never"))
    spec = world.create(PODS, objects.pod("p", priorityClassName="high"))["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")
    with world.refused(403, "Forbidden", "no PriorityClass with name nope was found"):
        world.create(PODS, objects.pod("q", priorityClassName="nope"))
    with world.refused(403, "Forbidden", "must not be provided in pod spec"):
        world.create(PODS, objects.pod("q", priority=5))
    world.create(PRIORITY_CLASSES, priority_class("usual", 7, globalDefault=True))
    spec = world.create(PODS, objects.pod("q"))["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("usual", 7)


def test_tolerations_of_ones_own_are_left_alone(world):
    mine = [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}]
    spec = world.create(PODS, objects.pod("p", tolerations=mine))["spec"]
    assert [t["key"] for t in spec["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    assert "tolerationSeconds" not in spec["tolerations"][0]
    all_of_them = [{"operator": "Exists"}]
    spec = world.create(PODS, objects.pod("q", tolerations=all_of_them))["spec"]
    assert spec["tolerations"] == all_of_them


def test_admission_is_for_births_only(world):
    made = world.create(PODS, objects.pod("p"))
    with world.untouched():
        world.update(PODS, made)


# What others get.


def test_a_new_node_is_not_ready(world):
    made = world.create(NODES, objects.node("n", taints=[{"key": "a", "effect": "NoExecute"}]))
    keys = [(taint["key"], taint["effect"]) for taint in made["spec"]["taints"]]
    assert keys == [("a", "NoExecute"), ("node.kubernetes.io/not-ready", "NoSchedule")]
    opened = world.patch(NODES, "n", {"spec": {"taints": None}})
    assert "taints" not in opened["spec"]


def claim(name, **spec):
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {**asked, **spec}}


def storage_class(name, *, default):
    annotations = {"storageclass.kubernetes.io/is-default-class": str(default).lower()}
    return {
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": "example.com/none",
    }


def test_volumes_and_claims_are_protected(world):
    made = world.create(PERSISTENT_VOLUME_CLAIMS, claim("c"))
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert made["status"] == {"phase": "Pending"}
    volume = {
        "metadata": {"name": "v"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/tmp"},
        },
    }
    made = world.create(PERSISTENT_VOLUMES, volume)
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    assert made["status"]["phase"] == "Pending"


def test_claims_get_the_default_class_the_newest_of_several(world):
    create = world.create
    none = create(PERSISTENT_VOLUME_CLAIMS, claim("a"))
    assert "storageClassName" not in none["spec"]
    create(STORAGE_CLASSES, storage_class("old", default=True))
    world.clock.advance(1)
    create(STORAGE_CLASSES, storage_class("y", default=True))
    create(STORAGE_CLASSES, storage_class("x", default=True))
    world.clock.advance(1)
    create(STORAGE_CLASSES, storage_class("w", default=False))
    assert create(PERSISTENT_VOLUME_CLAIMS, claim("b"))["spec"]["storageClassName"] == "x"
    own = create(PERSISTENT_VOLUME_CLAIMS, claim("c", storageClassName="w"))
    assert own["spec"]["storageClassName"] == "w"
    empty = create(PERSISTENT_VOLUME_CLAIMS, claim("d", storageClassName=""))
    assert empty["spec"]["storageClassName"] == ""


def test_ingresses_get_the_default_class(world):
    def ingress(name, **spec):
        backend = {"service": {"name": "s", "port": {"number": 80}}}
        return {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"defaultBackend": backend, **spec},
        }

    assert "ingressClassName" not in world.create(INGRESSES, ingress("a"))["spec"]
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
    for name in ("old", "new"):
        world.clock.advance(1)
        metadata = {"name": name, "annotations": annotations}
        world.create(INGRESS_CLASSES, {"metadata": metadata, "spec": {"controller": "e.com/c"}})
    assert world.create(INGRESSES, ingress("b"))["spec"]["ingressClassName"] == "new"
    chosen = world.create(INGRESSES, ingress("c", ingressClassName="old"))
    assert chosen["spec"]["ingressClassName"] == "old"
