import pytest

from miniplane.config import Config
from miniplane.server.guard import Guard


@pytest.mark.parametrize(
    "host",
    ["", "localhost", "localhost:8001", "127.0.0.1:1", "[::1]:8001", "LOCALHOST", "a.localhost:1"],
)
def test_names_of_this_machine_are_served(host):
    assert Guard(Config()).admits(host, "")


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "10.0.0.1:8001",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "[::2]",
        "[",
    ],
)
def test_other_names_are_not(host):
    assert not Guard(Config()).admits(host, "")


def test_the_configured_name_is_served():
    assert Guard(Config(host="box.lan", allow_remote=False)).admits("box.lan:8001", "")


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]"])
def test_pages_of_this_machine_may_ask(origin):
    assert Guard(Config()).admits("localhost:8001", origin)


@pytest.mark.parametrize(
    "origin", ["https://example.com", "null", "file://", "chrome-extension://localhost", "http://"]
)
def test_other_pages_may_not(origin):
    assert not Guard(Config()).admits("localhost:8001", origin)


def test_with_remote_access_any_host_but_only_its_own_pages():
    guard = Guard(Config(host="0.0.0.0", allow_remote=True))
    assert guard.admits("box.lan:8001", "")
    assert guard.admits("box.lan:8001", "http://box.lan:8001")
    assert not guard.admits("box.lan:8001", "http://example.com")


async def test_a_foreign_host_is_answered_with_a_status(http, registry, pod):
    answer = await http("GET /api/v1/namespaces/default/pods/web-0", Host="evil.example.com")
    assert answer.status == 403
    assert answer.json["kind"] == "Status"
    assert answer.json["reason"] == "Forbidden"
    assert registry.calls == []


async def test_a_foreign_page_is_answered_with_a_status(http, registry):
    answer = await http("POST /api/v1/namespaces", body={}, Origin="https://example.com")
    assert answer.status == 403
    assert registry.calls == []
