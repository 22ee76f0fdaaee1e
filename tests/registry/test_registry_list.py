"""GET and LIST: consistent pages, revisions, selectors, order."""

import base64
import json

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.options import ListOptions
from miniplane.api.resources import CONFIGMAPS, NODES, PODS
from miniplane.testing import objects


def fill(world, names="abcdef", **labels):
    for name in names:
        obj = objects.config_map(name, {"k": "1"})
        obj["metadata"]["labels"] = labels or {"set": "x"}
        world.create(CONFIGMAPS, obj)


def page(world, namespace="default", **options):
    return world.registry.list(CONFIGMAPS, namespace, ListOptions(**options))


def shown(result):
    return [(s.obj["metadata"]["name"], s.obj["data"]["k"]) for s in result.items]


def state(world, namespace="default"):
    return shown(page(world, namespace))


def disturb(world):
    """One of each kind of write."""
    world.patch(CONFIGMAPS, "a", {"data": {"k": "2"}})
    world.patch(CONFIGMAPS, "d", {"data": {"k": "2"}})
    world.delete(CONFIGMAPS, "e")
    world.create(CONFIGMAPS, objects.config_map("cc", {"k": "2"}))
    world.delete(CONFIGMAPS, "f")
    world.create(CONFIGMAPS, objects.config_map("f", {"k": "2"}))
    world.create(CONFIGMAPS, objects.config_map("x", {"k": "2"}, namespace="other"))


def test_a_list_in_pages_is_one_snapshot(world):
    fill(world)
    before, revision = state(world), world.revision
    pages = [page(world, limit=2)]
    disturb(world)
    while pages[-1].continue_token:
        pages.append(page(world, limit=2, continue_=pages[-1].continue_token))
        disturb_once_more = pages[-1].items[0].obj["metadata"]["name"]
        world.patch(CONFIGMAPS, "a", {"data": {"k": disturb_once_more}})
    assert [entry for each in pages for entry in shown(each)] == before
    assert [each.revision for each in pages] == [revision] * 3
    assert [each.remaining for each in pages] == [4, 2, None]


def test_the_page_size_may_change_on_the_way(world):
    fill(world)
    first = page(world, limit=1)
    disturb(world)
    rest = page(world, continue_=first.continue_token)
    assert [name for name, _ in shown(rest)] == list("bcdef")
    assert rest.continue_token == ""


def test_pages_of_a_selection_do_not_tell_how_much_is_left(world):
    fill(world)
    fill(world, "ghi", set="y")
    first = page(world, limit=2, label_selector="set=y")
    assert (shown(first), first.remaining) == ([("g", "1"), ("h", "1")], None)
    rest = page(world, limit=2, label_selector="set=y", continue_=first.continue_token)
    assert (shown(rest), rest.continue_token) == ([("i", "1")], "")


def test_no_token_where_the_last_page_is_full(world):
    fill(world, "ab")
    result = page(world, limit=2)
    assert (result.continue_token, result.remaining) == ("", None)


def test_an_expired_token_brings_another_that_goes_on_with_what_is_there_now(make_world):
    world = make_world(watch_window=5)
    fill(world)
    first = page(world, limit=2)
    for number in range(20):
        world.patch(CONFIGMAPS, "a", {"data": {"k": str(number)}})
    world.delete(CONFIGMAPS, "c")
    with world.refused(410, "Expired", "continue parameter is too old") as caught:
        page(world, limit=2, continue_=first.continue_token)
    token = caught.value.metadata["continue"]
    second = page(world, limit=2, continue_=token)
    assert [name for name, _ in shown(second)] == ["d", "e"]
    assert second.revision == world.revision
    third = page(world, limit=2, continue_=second.continue_token)
    assert [name for name, _ in shown(third)] == ["f"]


@pytest.mark.parametrize(
    "token",
    [
        "!!!",
        "AAAA",
        base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v9","rv":1,"start":"a"}').decode(),
        base64.urlsafe_b64encode(b"[1]").decode(),
    ],
)
def test_tokens_that_nobody_gave_out(world, token):
    with world.refused(400, "BadRequest", "continue key is not valid"):
        page(world, continue_=token)


def test_a_token_does_not_lead_out_of_its_list(world):
    fill(world, "ab")
    world.create(CONFIGMAPS, objects.config_map("z", {"k": "1"}, namespace="other"))
    forged = json.dumps({"v": "meta.k8s.io/v1", "rv": world.revision, "start": "../other/"})
    token = base64.urlsafe_b64encode(forged.encode()).decode().rstrip("=")
    with world.refused(400, "BadRequest", "continue key is not valid: ../other/"):
        page(world, continue_=token)


# Revisions.


def test_exact_lists_show_the_past(world):
    fill(world)
    history = {}
    for step in range(12):
        history[world.revision] = state(world)
        if step % 3 == 0:
            world.patch(CONFIGMAPS, "b", {"data": {"k": str(step)}})
        elif step % 3 == 1:
            world.create(CONFIGMAPS, objects.config_map(f"n{step}", {"k": "n"}))
        else:
            world.delete(CONFIGMAPS, f"n{step - 1}")
    for revision, expected in history.items():
        result = page(world, resource_version=str(revision), resource_version_match="Exact")
        assert (shown(result), result.revision) == (expected, revision)
        limited = page(world, resource_version=str(revision), limit=3)
        assert shown(limited) == expected[:3]
        assert limited.revision == revision


