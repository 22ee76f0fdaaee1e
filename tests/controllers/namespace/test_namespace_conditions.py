"""What the conditions of a namespace on its way out say."""

from miniplane.api.objects import Obj
from miniplane.api.resources import CONFIGMAPS, PODS, STATEFUL_SETS
from miniplane.controllers.namespace import plan
from miniplane.controllers.namespace.plan import Remaining

START, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"
FINE = {
    "NamespaceDeletionDiscoveryFailure": ("False", "ResourcesDiscovered"),
    "NamespaceDeletionGroupVersionParsingFailure": ("False", "ParsedGroupVersions"),
    "NamespaceDeletionContentFailure": ("False", "ContentDeleted"),
    "NamespaceContentRemaining": ("False", "ContentRemoved"),
    "NamespaceFinalizersRemaining": ("False", "ContentHasNoFinalizers"),
}


def make(*finalizers: str) -> Obj:
    return {"metadata": {"finalizers": list(finalizers)}}


def told(found: list[Obj]) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in found}


def message(found: list[Obj], kind: str) -> str:
    return next(c["message"] for c in found if c["type"] == kind)


def test_nothing_is_left() -> None:
    remaining = Remaining.of([(PODS, [])])
    assert remaining.empty
    found = plan.conditions([], remaining, START)
    assert told(found) == FINE
    assert list(told(found)) == list(FINE)


def test_what_is_left_is_counted_by_kind_and_by_finalizer() -> None:
    held = [make("example.com/a", "example.com/b"), make("example.com/a")]
    remaining = Remaining.of([(CONFIGMAPS, held), (STATEFUL_SETS, [make()])])
    assert not remaining.empty
    found = plan.conditions([], remaining, START)
    assert told(found) == {
        **FINE,
        "NamespaceContentRemaining": ("True", "SomeResourcesRemain"),
        "NamespaceFinalizersRemaining": ("True", "SomeFinalizersRemain"),
    }
    assert message(found, "NamespaceContentRemaining") == (
        "Some resources are remaining: configmaps. has 2 resource instances, "
        "statefulsets.apps has 1 resource instances"
    )
    assert message(found, "NamespaceFinalizersRemaining") == (
        "Some content in the namespace has finalizers remaining: "
        "example.com/a in 2 resource instances, example.com/b in 1 resource instances"
    )


def test_what_should_be_gone_is_a_failure() -> None:
    why = plan.unexpected("a", PODS)
    found = plan.conditions([], Remaining.of([(PODS, [make()])], [why]), START)
    assert told(found)["NamespaceDeletionContentFailure"] == ("True", "ContentDeletionFailed")
    assert message(found, "NamespaceDeletionContentFailure") == (
        "Failed to delete all resource types, 1 remaining: unexpected items still remain in "
        "namespace: a for gvr: /v1, Resource=pods"
    )


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    first = plan.conditions([], Remaining.of([(CONFIGMAPS, [make()])]), START)
    again = plan.conditions(first, Remaining.of([(CONFIGMAPS, [make()] * 2)]), LATER)
    assert {c["lastTransitionTime"] for c in again} == {START}
    assert again != first
    gone = plan.conditions(again, Remaining.of([]), LATER)
    times = {c["type"]: c["lastTransitionTime"] for c in gone}
    assert times.pop("NamespaceContentRemaining") == LATER
    assert set(times.values()) == {START}
    assert plan.conditions(gone, Remaining.of([]), "2026-01-02T00:00:00Z") == gone


def test_conditions_of_others_stay() -> None:
    mine = {"type": "Mine", "status": "True", "reason": "R", "message": "m"}
    assert plan.conditions([mine], Remaining.of([]), START)[0] == mine


def test_the_longest_grace_of_pods_that_run() -> None:
    def pod(grace: int, phase: str) -> Obj:
        return {"spec": {"terminationGracePeriodSeconds": grace}, "status": {"phase": phase}}

    assert plan.longest_grace([]) == 0
    pods = [pod(5, "Running"), pod(30, "Succeeded"), pod(10, "Pending"), {"spec": {}}]
    assert plan.longest_grace(pods) == 10
