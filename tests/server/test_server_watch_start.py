"""How watches begin: defaults of their options, and errors as events."""

import json

import pytest

from miniplane.api import errors
from miniplane.api.resources import JOBS

PODS = "/api/v1/namespaces/default/pods"
OLD = "/api/v1/watch/namespaces/default/pods"


@pytest.mark.parametrize(
    ("path", "initial"),
    [
        (f"{PODS}?watch=1", True),
        (f"{PODS}?watch=1&resourceVersion=0", True),
        (f"{PODS}?watch=1&resourceVersion=7", None),
        (f"{PODS}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan", False),
        (OLD, None),
    ],
)
async def test_a_watch_from_nowhere_asks_for_initial_events(http, registry, path, initial):
    async with http.open(f"GET {path}"):
        (_, _, options), _ = registry.last("watch")
    assert options.send_initial_events is initial


async def test_a_watch_from_nowhere_does_not_continue_a_list(http):
    answer = await http(f"GET {PODS}?watch=1&continue=x")
    assert answer.status == 422
    assert "forbidden when continue is provided" in answer.json["message"]


async def test_a_revision_that_is_not_there_yet_is_news_for_the_stream(http, registry):
    def refuse(*args):
        raise errors.too_large_revision(99, 1)

    registry.answer["watch"] = refuse
    answer = await http(f"GET {PODS}?watch=1&resourceVersion=99")
    assert answer.status == 200
    event = json.loads(answer.body)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 504)


async def test_warnings_of_a_deletecollection_are_sent(http, registry):
    page = registry.page([], 10)
    page.warnings = ("pods stay",)
    registry.answer["list"] = lambda *args: page
    answer = await http(f"DELETE /apis/{JOBS.group}/v1/namespaces/default/jobs")
    assert answer.warnings == ['299 - "pods stay"']
