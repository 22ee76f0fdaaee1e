"""Scenario by scenario: what one sync of a Deployment does.

A state lists the ReplicaSets from the oldest to the newest: `v1:4/3` is one of template v1 with 4
replicas, of which 3 are available. The Deployment's own template is v2 unless the row says so.
"""

from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.controllers.deployment import plan as plans
from miniplane.controllers.deployment import replicasets as sets
from miniplane.controllers.deployment.plan import Annotate, Create, Plan, Scale, plan

UID = "deployment-uid"


def make_template(version: str) -> Obj:
    return {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": version}]},
    }


def make_deployment(
    replicas: int = 4,
    *,
    surge: int | str = 1,
    unavailable: int | str = 1,
    template: str = "v2",
    strategy: str = "RollingUpdate",
    status: Obj | None = None,
    deleted: bool = False,
    **spec: Any,
) -> Obj:
    how: Obj = {"type": strategy}
    if strategy == "RollingUpdate":
        how["rollingUpdate"] = {"maxSurge": surge, "maxUnavailable": unavailable}
    metadata: Obj = {"name": "web", "namespace": "a", "uid": UID, "generation": 1}
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": make_template(template),
            "strategy": how,
            **spec,
        },
        "status": status or {},
    }


def make_sets(state: str, deployment: Obj, *, scaled_for: int | None = None) -> list[Obj]:
    """The ReplicaSets of a state, as the Deployment left them when it was `scaled_for` pods."""
    surge, _ = sets.bounds(deployment)
    wanted = scaled_for if scaled_for is not None else sets.wanted_of(deployment)
    found = []
    for number, word in enumerate(state.split(), 1):
        version, _, sizes = word.partition(":")
        size, _, available = sizes.partition("/")
        template = make_template(version)
        template["metadata"]["labels"][sets.HASH] = version
        annotations = {
            sets.DESIRED: str(wanted),
            sets.MAXIMUM: str(wanted + surge),
            sets.REVISION: str(number),
        }
        found.append(
            {
                "metadata": {
                    "name": f"web-{version}",
                    "namespace": "a",
                    "uid": f"uid-{version}",
                    "generation": 1,
                    "creationTimestamp": f"2026-01-01T00:00:0{number}Z",
                    "annotations": annotations,
                },
                "spec": {"replicas": int(size), "template": template},
                "status": {
                    "replicas": int(size),
                    "availableReplicas": int(available or size),
                    "observedGeneration": 1,
                },
            }
        )
    return found


def version_of(replica_set: Obj) -> str:
    return replica_set["spec"]["template"]["spec"]["containers"][0]["image"]


def show(what: Plan) -> list[str]:
    lines = []
    if isinstance(what.prepare, Create):
        made = what.prepare.replica_set
        lines.append(f"make {version_of(made)} of {sets.replicas(made)}")
    elif isinstance(what.prepare, Annotate):
        revision = what.prepare.annotations[sets.REVISION]
        lines.append(f"note revision {revision} on {version_of(what.prepare.replica_set)}")
    for step in what.steps:
        version = version_of(step.replica_set)
        lines.append(f"{version} to {step.to}" if isinstance(step, Scale) else f"drop {version}")
    return lines


COMPLETE = {"replicas": 4, "updatedReplicas": 4, "availableReplicas": 4, "observedGeneration": 1}

