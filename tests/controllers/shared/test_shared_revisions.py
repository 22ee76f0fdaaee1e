"""Revisions: names, numbers, and what a template needs."""

import pytest

from miniplane.api.objects import Obj
from miniplane.api.resources import STATEFUL_SETS
from miniplane.controllers import revisions
from miniplane.controllers.daemonset import history as daemon_history


def template(image: str) -> Obj:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": image}]}}


def revision(number: int, image: str, *, created: str = "2026-01-01T00:00:00Z") -> Obj:
    meta = {"name": f"web-{image}", "creationTimestamp": created, "labels": {}}
    meta["labels"] = {"controller-revision-hash": image}
    return {"metadata": meta, "revision": number, "data": revisions.data_of(template(image))}


def test_data_is_a_patch_that_puts_the_template_back() -> None:
    data = revisions.data_of(template("a"))
    assert data["spec"]["template"]["$patch"] == "replace"
    assert revisions.template_of({"data": data}) == template("a")
    assert revisions.template_of({}) == {}


def test_names_tell_contents_apart() -> None:
    one, two = (revisions.digest(revisions.data_of(template(x))) for x in "ab")
    assert one != two
    assert revisions.digest({"a": 1, "b": 2}) == revisions.digest({"b": 2, "a": 1})
    assert revisions.digest({}) != revisions.digest({}, 1)
    assert set(one) <= set("456789bcdf")
    # As Go encodes it: these are escaped.
    assert revisions.digest({"a": "<"}) == revisions.digest({"a": "<"})
    assert revisions.name_for("x" * 300, "tail") == "x" * 223 + "-tail"


def test_digest_is_that_of_kubernetes() -> None:
    """FNV-1 of the JSON and the collision count, as a decimal number in letters."""
    value = 0x811C9DC5
    for byte in b'{"spec":{"template":{"$patch":"replace","a":"\\u003cb\\u003e"}}}0':
        value = (value * 0x01000193) % 2**32 ^ byte
    letters = "bcdfghjklmnpqrstvwxz2456789"
    expected = "".join(letters[ord(digit) % 27] for digit in str(value))
    assert revisions.digest({"spec": {"template": {"a": "<b>", "$patch": "replace"}}}) == expected


@pytest.mark.parametrize(
    ("history", "image", "expected"),
    [
        ("", "a", ("Create", 1)),
        ("a", "a", ("Keep", "a")),
        ("ab", "b", ("Keep", "b")),
        ("ab", "a", ("Raise", "a", 3)),
        ("ab", "c", ("Create", 3)),
    ],
)
def test_plan(history: str, image: str, expected: tuple[object, ...]) -> None:
    found = [revision(n, i) for n, i in enumerate(history, 1)]
    what = revisions.plan(found[::-1], template(image))
    told: tuple[object, ...] = (type(what).__name__,)
    if isinstance(what, revisions.Create):
        assert what.data == revisions.data_of(template(image))
    else:
        told += (what.revision["metadata"]["name"].removeprefix("web-"),)
    if not isinstance(what, revisions.Keep):
        told += (what.number,)
    assert told == expected


def test_order_is_by_number_then_age_then_name() -> None:
    older, younger = revision(2, "z"), revision(2, "a", created="2026-01-02T00:00:00Z")
    assert revisions.ordered([younger, older, revision(1, "m")])[1:] == [older, younger]
    assert revisions.next_number([older, younger]) == 3


@pytest.mark.parametrize(
    ("live", "limit", "gone"),
    [([], 4, ""), ([], 2, "ab"), (["web-d"], 1, "ab"), (["web-a", "web-d"], 0, "bc"), ([], -1, "")],
)
def test_surplus(live: list[str], limit: int, gone: str) -> None:
    found = [revision(n, i) for n, i in enumerate("abcd", 1)]
    surplus = revisions.surplus(found, live=live, limit=limit)
    assert [r["metadata"]["name"] for r in surplus] == [f"web-{x}" for x in gone]


@pytest.mark.parametrize(
    ("live", "limit", "gone"),
    # The present revision is d; revisions that pods have stay, but count.
    [([], 3, ""), ([], 1, "ab"), (["a"], 1, "bc"), (["a", "b", "c"], 0, ""), (["d"], 0, "abc")],
)
def test_surplus_of_daemon_sets(live: list[str], limit: int, gone: str) -> None:
    found = [revision(n, i) for n, i in enumerate("abcd", 1)]
    surplus = daemon_history.surplus(found, present=found[-1], live=live, limit=limit)
    assert [r["metadata"]["name"] for r in surplus] == [f"web-{x}" for x in gone]


def test_new_revisions_look_as_they_should() -> None:
    meta = {"name": "web", "namespace": "a", "uid": "u", "labels": {"not": "copied"}}
    owner = {"metadata": {**meta, "annotations": {"team": "x"}}}
    data = revisions.data_of(template("a"))
    made = revisions.new(STATEFUL_SETS, owner, data=data, number=3, collisions=0)
    tail = revisions.digest(data)
    assert made == {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"web-{tail}",
            "namespace": "a",
            "labels": {"app": "web", "controller.kubernetes.io/hash": tail},
            "annotations": {"team": "x"},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "StatefulSet",
                    "name": "web",
                    "uid": "u",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "data": data,
        "revision": 3,
    }
