"""What only pods have: binding, eviction, and the parts that subresources change."""

import pytest

from miniplane.api.objects import thaw
from miniplane.api.options import DeleteOptions, ListOptions
from miniplane.api.resources import POD_DISRUPTION_BUDGETS, PODS
from miniplane.testing import objects


def bind(world, name="p", node="node-1", **options):
    metadata = options.pop("metadata", {})
    binding = {"metadata": {"name": name, **metadata}, "target": {"kind": "Node", "name": node}}
    return world.post(
        PODS, binding, namespace="default", name=name, subresource="binding", **options
    )


def evict(world, name="p", **options):
    eviction = {"metadata": {"name": name}, **options.pop("body", {})}
    return world.post(
        PODS, eviction, namespace="default", name=name, subresource="eviction", **options
    )


def budget(world, *, allowed, observed=1, name="b", labels=None):
    spec = {"minAvailable": 1, "selector": {"matchLabels": labels or {"app": "x"}}}
    world.create(
        POD_DISRUPTION_BUDGETS,
        {"metadata": {"name": name, "namespace": "default"}, "spec": spec},
    )
    status = {
        "observedGeneration": observed,
        "disruptionsAllowed": allowed,
        "currentHealthy": 2,
        "desiredHealthy": 1,
        "expectedPods": 2,
    }
    world.patch(POD_DISRUPTION_BUDGETS, name, {"status": status}, subresource="status")


def test_a_binding_sets_the_node_and_says_so(world):
    made = world.create(PODS, objects.pod("p"))
    world.clock.advance(2)
    result = bind(world, metadata={"annotations": {"by": "me"}})
    assert result.status["status"] == "Success"
    assert result.status["code"] == 201
    pod = world.get(PODS, "p")
    assert pod["spec"]["nodeName"] == "node-1"
    assert pod["metadata"]["annotations"] == {"by": "me"}
    assert pod["metadata"]["uid"] == made["metadata"]["uid"]
    [condition] = [c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled"]
    assert condition["status"] == "True"
    assert condition["lastTransitionTime"] == "2026-01-01T00:00:02Z"


def test_a_pod_is_bound_once(world):
    world.create(PODS, objects.pod("p"))
    bind(world)
    why = 'pods/binding "p": pod p is already assigned to node "node-1"'
    with world.refused(409, "Conflict", why):
        bind(world, node="node-2")


def test_a_binding_may_name_the_pod_that_it_means(world):
    made = world.create(PODS, objects.pod("p"))["metadata"]
    with world.refused(409, "Conflict", "Precondition failed: UID in precondition: other"):
        bind(world, metadata={"uid": "other"})
    with world.refused(409, "Conflict"):
        bind(world, metadata={"resourceVersion": "1"})
    bind(world, metadata={"uid": made["uid"], "resourceVersion": made["resourceVersion"]})


def test_pods_that_cannot_be_bound(world):
    with world.refused(404, "NotFound", 'pods "p" not found'):
        bind(world)
    gated = objects.pod("p", schedulingGates=[{"name": "example.com/wait"}])
    made = world.create(PODS, gated)
    assert made["status"]["conditions"][0]["reason"] == "SchedulingGated"
    with world.refused(409, "Conflict", "non-empty .spec.schedulingGates"):
        bind(world)
    opened = world.patch(PODS, "p", {"spec": {"schedulingGates": []}})
    assert "conditions" not in opened["status"]
    with world.refused(400, "BadRequest"):
        bind(world, node="")
    world.patch(PODS, "p", {"metadata": {"finalizers": ["example.com/hold"]}})
    world.delete(PODS, "p")
    with world.refused(409, "Conflict", "is being deleted, cannot be assigned to a host"):
        bind(world)


def test_a_dry_run_binds_nothing(world):
    world.create(PODS, objects.pod("p"))
    with world.untouched():
        bind(world, dry_run=True)
    assert "nodeName" not in world.get(PODS, "p")["spec"]


# Eviction.


def running(world, name, *, ready=True):
    """A pod that a budget would count."""
    world.create(PODS, objects.pod(name, labels={"app": "x"}, nodeName="node-1"))
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"phase": "Running", "conditions": conditions}
    return world.patch(PODS, name, {"status": status}, subresource="status")


@pytest.fixture
def victim(world):
    return running(world, "p")


def test_an_eviction_is_a_delete_that_says_why(world, victim):
    result = evict(world)
    assert result.status["status"] == "Success"
    pod = world.get(PODS, "p")
    assert "deletionTimestamp" in pod["metadata"]
    [condition] = [c for c in pod["status"]["conditions"] if c["type"] == "DisruptionTarget"]
    assert condition["reason"] == "EvictionByEvictionAPI"