ROLLING: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("a new one is made at full size", {}, "", ["make v2 of 4"]),
    ("nothing to do", {}, "v2:4/4", []),
    ("scaled to none", {"replicas": 0}, "", ["make v2 of 0"]),
    # The course of a rollout.
    ("surge and the first to go", {}, "v1:4/4", ["make v2 of 1", "v1 to 3"]),
    ("no surge", {"surge": 0}, "v1:4/4", ["make v2 of 0", "v1 to 3"]),
    ("nothing may be unavailable", {"unavailable": 0}, "v1:4/4", ["make v2 of 1"]),
    ("quarters, as by default", {"surge": "25%", "unavailable": "25%"}, "v1:4/4",
     ["make v2 of 1", "v1 to 3"]),
    ("percentages that come to nothing", {"surge": "0%", "unavailable": "1%"}, "v1:4/4",
     ["make v2 of 0", "v1 to 3"]),
    ("room for one more", {}, "v1:3/3 v2:1/0", ["v2 to 2"]),
    ("stalled: new ones do not become available", {}, "v1:3/3 v2:2/0", []),
    ("new ones are available", {}, "v1:3/3 v2:2/2", ["v1 to 1"]),
    ("the last old ones", {}, "v1:1/1 v2:4/4", ["v1 to 0"]),
    ("all at once", {"surge": "100%"}, "v1:4/4", ["make v2 of 4", "v1 to 3"]),
    # Unhealthy old pods go first, and do not count.
    ("unhealthy old pods", {}, "v1:4/2 v2:1/0", ["v1 to 3"]),
    ("unhealthy ones, and a spare one", {"unavailable": 2}, "v1:4/3 v2:2/2",
     ["v1 to 3", "v1 to 0"]),
    ("of several old ones, the oldest goes first", {}, "v0:2/2 v1:2/2 v2:1/1",
     ["v0 to 0"]),
    ("what nobody misses goes before what is old", {}, "v0:2/2 v1:2/0 v2:1/1", ["v1 to 0"]),
    # Rolling over to yet another template, and back.
    ("roll over: no room", {"template": "v3"}, "v1:3/3 v2:2/0", ["make v3 of 0", "v2 to 0"]),
    ("roll back to v1", {"template": "v1"}, "v1:3/3 v2:2/0", ["note revision 3 on v1", "v2 to 0"]),
    ("the new one is too large", {"replicas": 2}, "v2:4/4", ["v2 to 2"]),
    ("minReadySeconds is passed on", {"minReadySeconds": 5}, "v2:4/4", ["note revision 1 on v2"]),
    # Old ReplicaSets beyond the limit go once the rollout is complete.
    ("history", {"revisionHistoryLimit": 1, "status": COMPLETE}, "v0:0 v1:0 v2:4/4", ["drop v0"]),
    ("history, not complete", {"revisionHistoryLimit": 1}, "v0:0 v1:0 v2:4/3", []),
    ("no history", {"revisionHistoryLimit": 0, "status": COMPLETE}, "v0:0 v1:0 v2:4/4",
     ["drop v0", "drop v1"]),
    ("on its way out", {"deleted": True}, "v1:4/4", []),
]  # fmt: skip


@pytest.mark.parametrize(("about", "spec", "state", "expected"), ROLLING, ids=lambda v: str(v)[:40])
def test_rolling_update(about: str, spec: dict[str, Any], state: str, expected: list[str]) -> None:
    deployment = make_deployment(**spec)
    what = plan(deployment, make_sets(state, deployment), old_pods=False)
    assert show(what) == expected, about
    assert what.rollout == (not spec.get("deleted", False))


RECREATE: list[tuple[str, bool, str, list[str]]] = [
    ("first", False, "", ["make v2 of 4"]),
    ("old ones go first", True, "v1:4/4", ["v1 to 0"]),
    ("all old ones", True, "v0:1/1 v1:3/3", ["v0 to 0", "v1 to 0"]),
    ("the last pods are stopping", True, "v1:0", []),
    ("they are gone", False, "v1:0", ["make v2 of 4"]),
    ("back to one that is there", False, "v1:0 v2:0", ["v2 to 4"]),
    ("done", False, "v1:0 v2:4/4", []),
]


@pytest.mark.parametrize(("about", "old_pods", "state", "expected"), RECREATE)
def test_recreate(about: str, old_pods: bool, state: str, expected: list[str]) -> None:
    deployment = make_deployment(strategy="Recreate")
    what = plan(deployment, make_sets(state, deployment), old_pods=old_pods)
    assert show(what) == expected, about


def test_recreate_waits_for_old_pods_that_only_their_replicaset_knows() -> None:
    deployment = make_deployment(strategy="Recreate")
    old = make_sets("v1:0", deployment)
    old[0]["status"]["replicas"] = 1
    assert show(plan(deployment, old, old_pods=False)) == []


SCALING: list[tuple[str, dict[str, Any], int, str, list[str]]] = [
    ("up", {"replicas": 6}, 4, "v2:4/4", ["v2 to 6"]),
    ("down", {"replicas": 1}, 4, "v2:4/4", ["v2 to 1"]),
    ("to none", {"replicas": 0}, 4, "v2:4/4", ["v2 to 0"]),
    ("in a stalled rollout, each gets its share", {"replicas": 9}, 4, "v1:4/4 v2:1/0",
     ["v1 to 8", "v2 to 2"]),
    ("and down again", {"replicas": 4}, 9, "v1:8/8 v2:2/0", ["v1 to 4", "v2 to 1"]),
    ("what rounding leaves goes to the largest", {"replicas": 7, "surge": 0}, 5, "v1:3/3 v2:2/0",
     ["v1 to 4", "v2 to 3"]),
    ("of equal ones the newest grows more", {"replicas": 5, "surge": 0}, 4, "v1:2/2 v2:2/0",
     ["v2 to 3", "v1 to 2"]),
    ("of equal ones the oldest shrinks more", {"replicas": 3, "surge": 0}, 4, "v1:2/2 v2:2/2",
     ["v1 to 1", "v2 to 2"]),
    ("none are wanted", {"replicas": 0}, 4, "v1:3/3 v2:2/0", ["v1 to 0", "v2 to 0"]),
    ("the new one is complete: old ones go", {"replicas": 2}, 2, "v1:1/1 v2:2/2", ["v1 to 0"]),
    ("a Recreate rollout is not scaled in the middle", {"replicas": 6, "strategy": "Recreate"}, 4,
     "v1:2/2 v2:2/2", []),
]  # fmt: skip


