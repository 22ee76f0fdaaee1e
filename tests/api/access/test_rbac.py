"""Rules, bindings and what they add up to."""

import pytest

from miniplane.api import rbac
from miniplane.api.options import ADMIN, User
from miniplane.api.rbac import Attributes, authorize

JANE = User("jane", ("devs", "system:authenticated"))
BUILDER = User("system:serviceaccount:a:builder", ("system:serviceaccounts",))
READ = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


class Policy:
    """Roles by name; bindings as (role, subject, namespace)."""

    def __init__(self, roles, *bindings):
        self.roles = roles
        self.bindings = [
            {
                "metadata": {"name": f"b{i}"},
                "roleRef": {"kind": kind, "name": name},
                "subjects": [subject],
                "in": namespace,
            }
            for i, (kind, name, subject, namespace) in enumerate(bindings)
        ]

    def cluster_role_bindings(self):
        return [b for b in self.bindings if not b["in"]]

    def role_bindings(self, namespace):
        return [b for b in self.bindings if b["in"] == namespace]

    def role(self, namespace, name):
        return self.cluster_role(f"{namespace}/{name}")

    def cluster_role(self, name):
        rules = self.roles.get(name)
        return None if rules is None else {"rules": rules}


def user(name):
    return {"kind": "User", "name": name}


@pytest.mark.parametrize(
    ("rule", "asked", "allowed"),
    [
        ({}, {}, True),
        ({"verbs": ["*"]}, {"verb": "delete"}, True),
        ({}, {"verb": "delete"}, False),
        ({}, {"group": "apps"}, False),
        ({"apiGroups": ["*"]}, {"group": "apps"}, True),
        ({}, {"subresource": "log"}, False),
        ({"resources": ["pods/log"]}, {"subresource": "log"}, True),
        ({"resources": ["pods/log"]}, {}, False),
        ({"resources": ["*/log"]}, {"subresource": "log"}, True),
        ({"resources": ["*/log"]}, {"resource": "log"}, False),
        ({"resources": ["*"]}, {"subresource": "log"}, True),
        ({"resourceNames": ["a"]}, {"name": "a"}, True),
        ({"resourceNames": ["a"]}, {"name": "b"}, False),
        ({"resourceNames": ["a"]}, {}, False),
        ({}, {"path": "/healthz"}, False),
        ({"nonResourceURLs": ["/healthz"]}, {"path": "/healthz"}, True),
        ({"nonResourceURLs": ["/api/*"]}, {"path": "/api/v1"}, True),
        ({"nonResourceURLs": ["/api/*"]}, {"path": "/api"}, False),
        ({"nonResourceURLs": ["*"]}, {"path": "/metrics"}, True),
    ],
)
def test_what_one_rule_allows(rule, asked, allowed):
    attributes = Attributes(**{"verb": "get", "resource": "pods", **asked})
    assert rbac.rule_allows({**READ, **rule}, attributes) is allowed


@pytest.mark.parametrize(
    ("binding", "who", "reason"),
    [
        (
            ("ClusterRole", "view", user("jane"), ""),
            JANE,
            'ClusterRoleBinding "b0" of ClusterRole "view" to User "jane"',
        ),
        (
            ("ClusterRole", "view", {"kind": "Group", "name": "devs"}, "a"),
            JANE,
            'RoleBinding "b0/a" of ClusterRole "view" to Group "devs"',
        ),
        (
            ("Role", "reader", {"kind": "ServiceAccount", "name": "builder"}, "a"),
            BUILDER,
            'RoleBinding "b0/a" of Role "reader" to ServiceAccount "builder/a"',
        ),
    ],
)
def test_the_reason_names_the_binding(binding, who, reason):
    policy = Policy({"view": [READ], "a/reader": [READ]}, binding)
    asked = Attributes("get", resource="pods", namespace="a")
    decision = authorize(who, asked, policy)
    assert (decision.allowed, decision.reason) == (True, f"RBAC: allowed by {reason}")
    elsewhere = authorize(who, Attributes("get", resource="pods", namespace="b"), policy)
    assert elsewhere.allowed is (binding[3] == "")


def test_without_a_rule_nothing_is_allowed_but_to_masters():
    asked = Attributes("delete", resource="nodes", name="n")
    assert authorize(JANE, asked, Policy({})) == rbac.Decision(False)
    assert authorize(ADMIN, asked, Policy({})) == rbac.Decision(True)


def test_a_missing_role_is_the_reason():
    policy = Policy(
        {},
        ("ClusterRole", "gone", user("jane"), ""),
        ("Role", "lost", user("jane"), "a"),
        ("Role", "lost", user("jane"), "a"),
    )
    decision = authorize(JANE, Attributes("get", resource="pods", namespace="a"), policy)
    assert decision.reason == (
        'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, '
        'role.rbac.authorization.k8s.io "lost" not found]'
    )


@pytest.mark.parametrize(
    ("owned", "wanted", "missing"),
    [
        ([READ], [READ], 0),
        ([READ], [{**READ, "verbs": ["get", "delete"]}], 1),
        ([{**READ, "resourceNames": ["a"]}], [READ], 2),
        ([READ], [{**READ, "resourceNames": ["a"]}], 0),
        ([{**READ, "resources": ["*/log"]}], [{**READ, "resources": ["pods/log"]}], 0),
        ([{**READ, "resources": ["*"], "verbs": ["*"]}], [READ], 0),
        ([READ], [{"nonResourceURLs": ["/a"], "verbs": ["get"]}], 1),
        (
            [{"nonResourceURLs": ["/a/*"], "verbs": ["*"]}],
            [{"nonResourceURLs": ["/a/b"], "verbs": ["get"]}],
            0,
        ),
    ],
)
def test_what_one_set_of_rules_lacks_of_another(owned, wanted, missing):
    assert len(rbac.uncovered(owned, wanted)) == missing


def test_an_escalation_is_told_of_by_resource():
    wanted = [{**READ, "resources": ["pods", "nodes"]}, {"nonResourceURLs": ["/a"], "verbs": ["*"]}]
    text = rbac.escalation(JANE, rbac.uncovered([], wanted))
    assert text.splitlines() == [
        'user "jane" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC '
        "permissions not currently held:",
        '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}',
        '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
        '{NonResourceURLs:["/a"], Verbs:["*"]}',
    ]


def test_only_whole_service_account_names_bring_groups():
    assert rbac.implied_groups("system:serviceaccount:a:b") == (
        "system:serviceaccounts",
        "system:serviceaccounts:a",
    )
    for name in ("jane", "system:serviceaccount:a", "system:serviceaccount::b"):
        assert rbac.implied_groups(name) == ()