def test_a_budget_is_spent(world, victim):
    budget(world, allowed=1)
    running(world, "q")
    evict(world)
    status = world.get(POD_DISRUPTION_BUDGETS, "b")["status"]
    assert status["disruptionsAllowed"] == 0
    assert list(status["disruptedPods"]) == ["p"]
    [condition] = status["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "InsufficientPods")
    why = "Cannot evict pod as it would violate the pod's disruption budget."
    with world.refused(429, "TooManyRequests", why) as caught:
        evict(world, "q")
    assert caught.value.details["causes"][0]["reason"] == "DisruptionBudget"


def test_a_budget_that_nobody_has_looked_at_yet(world, victim):
    budget(world, allowed=5, observed=0)
    with world.refused(429, "TooManyRequests") as caught:
        evict(world)
    assert caught.value.details["retryAfterSeconds"] == 10


def test_a_budget_that_could_not_be_worked_out(world, victim):
    budget(world, allowed=0)
    condition = {
        "type": "DisruptionAllowed",
        "status": "False",
        "reason": "SyncFailed",
        "message": "no idea",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"status": {"conditions": [condition]}}
    world.patch(POD_DISRUPTION_BUDGETS, "b", status, subresource="status")
    with world.refused(429, "TooManyRequests") as caught:
        evict(world)
    assert caught.value.details["causes"][0]["message"] == (
        "The disruption budget b does not allow evicting pods currently because it failed sync: "
        "no idea"
    )


def test_more_than_one_budget(world, victim):
    budget(world, allowed=1)
    budget(world, allowed=1, name="c")
    with world.refused(500, "InternalError", "more than one PodDisruptionBudget"):
        evict(world)


def test_budgets_of_others_do_not_matter(world, victim):
    budget(world, allowed=0, labels={"app": "y"})
    evict(world)
    assert "deletionTimestamp" in world.get(PODS, "p")["metadata"]


def test_pods_that_are_done_need_no_budget(world, victim):
    budget(world, allowed=0)
    world.patch(PODS, "p", {"status": {"phase": "Succeeded"}}, subresource="status")
    evict(world)
    assert world.find(PODS, "p") is None


def test_pods_that_have_not_started_need_no_budget(world):
    world.create(PODS, objects.pod("p", labels={"app": "x"}, nodeName="node-1"))
    budget(world, allowed=0)
    evict(world)
    assert "deletionTimestamp" in world.get(PODS, "p")["metadata"]


def test_pods_that_are_not_ready_may_go_while_enough_others_are(world):
    running(world, "p", ready=False)
    budget(world, allowed=0)
    evict(world)
    assert "disruptedPods" not in world.get(POD_DISRUPTION_BUDGETS, "b")["status"]


def test_pods_that_are_not_ready_are_protected_when_too_few_others_are(world):
    running(world, "p", ready=False)
    budget(world, allowed=0)
    status = {"currentHealthy": 0}
    world.patch(POD_DISRUPTION_BUDGETS, "b", {"status": status}, subresource="status")
    with world.refused(429, "TooManyRequests"):
        evict(world)
    always = {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}
    world.patch(POD_DISRUPTION_BUDGETS, "b", always)
    evict(world)
    assert "deletionTimestamp" in world.get(PODS, "p")["metadata"]


def test_a_dry_run_evicts_nothing(world, victim):
    budget(world, allowed=1)
    with world.untouched():
        evict(world, dry_run=True)
        evict(world, body={"deleteOptions": {"dryRun": ["All"]}})


def test_delete_options_of_an_eviction(world, victim):
    with world.untouched():
        with world.refused(409, "Conflict", "the UID in the precondition (other)"):
            evict(world, body={"deleteOptions": {"preconditions": {"uid": "other"}}})
        with world.refused(409, "Conflict", "the ResourceVersion in the precondition (1)"):
            evict(world, body={"deleteOptions": {"preconditions": {"resourceVersion": "1"}}})
    present = world.get(PODS, "p")["metadata"]["resourceVersion"]
    options = {"gracePeriodSeconds": 7, "preconditions": {"resourceVersion": present}}
    evict(world, body={"deleteOptions": options})
    assert world.get(PODS, "p")["metadata"]["deletionGracePeriodSeconds"] == 7


def test_pods_on_their_way_out_are_marked_too(world, victim):
    world.delete(PODS, "p")
    evict(world)
    marked = world.get(PODS, "p")
    assert marked["status"]["conditions"][-1]["type"] == "DisruptionTarget"
    evict(world)
    assert world.get(PODS, "p") == marked


def test_an_eviction_names_its_pod(world, victim):
    with world.refused(400, "BadRequest", "name in URL does not match"):
        world.post(
            PODS,
            {"metadata": {"name": "q"}},
            namespace="default",
            name="p",
            subresource="eviction",
        )
    with world.refused(404, "NotFound"):
        evict(world, "q")


# Parts.


def test_ephemeral_containers_are_added_by_their_subresource_only(world, victim):
    pod = thaw(victim)
    pod["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "busybox"}]
    pod["spec"]["containers"][0]["image"] = "other"
    pod["status"]["phase"] = "Failed"
    world.update(PODS, pod, subresource="ephemeralcontainers")
    written = world.get(PODS, "p")
    assert [c["name"] for c in written["spec"]["ephemeralContainers"]] == ["debug"]
    assert written["spec"]["containers"] == victim["spec"]["containers"]
    assert written["status"]["phase"] == "Running"


def test_resources_are_changed_by_resize_only(world, victim):
    pod = thaw(victim)
    pod["spec"]["containers"][0]["image"] = "other"
    pod["spec"]["containers"][0]["resources"] = {}
    with world.untouched():
        world.update(PODS, pod, subresource="resize")


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "0"}}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        (
            {
                "limits": {"cpu": "1", "memory": "1Gi"},
                "requests": {"cpu": "1", "memory": "512Mi"},
            },
            "Burstable",
        ),
    ],
)
def test_the_quality_of_service_is_told_at_birth(world, resources, expected):
    pod = objects.pod("p")
    pod["spec"]["containers"][0]["resources"] = resources
    assert world.create(PODS, pod)["status"] == {"phase": "Pending", "qosClass": expected}


def test_whole_collections_of_pods_wait_for_their_kubelets(world, victim):
    world.create(PODS, objects.pod("q"))
    world.registry.delete_collection(PODS, "default", DeleteOptions(), ListOptions())
    assert world.names(PODS) == ["p"]