@pytest.mark.parametrize(("about", "spec", "before", "state", "expected"), SCALING)
def test_scaling(
    about: str, spec: dict[str, Any], before: int, state: str, expected: list[str]
) -> None:
    deployment = make_deployment(**spec)
    found = make_sets(state, deployment, scaled_for=before)
    if before == spec["replicas"]:
        deployment["spec"]["paused"] = True
    what = plan(deployment, found, old_pods=False)
    assert show(what) == expected, about
    assert not what.rollout


def test_paused_deployments_scale_but_do_not_roll_out() -> None:
    deployment = make_deployment(6, paused=True)
    assert show(
        plan(deployment, make_sets("v1:4/4", deployment, scaled_for=4), old_pods=False)
    ) == ["v1 to 6"]
    assert show(plan(deployment, make_sets("v1:6/6", deployment), old_pods=False)) == []


def test_paused_deployments_drop_history() -> None:
    deployment = make_deployment(paused=True, revisionHistoryLimit=0)
    what = plan(deployment, make_sets("v0:0 v1:0 v2:4/4", deployment), old_pods=False)
    assert show(what) == ["drop v0", "drop v1"]


def test_a_stale_size_note_is_put_right() -> None:
    """Else the Deployment would take itself to be scaling for ever, and never roll out."""
    deployment = make_deployment(1)
    found = make_sets("v2:1/1", deployment, scaled_for=2)
    assert show(plan(deployment, found, old_pods=False)) == ["v2 to 1"]


def test_only_empty_replicasets_that_were_seen_empty_are_history() -> None:
    deployment = make_deployment(revisionHistoryLimit=0, status=COMPLETE)
    found = make_sets("v0:0 v1:0 v2:4/4", deployment)
    found[0]["status"]["replicas"] = 1
    found[1]["metadata"]["generation"] = 2
    assert plans.cleanup(deployment, found[:2]) == []


def test_a_new_replicaset_carries_what_belongs_on_it() -> None:
    deployment = make_deployment(minReadySeconds=3)
    deployment["metadata"]["annotations"] = {
        "team": "x",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        sets.REVISION: "7",
    }
    what = plan(deployment, make_sets("v0:0 v1:4/4", deployment), old_pods=False)
    assert isinstance(what.prepare, Create)
    new = what.prepare.replica_set
    digest = new["metadata"]["labels"][sets.HASH]
    assert new["metadata"]["name"] == f"web-{digest}"
    assert new["metadata"]["annotations"] == {
        "team": "x",
        sets.REVISION: "3",
        sets.DESIRED: "4",
        sets.MAXIMUM: "5",
    }
    assert new["metadata"]["ownerReferences"][0]["uid"] == UID
    labels = {"app": "web", sets.HASH: digest}
    assert new["metadata"]["labels"] == labels
    assert new["spec"]["selector"] == {"matchLabels": labels}
    assert new["spec"]["template"]["metadata"]["labels"] == labels
    assert new["spec"]["minReadySeconds"] == 3
    assert deployment["spec"]["template"] == make_template("v2"), "the Deployment was changed"


def test_a_collision_changes_the_name() -> None:
    deployment = make_deployment()
    collided = make_deployment(status={"collisionCount": 1})
    assert sets.template_hash(deployment) != sets.template_hash(collided)


def test_a_rollback_raises_the_revision_and_notes_the_former_ones() -> None:
    deployment = make_deployment(template="v1")
    found = make_sets("v1:0 v2:4/4", deployment)
    what = plan(deployment, found, old_pods=False)
    assert isinstance(what.prepare, Annotate)
    noted = what.prepare.annotations
    assert (noted[sets.REVISION], noted[sets.REVISION_HISTORY]) == ("3", "1")
    again = sets.annotations(deployment, noted, 5, exists=True)
    assert (again[sets.REVISION], again[sets.REVISION_HISTORY]) == ("5", "1,3")


def test_the_oldest_of_equal_replicasets_is_the_new_one() -> None:
    deployment = make_deployment()
    found = make_sets("v2:1/1 v2:3/3", deployment)
    found[0]["metadata"]["uid"], found[0]["metadata"]["name"] = "first", "web-first"
    assert sets.find_new(deployment, reversed(found)) is found[0]
