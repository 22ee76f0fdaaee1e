import pytest

from miniplane.api import errors
from miniplane.api.options import User
from miniplane.server import access
from miniplane.server.app import STATE


@pytest.fixture
def asked(http):
    """Lets nobody do anything, and keeps what was asked for."""
    seen = []

    def refuse(user, attributes):
        seen.append((user, attributes))
        return access.Decision(False)

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


async def test_the_reason_of_a_refusal_is_told(http):
    def refuse(user, attributes):
        return access.Decision(False, "RBAC: who knows")

    http.server._app[STATE].authorize = refuse
    answer = await http("GET /api/v1/nodes", Impersonate_User="jane")
    assert answer.json["message"].endswith("at the cluster scope: RBAC: who knows")
    answer = await http("GET /metrics", Impersonate_User="jane")
    assert answer.json["message"].endswith('path "/metrics": RBAC: who knows')


CI = User("system:serviceaccount:a:ci", ("system:serviceaccounts",))


@pytest.fixture
def tokens(http):
    """One token stands for a service account, one for nobody any more."""

    def authenticate(token):
        if token == "stale":
            raise errors.unauthorized()
        return CI if token == "good" else None

    http.server._app[STATE].authenticate = authenticate


async def test_a_token_makes_its_bearer_a_service_account(http, tokens, asked):
    await http("GET /api/v1/pods", Authorization="Bearer good")
    assert asked[0][0] == CI
    answer = await http("GET /api/v1/pods", Authorization="Bearer stale")
    assert (answer.status, answer.json["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize("credentials", ["Bearer unknown", "Basic good", "Bearer"])
async def test_other_credentials_change_nothing(http, tokens, asked, credentials):
    assert (await http("GET /api/v1/pods", Authorization=credentials)).status == 200
    assert asked == []


async def test_a_service_account_needs_leave_to_impersonate(http, tokens, asked):
    answer = await http("GET /api/v1/pods", Authorization="Bearer good", Impersonate_User="jane")
    assert answer.status == 403
    assert 'cannot impersonate resource "users"' in answer.json["message"]
    user, attributes = asked[0]
    assert user == CI
    assert (attributes.verb, attributes.resource, attributes.name) == (
        "impersonate",
        "users",
        "jane",
    )


async def test_what_impersonation_asks_leave_for(http, tokens):
    seen = []

    def allow(user, attributes):
        seen.append((user.name, attributes))
        return access.Decision(True)

    http.server._app[STATE].authorize = allow
    headers = {
        "Authorization": "Bearer good",
        "Impersonate_User": "system:serviceaccount:b:x",
        "Impersonate_Group": "devs",
        "Impersonate_Uid": "7",
        "Impersonate_Extra_Team": "core",
    }
    assert (await http("GET /api/v1/pods", **headers)).status == 200
    asked = [(a.resource, a.subresource, a.namespace, a.name) for _, a in seen[:-1]]
    assert asked == [
        ("serviceaccounts", "", "b", "x"),
        ("groups", "", "", "devs"),
        ("uids", "", "", "7"),
        ("userextras", "team", "", "core"),
    ]
    assert seen[-1][0] == "system:serviceaccount:b:x"
