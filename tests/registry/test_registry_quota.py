"""Quotas and limit ranges: what a namespace does not take."""

import pytest

from miniplane.api.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    LIMIT_RANGES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    RESOURCE_QUOTAS,
    SERVICES,
)
from miniplane.testing import objects


def quota(world, hard, used=None, *, name="q", **spec):
    """A quota that has been counted."""
    body = {"metadata": {"name": name, "namespace": "default"}, "spec": {"hard": hard, **spec}}
    world.create(RESOURCE_QUOTAS, body)
    status = {"hard": hard, "used": used if used is not None else dict.fromkeys(hard, "0")}
    world.patch(RESOURCE_QUOTAS, name, {"status": status}, subresource="status")


def used(world, name="q"):
    return world.get(RESOURCE_QUOTAS, name)["status"]["used"]


def pod(name, *, requests=None, limits=None, **spec):
    container = {"name": "c", "image": "i", "resources": {}}
    for key, amounts in (("requests", requests), ("limits", limits)):
        if amounts:
            container["resources"][key] = amounts
    return objects.pod(name, containers=[container], **spec)


def test_what_is_created_is_counted_at_once(world):
    quota(world, {"pods": "2", "requests.cpu": "1", "configmaps": "1", "count/configmaps": "9"})
    world.create(PODS, pod("a", requests={"cpu": "600m"}))
    assert used(world) == {
        "pods": "1",
        "requests.cpu": "600m",
        "configmaps": "0",
        "count/configmaps": "0",
    }
    text = (
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=600m, '
        "used: requests.cpu=600m, limited: requests.cpu=1"
    )
    with world.refused(403, "Forbidden", text):
        world.create(PODS, pod("b", requests={"cpu": "600m"}))
    world.create(CONFIGMAPS, objects.config_map("a"))
    with world.refused(403, "Forbidden", "requested: configmaps=1, used: configmaps=1"):
        world.create(CONFIGMAPS, objects.config_map("b"))
    assert used(world)["count/configmaps"] == "1"


def test_the_server_owns_what_it_counted(world):
    quota(world, {"pods": "2"})
    world.create(PODS, pod("a"))
    owners = [e["manager"] for e in world.get(RESOURCE_QUOTAS, "q")["metadata"]["managedFields"]]
    assert "kube-apiserver" in owners


def test_containers_must_say_what_they_need(world):
    quota(world, {"requests.cpu": "1", "limits.memory": "1Gi"})
    text = "failed quota: q: must specify limits.memory for: c; requests.cpu for: c"
    with world.refused(403, "Forbidden", text):
        world.create(PODS, pod("a"))


def test_nothing_is_created_before_the_quota_is_counted(world):
    quota(world, {"pods": "2", "cpu": "1"}, used={"cpu": "0"})
    with world.refused(403, "Forbidden", "status unknown for quota: q, resources: cpu,pods"):
        world.create(PODS, pod("a", requests={"cpu": "1"}))


def test_a_quota_that_nobody_has_looked_at_counts_nothing(world):
    body = {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"pods": "0"}}}
    world.create(RESOURCE_QUOTAS, body)
    world.create(PODS, pod("a"))


def test_what_is_refused_or_not_meant_is_not_counted(world):
    quota(world, {"pods": "5"})
    world.create(PODS, pod("a"))
    with world.refused(409, "AlreadyExists"):
        world.create(PODS, pod("a"))
    with world.untouched():
        world.create(PODS, pod("b"), dry_run=True)
    assert used(world) == {"pods": "1"}
    quota(world, {"pods": "0"}, name="r")
    with world.refused(403, "Forbidden", "exceeded quota: r"):
        world.create(PODS, pod("b"))
    with world.refused(403, "Forbidden", "exceeded quota: r"):
        world.create(PODS, pod("b"), dry_run=True)


def test_all_quotas_count(world):
    quota(world, {"pods": "5"})
    quota(world, {"pods": "5"}, name="best", scopes=["BestEffort"])
    quota(world, {"pods": "5"}, name="rest", scopes=["NotBestEffort"])
    world.create(PODS, pod("a"))
    assert [used(world, n)["pods"] for n in ("q", "best", "rest")] == ["1", "1", "0"]


