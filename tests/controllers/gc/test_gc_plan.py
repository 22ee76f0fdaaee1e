"""What becomes of an object, given its owners; and the graph that knows its dependents."""

import random
from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.api.resources import CONFIGMAPS
from miniplane.controllers.garbagecollector.graph import Graph, Node, waits_for
from miniplane.controllers.garbagecollector.plan import (
    Delete,
    DropReferences,
    Owner,
    plan,
    unblocked,
    without_owners,
)

KINDS = {
    "s": Owner.SOLID,
    "w": Owner.WAITING,
    "d": Owner.DANGLING,
    "u": Owner.UNKNOWN,
}

PLANS: list[tuple[str, str, dict[str, Any], object]] = [
    # owners, dependents ("", "some", "waiting"), finalizers -> what is done
    ("", "", {}, None),
    ("s", "", {}, None),
    ("ss", "some", {}, None),
    ("sd", "", {}, DropReferences(("1",))),
    ("sw", "", {}, DropReferences(("1",))),
    ("dswd", "some", {}, DropReferences(("0", "2", "3"))),
    ("d", "", {}, Delete("Background")),
    ("dd", "some", {}, Delete("Background")),
    ("w", "", {}, Delete("Background")),
    ("w", "some", {}, Delete("Foreground")),
    ("dw", "some", {}, Delete("Foreground")),
    ("w", "waiting", {}, Delete("Foreground", unblock=True)),
    ("d", "waiting", {}, Delete("Background")),
    ("d", "", {"finalizers": ["orphan"]}, Delete("Orphan")),
    ("d", "", {"finalizers": ["foregroundDeletion"]}, Delete("Foreground")),
    ("d", "", {"finalizers": ["example.com/mine"]}, Delete("Background")),
    ("u", "", {}, None),
    ("du", "some", {}, None),
    ("su", "", {}, None),
    ("sdu", "", {}, None),
]


@pytest.mark.parametrize(("owners", "dependents", "metadata", "expected"), PLANS)
def test_plan(owners: str, dependents: str, metadata: dict[str, Any], expected: object) -> None:
    found = [(str(number), KINDS[letter]) for number, letter in enumerate(owners)]
    what = plan(
        {"metadata": metadata},
        found,
        dependents=bool(dependents),
        waiting_dependents=dependents == "waiting",
    )
    assert what == expected


@pytest.mark.parametrize("seed", range(50))
def test_an_object_goes_only_when_no_owner_keeps_it(seed: int) -> None:
    rng = random.Random(seed)
    owners = [(str(n), rng.choice(list(KINDS.values()))) for n in range(rng.randint(0, 5))]
    kinds = [kind for _, kind in owners]
    what = plan({"metadata": {}}, owners, dependents=rng.random() < 0.5)
    kept = not owners or Owner.SOLID in kinds or Owner.UNKNOWN in kinds
    assert isinstance(what, Delete) != kept
    if isinstance(what, DropReferences):
        left = [kind for uid, kind in owners if uid not in what.uids]
        assert left and all(kind is Owner.SOLID for kind in left)


def test_references() -> None:
    obj = {
        "metadata": {"ownerReferences": [{"uid": "a", "blockOwnerDeletion": True}, {"uid": "b"}]}
    }
    assert without_owners(obj, ["a"]) == [{"uid": "b"}]
    assert without_owners({"metadata": {}}, ["a"]) == []
    assert [ref["blockOwnerDeletion"] for ref in unblocked(obj)] == [False, False]
    deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["orphan"]}
    assert waits_for({"metadata": deleted}, "orphan")
    assert not waits_for({"metadata": {"finalizers": ["orphan"]}}, "orphan")
    assert not waits_for({"metadata": deleted}, "foregroundDeletion")


def make_node(uid: str) -> Node:
    return Node(uid, CONFIGMAPS, "a", uid)


@pytest.mark.parametrize("seed", range(30))
def test_the_graph_is_what_the_references_say(seed: int) -> None:
    rng = random.Random(seed)
    graph, refs = Graph(), {}
    for _ in range(200):
        uid = f"n{rng.randrange(8)}"
        after: list[Obj] = [
            {"uid": f"n{rng.randrange(8)}", "blockOwnerDeletion": rng.choice([True, False, None])}
            for _ in range(rng.choice([0, 0, 1, 1, 2, 3]))
        ]
        graph.move(make_node(uid), refs.get(uid, []), after)
        refs[uid] = after
        graph._check()
        for owner in (f"n{number}" for number in range(8)):
            users = [uid for uid, found in refs.items() if any(r["uid"] == owner for r in found)]
            assert sorted(node.uid for node in graph.dependents(owner)) == sorted(users)
            assert graph.has_dependents(owner) == bool(users)
            blocked = any(
                ref["uid"] == owner and ref["blockOwnerDeletion"]
                for found in refs.values()
                for ref in found
            )
            assert graph.is_blocked(owner) == blocked
