"""Questions that are posted: who am I, may I, whose token is this."""

import pytest

from miniplane.api import resources
from miniplane.api.options import User
from miniplane.api.resources import PODS, SECRETS, SERVICE_ACCOUNTS
from miniplane.ids import Ids
from miniplane.testing import objects

RBAC = "rbac.authorization.k8s.io"
ROLES = resources.resource("roles", RBAC)
BINDINGS = resources.resource("rolebindings", RBAC)
CLUSTER_ROLES = resources.resource("clusterroles", RBAC)
JANE = User("jane", ("devs",))
READ = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}


def review(world, plural, spec, *, namespace="", user=None, **options):
    group = "authentication.k8s.io" if plural in ("selfsubjectreviews", "tokenreviews") else ""
    row = resources.resource(plural, group or "authorization.k8s.io")
    if user is not None:
        options["user"] = user
    before = world.revision
    obj = world.post(row, {"spec": spec}, namespace=namespace, **options).stored.obj
    assert world.revision == before
    assert obj["kind"] == row.kind
    return obj


def grant(world, *rules, to="jane", kind="User"):
    world.create(ROLES, {"metadata": {"name": "r", "namespace": "default"}, "rules": list(rules)})
    subject = {"kind": kind, "name": to}
    subject |= {"namespace": "default"} if kind == "ServiceAccount" else {"apiGroup": RBAC}
    ref = {"apiGroup": RBAC, "kind": "Role", "name": "r"}
    metadata = {"name": "b", "namespace": "default"}
    world.create(BINDINGS, {"metadata": metadata, "roleRef": ref, "subjects": [subject]})


def asked(**attributes):
    return {"resourceAttributes": {"verb": "get", "resource": "pods", **attributes}}


def test_access_follows_roles_and_bindings(world):
    spec = {"user": "jane", **asked(namespace="default")}
    assert review(world, "subjectaccessreviews", spec)["status"] == {"allowed": False}
    grant(world, READ)
    reason = 'RBAC: allowed by RoleBinding "b/default" of Role "r" to User "jane"'
    allowed = {"allowed": True, "reason": reason}
    assert review(world, "subjectaccessreviews", spec)["status"] == allowed
    local = review(world, "localsubjectaccessreviews", spec, namespace="default")
    assert local["status"] == allowed
    assert local["metadata"]["namespace"] == "default"
    own = asked(namespace="default")
    assert review(world, "selfsubjectaccessreviews", own, user=JANE)["status"] == allowed
    for other in (asked(namespace="other"), asked(namespace="default", verb="list"), asked()):
        answer = review(world, "selfsubjectaccessreviews", other, user=JANE)
        assert answer["status"] == {"allowed": False}


def test_the_administrator_may_do_everything(world):
    path = {"nonResourceAttributes": {"path": "/healthz", "verb": "get"}}
    for spec in (asked(), path):
        answer = review(world, "selfsubjectaccessreviews", spec)
        assert answer["status"] == {"allowed": True}
        assert answer["spec"] == spec


