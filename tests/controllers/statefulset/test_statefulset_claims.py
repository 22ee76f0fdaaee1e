"""Claims: what is missing, who should own them, and what is left alone."""

from typing import Any

import pytest

from miniplane.api.models.statefulset import StatefulSet
from miniplane.controllers.pods import PodView
from miniplane.controllers.statefulset import claims, identity
from miniplane.controllers.statefulset.actions import CreatePod, MakeClaims, OwnClaims, UpdatePod
from miniplane.controllers.statefulset.claims import ClaimView, Member
from miniplane.controllers.statefulset.plan import Revision, plan
from miniplane.controllers.statefulset.replica import Replica

SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "name": "web",
    "uid": "set",
    "controller": True,
}
POD = {"apiVersion": "v1", "kind": "Pod", "name": "web-0", "uid": "pod", "controller": True}
OTHER = {"apiVersion": "v1", "kind": "Backup", "name": "b", "uid": "x", "controller": True}
REVISION = Revision("web-1", {"metadata": {"labels": {"app": "web"}}, "spec": {}})


def make_set(deleted: str = "Retain", scaled: str = "Retain", replicas: int = 1) -> StatefulSet:
    return StatefulSet.of(
        {
            "metadata": {"name": "web", "namespace": "a", "uid": "set"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": REVISION.template,
                "persistentVolumeClaimRetentionPolicy": {
                    "whenDeleted": deleted,
                    "whenScaled": scaled,
                },
                "volumeClaimTemplates": [
                    {"metadata": {"name": "data", "labels": {"kind": "store"}}, "spec": {"x": 1}},
                    {"metadata": {"name": "log"}},
                ],
            },
        }
    )


def there(*owners: Any, terminating: bool = False) -> dict[str, ClaimView]:
    return {name: ClaimView(name, terminating, owners) for name in ("data-web-0", "log-web-0")}


def make_pod(phase: str = "Running", *, claims: Any = None, **labels: str) -> Replica:
    mounted = (("data", "data-web-0"), ("log", "log-web-0")) if claims is None else claims
    named = labels or {"statefulset.kubernetes.io/pod-name": "web-0"}
    return Replica(
        namespace="a",
        name="web-0",
        uid="pod",
        created_at="",
        labels={"app": "web", "controller-revision-hash": "web-1", **named},
        phase=phase,
        ready=phase == "Running",
        ready_since=0.0,
        terminating=False,
        bound=True,
        node="n",
        claims=mounted,
        controller={"uid": "set"},
    )


def actions(set_: StatefulSet, pods: Any, found: dict[str, ClaimView]) -> Any:
    return plan(set_, pods, found, current=REVISION, update=REVISION, now=1.0).actions


def test_a_pod_comes_with_its_claims() -> None:
    [create] = actions(make_set(), [], {})
    assert isinstance(create, CreatePod)
    assert [c["metadata"] for c in create.claims] == [
        {"name": "data-web-0", "namespace": "a", "labels": {"kind": "store", "app": "web"}},
        {"name": "log-web-0", "namespace": "a", "labels": {"app": "web"}},
    ]
    assert [c["spec"] for c in create.claims] == [{"x": 1}, {}]
    assert create.pod["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
        {"name": "log", "persistentVolumeClaim": {"claimName": "log-web-0"}},
    ]


def test_claims_that_are_there_are_used_again() -> None:
    [create] = actions(make_set(), [], there())
    assert (create.claims, create.going, create.owning) == ((), (), ())
    [create] = actions(make_set(), [], there(terminating=True))
    assert create.going == ("data-web-0", "log-web-0")


