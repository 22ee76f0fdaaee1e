import pytest

from miniplane.api.options import User
from miniplane.server import access
from miniplane.server.app import STATE


@pytest.fixture
def asked(http):
    """Lets nobody do anything, and keeps what was asked for."""
    seen = []

    def refuse(user, attributes):
        seen.append((user, attributes))
        return False

    http.server._app[STATE].authorize = refuse
    return seen


async def test_the_administrator_is_not_asked_about(http, asked, pod):
    assert (await http("GET /api/v1/namespaces/default/pods/web-0")).status == 200
    assert asked == []


async def test_an_impersonated_user_has_groups(http, asked):
    await http("GET /api/v1/pods", Impersonate_User="jane", Impersonate_Group="devs")
    assert asked[0][0] == User("jane", ("devs", "system:authenticated"))
    await http("GET /api/v1/pods", Impersonate_User="system:serviceaccount:a:b")
    assert asked[1][0].groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:a",
        "system:authenticated",
    )


async def test_groups_need_a_user(http):
    answer = await http("GET /api/v1/pods", Impersonate_Group="devs")
    assert answer.status == 500
    assert "without impersonating a user" in answer.json["message"]


@pytest.mark.parametrize(
    ("line", "message", "details"),
    [
        (
            "GET /api/v1/namespaces/a/pods",
            'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the '
            'namespace "a"',
            {"kind": "pods"},
        ),
        (
            "GET /api/v1/pods?watch=true",
            'pods is forbidden: User "jane" cannot watch resource "pods" in API group "" at the '
            "cluster scope",
            {"kind": "pods"},
        ),
        (
            "PATCH /apis/apps/v1/namespaces/a/statefulsets/web/scale",
            'statefulsets.apps "web" is forbidden: User "jane" cannot patch resource '
            '"statefulsets/scale" in API group "apps" in the namespace "a"',
            {"name": "web", "group": "apps", "kind": "statefulsets"},
        ),
        (
            "DELETE /api/v1/namespaces/a/secrets",
            'secrets is forbidden: User "jane" cannot deletecollection resource "secrets" in API '
            'group "" in the namespace "a"',
            {"kind": "secrets"},
        ),
        (
            "GET /api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Dmine",
            'secrets "mine" is forbidden: User "jane" cannot list resource "secrets" in API group '
            '"" in the namespace "a"',
            {"name": "mine", "kind": "secrets"},
        ),
        ("GET /metrics", 'forbidden: User "jane" cannot get path "/metrics"', {}),
    ],
)
async def test_what_a_user_may_not_do_is_said(http, asked, line, message, details):
    answer = await http(line, Impersonate_User="jane")
    assert answer.status == 403
    assert answer.json["reason"] == "Forbidden"
    assert answer.json["message"] == message
    assert answer.json["details"] == details


async def test_the_user_reaches_the_registry(http, registry):
    await http(
        "POST /api/v1/namespaces/a/configmaps",
        body={"metadata": {"name": "c"}},
        Impersonate_User="jane",
    )
    (_, _, _, options), _ = registry.last("create")
    assert options.user == User("jane", ("system:authenticated",))


def test_everybody_may_do_everything_unless_told_otherwise():
    assert access.allow_all(User("jane"), access.Attributes("get"))