def test_a_review_says_who_asked_what(world):
    answer = review(world, "selfsubjectaccessreviews", asked())
    [entry] = answer["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("tester", "Update")


@pytest.mark.parametrize(
    ("plural", "spec", "text"),
    [
        ("selfsubjectaccessreviews", {}, "spec.resourceAttributes: Invalid value: null"),
        ("subjectaccessreviews", asked(), 'spec.user: Invalid value: ""'),
    ],
)
def test_questions_without_sense(world, plural, spec, text):
    with world.refused(422, "Invalid", '.authorization.k8s.io "" is invalid', text):
        review(world, plural, spec)


def test_a_review_has_no_metadata(world):
    row = resources.resource("selfsubjectaccessreviews", "authorization.k8s.io")
    with world.refused(422, "Invalid", "metadata: Invalid value", "must be empty"):
        world.create(row, {"metadata": {"name": "mine"}, "spec": asked()})


def test_all_rules_of_a_namespace(world):
    grant(world, READ, to="devs", kind="Group")
    status = review(world, "selfsubjectrulesreviews", {"namespace": "default"}, user=JANE)["status"]
    assert status == {"resourceRules": [READ], "nonResourceRules": [], "incomplete": False}
    with world.refused(400, "BadRequest", "no namespace on request"):
        review(world, "selfsubjectrulesreviews", {})


def test_who_am_i(world):
    who = User("jane", ("devs",), uid="7", extra=(("scopes", ("a", "b")),))
    row = resources.resource("selfsubjectreviews", "authentication.k8s.io")
    answer = world.create(row, {}, user=who)
    assert answer["status"]["userInfo"] == {
        "username": "jane",
        "uid": "7",
        "groups": ["devs"],
        "extra": {"scopes": ["a", "b"]},
    }


# Tokens.


@pytest.fixture
def account(world):
    return world.create(SERVICE_ACCOUNTS, {"metadata": {"name": "ci", "namespace": "default"}})


def token(world, spec=None, *, account="ci", **metadata):
    body = {"metadata": metadata, "spec": spec or {}}
    return world.post(
        SERVICE_ACCOUNTS, body, namespace="default", name=account, subresource="token"
    ).status


def whose(world, text, **spec):
    return review(world, "tokenreviews", {"token": text, **spec})["status"]


def test_a_token_stands_for_its_service_account(world, account):
    before = world.revision
    request = token(world)
    assert world.revision == before
    assert request["spec"]["expirationSeconds"] == 3600
    assert request["status"]["expirationTimestamp"] == "2026-01-01T01:00:00Z"
    [issuer] = request["spec"]["audiences"]
    assert request["status"]["token"].count(".") == 2
    status = whose(world, request["status"]["token"])
    assert status["authenticated"] is True
    assert status["audiences"] == [issuer]
    uid = account["metadata"]["uid"]
    extra = status["user"].pop("extra")
    assert list(extra) == ["authentication.kubernetes.io/credential-id"]
    assert status["user"] == {
        "username": "system:serviceaccount:default:ci",
        "uid": uid,
        "groups": [
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated",
        ],
    }


@pytest.mark.parametrize("text", ["nonsense", "a.b.c", "eyJh.eyJpc3MiOiJvdGhlciJ9.x", "ü.ö.ä"])
def test_what_is_no_token_of_ours(world, account, text):
    assert whose(world, text) == {"error": "invalid bearer token", "user": {}}
    assert world.registry.authenticate(text) is None


def test_a_token_that_was_tampered_with(world, account):
    text = token(world)["status"]["token"]
    head, _, signature = text.rpartition(".")
    forged = f"{head}.{'A' * len(signature)}"
    error = "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]"
    assert whose(world, forged) == {"error": error, "user": {}}
    with world.refused(401, "Unauthorized", "Unauthorized"):
        world.registry.authenticate(forged)


def test_another_cluster_does_not_know_the_token(make_world):
    mine, other = make_world(), make_world(Ids(1))
    mine.create(SERVICE_ACCOUNTS, {"metadata": {"name": "ci", "namespace": "default"}})
    assert "cryptographic primitive" in whose(other, token(mine)["status"]["token"])["error"]


def test_a_token_runs_out(world, account):
    text = token(world, {"expirationSeconds": 600})["status"]["token"]
    world.clock.advance(660)
    assert whose(world, text)["authenticated"] is True
    world.clock.advance(1)
    assert "service account token has expired" in whose(world, text)["error"]


def test_a_token_ends_with_its_account(world, account):
    text = token(world)["status"]["token"]
    world.delete(SERVICE_ACCOUNTS, "ci")
    assert 'serviceaccounts "ci" not found' in whose(world, text)["error"]
    world.create(SERVICE_ACCOUNTS, {"metadata": {"name": "ci", "namespace": "default"}})
    assert "does not match claim" in whose(world, text)["error"]


def test_audiences(world, account):
    text = token(world, {"audiences": ["vault", "other"]})["status"]["token"]
    assert "is invalid for the target audiences" in whose(world, text)["error"]
    assert whose(world, text, audiences=["vault"])["audiences"] == ["vault"]


def test_a_token_ends_with_the_pod_it_is_bound_to(world, account):
    pod = world.create(PODS, objects.pod("p", serviceAccountName="ci", nodeName="n"))
    ref = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": pod["metadata"]["uid"]}
    text = token(world, {"boundObjectRef": ref})["status"]["token"]
    extra = whose(world, text)["user"]["extra"]
    assert extra["authentication.kubernetes.io/pod-name"] == ["p"]
    assert extra["authentication.kubernetes.io/node-name"] == ["n"]
    world.delete(PODS, "p", grace_period_seconds=0)
    assert "service account token has been invalidated" in whose(world, text)["error"]


def test_what_a_token_cannot_be_bound_to(world, account):
    world.create(PODS, objects.pod("p"))
    world.create(SECRETS, {"metadata": {"name": "s", "namespace": "default"}})

    def bind(**ref):
        return token(world, {"boundObjectRef": {"apiVersion": "v1", **ref}})

    with world.refused(400, "BadRequest", "different serviceaccount name"):
        bind(kind="Pod", name="p")
    with world.refused(404, "NotFound", 'secrets "x" not found'):
        bind(kind="Secret", name="x")
    with world.refused(409, "Conflict", "does not match the UID in record"):
        bind(kind="Secret", name="s", uid="other")
    with world.refused(400, "BadRequest", "object of type /v1, Kind=ConfigMap"):
        bind(kind="ConfigMap", name="s")
    assert bind(kind="Secret", name="s")["status"]["token"]


def test_bad_token_requests(world, account):
    with world.refused(404, "NotFound", 'serviceaccounts "nobody" not found'):
        token(world, account="nobody")
    with world.refused(422, "Invalid", "may not specify a duration less than 10 minutes"):
        token(world, {"expirationSeconds": 599})
    with world.refused(422, "Invalid", "must match the service account name if specified"):
        token(world, name="other")
    with world.refused(409, "Conflict", "does not match the UID of the service account"):
        token(world, uid="other")


# Handing out rights.


def test_nobody_grants_what_he_does_not_have(world):
    grant(world, READ)
    body = {"metadata": {"name": "more", "namespace": "default"}, "rules": [READ]}
    world.create(ROLES, body, user=JANE)
    body["rules"] = [{**READ, "verbs": ["get", "list"]}]
    text = 'permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["list"]}'
    with world.refused(403, "Forbidden", 'roles.rbac.authorization.k8s.io "more"', text):
        world.update(ROLES, body, user=JANE)
    world.update(ROLES, body)


def test_nobody_binds_what_he_does_not_have(world):
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    world.create(CLUSTER_ROLES, {"metadata": {"name": "all"}, "rules": everything})

    def bind(name, role, user):
        ref = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}
        metadata = {"name": name, "namespace": "default"}
        return world.create(BINDINGS, {"metadata": metadata, "roleRef": ref}, user=user)

    with world.refused(403, "Forbidden", "is attempting to grant"):
        bind("x", "all", JANE)
    with world.refused(404, "NotFound"):
        bind("x", "none", JANE)
    grant(world, {"apiGroups": [RBAC], "resources": ["clusterroles"], "verbs": ["bind"]})
    bind("x", "all", JANE)


def test_aggregation_needs_every_right(world):
    rule = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    body = {"metadata": {"name": "agg"}, "aggregationRule": rule}
    with world.refused(403, "Forbidden", "must have cluster-admin privileges"):
        world.create(CLUSTER_ROLES, body, user=JANE)
    world.create(CLUSTER_ROLES, body)