def test_volumes_of_the_template_give_way() -> None:
    own = [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    found = identity.with_claims(identity.claim_volumes(make_set(), 0), own)
    assert [volume["name"] for volume in found] == ["data", "log", "tmp"]
    assert "persistentVolumeClaim" in found[0]


def test_a_pending_pod_gets_claims_that_were_lost() -> None:
    found = there()
    del found["log-web-0"]
    [make] = actions(make_set(), [make_pod("Pending")], found)
    assert isinstance(make, MakeClaims)
    assert [c["metadata"]["name"] for c in make.claims] == ["log-web-0"]
    # A running one does not notice.
    assert actions(make_set(), [make_pod()], found) == ()


def test_an_adopted_pod_is_brought_in_line() -> None:
    [update] = actions(make_set(), [make_pod(claims=(), other="x")], there())
    assert isinstance(update, UpdatePod)
    assert update.labels == {
        "statefulset.kubernetes.io/pod-name": "web-0",
        "apps.kubernetes.io/pod-index": "0",
    }
    assert [volume["name"] for volume in update.volumes or ()] == ["data", "log"]


OWNERS = [
    # whenDeleted, whenScaled, replicas (0: the pod is scaled away), before, after (None: leave it)
    ("Retain", "Retain", 1, (), None),
    ("Retain", "Retain", 1, (SET,), ()),
    ("Retain", "Retain", 1, (POD,), ()),
    ("Retain", "Retain", 1, (OTHER,), None),
    ("Delete", "Retain", 1, (), (SET,)),
    ("Delete", "Retain", 1, (SET,), None),
    ("Delete", "Retain", 0, (SET,), None),
    ("Delete", "Retain", 0, (SET, POD), (SET,)),
    ("Retain", "Delete", 1, (), None),
    ("Retain", "Delete", 0, (), (POD,)),
    ("Retain", "Delete", 0, (POD,), None),
    ("Retain", "Delete", 1, (POD,), ()),
    ("Delete", "Delete", 1, (), (SET,)),
    ("Delete", "Delete", 0, (SET,), (POD,)),
    ("Delete", "Delete", 1, (POD,), (SET,)),
    # An owner that is no controller becomes one.
    ("Delete", "Retain", 1, ({**SET, "controller": False},), (SET,)),
    # Of an earlier life of the set: left to the garbage collector.
    ("Delete", "Retain", 1, ({**SET, "uid": "old"},), None),
    # Somebody else's: it stays so, and own claims to it go.
    ("Delete", "Retain", 1, (OTHER,), None),
    ("Delete", "Retain", 1, (OTHER, SET), (OTHER,)),
]


@pytest.mark.parametrize(("deleted", "scaled", "replicas", "before", "after"), OWNERS)
def test_owners(deleted: str, scaled: str, replicas: int, before: Any, after: Any) -> None:
    set_ = make_set(deleted, scaled, replicas)
    found = {"data-web-0": ClaimView("data-web-0", False, before)}
    changes = claims.misowned(set_, found, Member(0, "web-0", "pod"))
    if after is None:
        assert changes == ()
        return
    [change] = changes
    assert change.claim == "data-web-0"
    assert [(o["kind"], o["uid"], o["controller"]) for o in change.owners] == [
        (o["kind"], o["uid"], o["controller"]) for o in after
    ]
    assert change.conflict is (OTHER in before and len(before) > 1)
    again = {"data-web-0": ClaimView("data-web-0", False, change.owners)}
    assert claims.misowned(set_, again, Member(0, "web-0", "pod")) == ()


def test_a_condemned_pods_claims_change_hands_before_it_goes() -> None:
    first, second = actions(make_set("Delete", "Delete", 0), [make_pod()], there(SET))
    assert isinstance(first, OwnClaims)
    assert {o["kind"] for owning in first.owning for o in owning.owners} == {"Pod"}
    assert second.name == "web-0"


def test_stale_claims_hold_a_new_pod_up() -> None:
    stale = there({**POD, "uid": "earlier"})
    what = plan(make_set("Retain", "Delete"), [], stale, current=REVISION, update=REVISION, now=1.0)
    assert what.actions == ()
    assert what.waiting == "web-0 to lose the claims of its predecessor"
    assert len(actions(make_set("Retain", "Retain"), [], stale)) == 1


def test_views_of_claims() -> None:
    meta = {"name": "c", "ownerReferences": [SET], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert ClaimView.of({"metadata": meta}) == ClaimView("c", True, (SET,))
    assert ClaimView.of({"metadata": {"name": "c"}}) == ClaimView("c", False, ())
    assert isinstance(make_pod(), PodView)
