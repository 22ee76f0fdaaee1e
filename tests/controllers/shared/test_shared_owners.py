"""Adoption, release, and the index of pods by owner."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from miniplane.api import objects
from miniplane.api.objects import Obj
from miniplane.controllers import owners, scaling
from miniplane.controllers.podindex import PodIndex
from miniplane.controllers.pods import PodView

SET = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "controller": True}


def candidate(name: str, *, owner: str = "", app: str = "web", gone: bool = False) -> Obj:
    meta: Obj = {"name": name, "namespace": "a", "uid": name, "labels": {"app": app}}
    if owner:
        meta["ownerReferences"] = [{**SET, "uid": owner}]
    if gone:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": meta}


def claim(*candidates: Obj, terminating: bool = False) -> tuple[str, str, str]:
    found = owners.claim(
        candidates,
        owner_uid="me",
        owner_terminating=terminating,
        controller=objects.controller_of,
        terminating=objects.is_terminating,
        matches=lambda obj: obj["metadata"]["labels"]["app"] == "web",
    )
    return (
        " ".join(map(objects.name_of, found.owned)),
        " ".join(map(objects.name_of, found.adopt)),
        " ".join(map(objects.name_of, found.release)),
    )


def test_claim() -> None:
    candidates = [
        candidate("mine", owner="me"),
        candidate("other", owner="you"),
        candidate("astray", owner="me", app="x"),
        candidate("free"),
        candidate("stranger", app="x"),
        candidate("dying", gone=True),
        candidate("mine-dying", owner="me", gone=True),
    ]
    assert claim(*candidates) == ("mine mine-dying", "free", "astray")
    assert claim(*candidates, terminating=True) == ("mine mine-dying", "", "")


def test_patches() -> None:
    ref = {**SET, "uid": "me"}
    assert owners.adopt_patch(ref, "u") == {"metadata": {"ownerReferences": [ref], "uid": "u"}}
    assert owners.release_patch("me", "u") == {
        "metadata": {"ownerReferences": [{"$patch": "delete", "uid": "me"}], "uid": "u"}
    }
    assert owners.controller_uid(candidate("x", owner="me")) == "me"
    assert owners.controller_uid(candidate("x")) == ""


class FakeInformer:
    """Tells of changes as an informer does."""

    def __init__(self) -> None:
        self.objects: dict[str, Obj] = {}
        self.handler: Callable[[Obj | None, Obj | None], None]

    def on_change(self, handler: Callable[[Obj | None, Obj | None], None]) -> None:
        self.handler = handler

    def set(self, name: str, obj: Obj | None) -> None:
        old = self.objects.pop(name, None)
        if obj is not None:
            self.objects[name] = obj
        if old is not None or obj is not None:
            self.handler(old, obj)


def index(informer: Any, told: list[Any]) -> PodIndex[PodView]:
    return PodIndex(
        informer,
        api_version="apps/v1",
        kind="StatefulSet",
        view=PodView,
        changed=lambda old, new: told.append((old and old.name, new and new.name)),
    )


def test_pod_index_follows_pods_from_hand_to_hand() -> None:
    informer, told = FakeInformer(), []
    found = index(informer, told)

    def shown(uid: str) -> list[str]:
        found._check()
        return [view.name for view in found.owned(uid)]

    informer.set("p", candidate("p"))
    assert [view.name for view in found.orphans("a")] == ["p"] and not found.orphans("b")
    informer.set("p", candidate("p", owner="me"))
    assert shown("me") == ["p"] and not found.orphans("a")
    informer.set("p", candidate("p", owner="you"))
    assert shown("me") == [] and shown("you") == ["p"]
    foreign = candidate("p", owner="me")
    foreign["metadata"]["ownerReferences"][0]["kind"] = "ReplicaSet"
    informer.set("p", foreign)
    assert shown("you") == [] and shown("me") == []
    informer.set("p", None)
    assert told == [(None, "p"), ("p", "p"), ("p", "p"), ("p", None)]


def test_pod_index_under_random_changes() -> None:
    chance = random.Random(7)
    informer = FakeInformer()
    found = index(informer, [])
    for _ in range(2000):
        name = f"p{chance.randrange(12)}"
        owner = chance.choice(["", "me", "you"])
        informer.set(name, candidate(name, owner=owner) if chance.random() < 0.7 else None)
        found._check()
        for uid in ("me", "you"):
            expected = sorted(
                n for n, obj in informer.objects.items() if owners.controller_uid(obj) == uid
            )
            assert sorted(view.name for view in found.owned(uid)) == expected


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 1000])
def test_slow_start_covers_everything_once(count: int) -> None:
    batches = [list(batch) for batch in scaling.slow_start(count, limit=100)]
    assert list(itertools.chain(*batches)) == list(range(count))
    sizes = [len(batch) for batch in batches]
    assert all(size <= 100 for size in sizes)
    assert all(b <= 2 * a for a, b in itertools.pairwise(sizes))


def test_scaled() -> None:
    assert scaling.scaled("0%", 10, round_up=True) == 0
    assert scaling.scaled("100%", 7, round_up=False) == 7
    assert scaling.scaled("34%", 3, round_up=True) == 2
    with pytest.raises(ValueError, match="neither"):
        scaling.scaled("ten", 10, round_up=True)