def test_updates_count_by_what_they_add(world):
    quota(world, {"services.nodeports": "1", "requests.storage": "2Gi"})
    world.create(SERVICES, objects.service("s"))
    world.patch(SERVICES, "s", {"spec": {"type": "NodePort"}})
    assert used(world)["services.nodeports"] == "1"
    world.create(SERVICES, objects.service("t"))
    with world.refused(403, "Forbidden", "requested: services.nodeports=1"):
        world.patch(SERVICES, "t", {"spec": {"type": "NodePort"}})
    world.patch(SERVICES, "s", {"metadata": {"labels": {"a": "b"}}})
    assert used(world)["services.nodeports"] == "1"


def test_a_resize_counts_both_ways(world):
    quota(world, {"requests.cpu": "2"})
    world.create(PODS, pod("a", requests={"cpu": "1"}))

    def resize(cpu):
        part = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
        patch = {"spec": {"containers": [part]}}
        world.patch(PODS, "a", patch, subresource="resize")

    resize("1500m")
    assert used(world)["requests.cpu"] == "1500m"
    resize("500m")
    assert used(world)["requests.cpu"] == "500m"
    with world.refused(403, "Forbidden", "requested: requests.cpu=2, used: requests.cpu=500m"):
        resize("2500m")


def test_any_kind_can_be_counted(world):
    quota(world, {"count/deployments.apps": "1"})
    world.create(DEPLOYMENTS, objects.deployment("a"))
    with world.refused(403, "Forbidden", 'deployments.apps "b" is forbidden: exceeded quota'):
        world.create(DEPLOYMENTS, objects.deployment("b"))


# Limit ranges.


def limits(world, *rules, name="l"):
    body = {"metadata": {"name": name, "namespace": "default"}, "spec": {"limits": list(rules)}}
    world.create(LIMIT_RANGES, body)


def test_containers_get_what_they_do_not_name(world):
    limits(
        world,
        {
            "type": "Container",
            "default": {"cpu": "1", "memory": "1Gi"},
            "defaultRequest": {"cpu": "100m", "memory": "1Gi"},
        },
    )
    body = pod("a", requests={"cpu": "200m"}, initContainers=[{"name": "i", "image": "i"}])
    made = world.create(PODS, body)
    assert made["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "200m", "memory": "1Gi"},
        "limits": {"cpu": "1", "memory": "1Gi"},
    }
    assert made["spec"]["initContainers"][0]["resources"]["requests"]["cpu"] == "100m"
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: memory request for container c; cpu, memory limit for container "
        "c; cpu, memory request for init container i; cpu, memory limit for init container i"
    )


@pytest.mark.parametrize(
    ("rule", "asks", "text"),
    [
        (
            {"type": "Pod", "min": {"cpu": "100m"}},
            {},
            "minimum cpu usage per Pod is 100m.  No request is specified",
        ),
        (
            {"min": {"cpu": "100m"}},
            {"requests": {"cpu": "50m"}},
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        (
            {"max": {"cpu": "1"}},
            {"limits": {"cpu": "2"}},
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        (
            {"max": {"cpu": "1"}, "min": {"cpu": "500m"}},
            {"requests": {"cpu": "100m"}, "limits": {"cpu": "2"}},
            "[minimum cpu usage per Container is 500m, but request is 100m, "
            "maximum cpu usage per Container is 1, but limit is 2]",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "100m"}, "limits": {"cpu": "250m"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "100m"}},
            "cpu max limit to request ratio per Container is 2, but no limit is specified or "
            "limit is 0",
        ),
        (
            {"type": "Pod", "max": {"memory": "1Gi"}},
            {},
            "maximum memory usage per Pod is 1Gi.  No limit is specified",
        ),
    ],
)
def test_what_containers_and_pods_may_ask_for(world, rule, asks, text):
    limits(world, {"type": "Container", **rule})
    with world.refused(403, "Forbidden", 'pods "a" is forbidden: ', text):
        world.create(PODS, pod("a", **asks))


def test_claims_have_bounds(world):
    bounds = {"min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}
    limits(world, {"type": "PersistentVolumeClaim", **bounds})

    def claim(storage):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}}
        return {"metadata": {"name": "c", "namespace": "default"}, "spec": spec}

    text = "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
    with world.refused(403, "Forbidden", text):
        world.create(PERSISTENT_VOLUME_CLAIMS, claim("3Gi"))
    text = "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"
    with world.refused(403, "Forbidden", text):
        world.create(PERSISTENT_VOLUME_CLAIMS, claim("1Mi"))
    world.create(PERSISTENT_VOLUME_CLAIMS, claim("2Gi"))