def test_exact_lists_of_a_past_that_is_forgotten(make_world):
    world = make_world(watch_window=4)
    fill(world)
    disturb(world)
    with world.refused(410, "Expired", "The resourceVersion for the provided list is too old."):
        page(world, resource_version="1", resource_version_match="Exact")


@pytest.mark.parametrize("match", ["", "NotOlderThan"])
def test_other_lists_show_the_present(world, match):
    fill(world)
    then = world.revision
    disturb(world)
    result = page(world, resource_version=str(then), resource_version_match=match)
    assert (shown(result), result.revision) == (state(world), world.revision)
    assert shown(page(world, resource_version="0")) == state(world)


@pytest.mark.parametrize("match", ["", "NotOlderThan", "Exact"])
def test_nothing_is_known_of_the_future(world, match):
    future = str(world.revision + 10)
    with world.refused(504, "Timeout", "Too large resource version", future) as caught:
        page(world, resource_version=future, resource_version_match=match)
    assert caught.value.details["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_a_revision_that_is_no_number(world):
    with world.refused(400, "BadRequest", "invalid resource version: resourceVersion: Invalid"):
        page(world, resource_version="abc")


def test_get_of_a_revision(world):
    fill(world, "a")
    get = world.registry.get
    for revision in ("", "0", str(world.revision)):
        assert get(CONFIGMAPS, "default", "a", resource_version=revision).obj["data"]["k"] == "1"
    with world.refused(504, "Timeout"):
        get(CONFIGMAPS, "default", "a", resource_version=str(world.revision + 1))
    with world.refused(500, "", "invalid syntax"):
        get(CONFIGMAPS, "default", "a", resource_version="abc")
    with world.refused(404, "NotFound", 'configmaps "z" not found'):
        get(CONFIGMAPS, "default", "z")
    with world.refused(404, "NotFound", "the server could not find the requested resource"):
        get(CONFIGMAPS, "default", "a", subresource="scale")


# What is chosen, and in which order.


def test_selectors(world):
    fill(world, "ab", set="x", size="big")
    fill(world, "cd", set="y")
    for selector, expected in (
        ("set=x", "ab"),
        ("set!=x", "cd"),
        ("set in (x, y),size", "ab"),
        ("!size", "cd"),
        ("set notin (x)", "cd"),
        ("", "abcd"),
    ):
        assert "".join(world.names(CONFIGMAPS, label_selector=selector)) == expected
    assert world.names(CONFIGMAPS, field_selector="metadata.name=c") == ["c"]
    assert world.names(CONFIGMAPS, field_selector="metadata.name!=c") == ["a", "b", "d"]
    assert world.names(CONFIGMAPS, "", field_selector="metadata.namespace=other") == []
    both = {"label_selector": "set=x", "field_selector": "metadata.name=c"}
    assert world.names(CONFIGMAPS, **both) == []


def test_field_selectors_of_pods(world):
    world.create(PODS, objects.pod("a", nodeName="n1"))
    world.create(PODS, objects.pod("b"))
    world.patch(PODS, "a", {"status": {"phase": "Running"}}, subresource="status")
    for selector, expected in (
        ("spec.nodeName=n1", ["a"]),
        ("spec.nodeName=", ["b"]),
        ("status.phase=Running", ["a"]),
        ("status.phase!=Running,spec.restartPolicy=Always", ["b"]),
    ):
        assert world.names(PODS, field_selector=selector) == expected


@pytest.mark.parametrize(
    "options", [{"label_selector": "a=b=c"}, {"field_selector": "spec.nothing=1"}]
)
def test_selectors_that_are_refused(world, options):
    with pytest.raises(StatusError) as caught:
        page(world, **options)
    assert caught.value.code == 400


def test_the_order_is_that_of_the_keys(world):
    for name in ("b", "a.b", "a-b", "a", "b0", "a0"):
        world.create(CONFIGMAPS, objects.config_map(name))
    world.create(CONFIGMAPS, objects.config_map("z", namespace="other"))
    assert world.names(CONFIGMAPS) == ["a", "a-b", "a.b", "a0", "b", "b0"]
    assert world.names(CONFIGMAPS, "")[-1] == "z"
    assert world.names(CONFIGMAPS, "nowhere") == []


def test_cluster_scoped_lists_take_no_notice_of_a_namespace(world):
    world.create(NODES, objects.node("n"))
    assert world.names(NODES, "default") == ["n"]


def test_a_list_is_a_value_that_later_writes_leave_alone(world):
    fill(world, "ab")
    first = page(world)
    disturb_names = [s.obj["metadata"]["name"] for s in first.items]
    world.create(CONFIGMAPS, objects.config_map("c", {"k": "1"}))
    world.delete(CONFIGMAPS, "a")
    assert [s.obj["metadata"]["name"] for s in first.items] == disturb_names == ["a", "b"]
