"""Access rules as they stand in the store, and what handing out rights needs.

Follows `plugin/pkg/auth/authorizer/rbac` and `pkg/registry/rbac`; which authorizers there are, says
`--authorization-mode`.
"""

from collections.abc import Iterable

from miniplane.api import rbac, resources
from miniplane.api.objects import Obj
from miniplane.api.options import User
from miniplane.api.rbac import Attributes, Decision
from miniplane.registry import catalog, nodeauthorizer
from miniplane.registry.context import Context

ROLES = resources.resource("roles", rbac.GROUP)
ROLE_BINDINGS = resources.resource("rolebindings", rbac.GROUP)
CLUSTER_ROLES = resources.resource("clusterroles", rbac.GROUP)
CLUSTER_ROLE_BINDINGS = resources.resource("clusterrolebindings", rbac.GROUP)


class StoredPolicy:
    """The roles and bindings of a cluster, in the order of their names."""

    def __init__(self, context: Context):
        self._context = context

    def cluster_role_bindings(self) -> Iterable[Obj]:
        return self._context.all(CLUSTER_ROLE_BINDINGS)

    def role_bindings(self, namespace: str) -> Iterable[Obj]:
        return self._context.all(ROLE_BINDINGS, namespace)

    def role(self, namespace: str, name: str) -> Obj | None:
        return self._context.find(ROLES, namespace, name)

    def cluster_role(self, name: str) -> Obj | None:
        return self._context.find(CLUSTER_ROLES, "", name)


_BUCKETS = tuple(
    catalog.prefix(row) for row in (ROLES, ROLE_BINDINGS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)
)
_ALWAYS = "AlwaysAllow"
_NODE = "Node"
EVERYTHING: list[Obj] = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]


def modes(context: Context) -> list[str]:
    """The authorizers, in the order in which they are asked. Roles count unless told otherwise."""
    return (context.config.authorization_mode or "RBAC").split(",")


def decide(context: Context, user: User, asked: Attributes) -> Decision:
    """Whether a user may do something: whether one of the authorizers lets him."""
    if rbac.MASTERS in user.groups:
        return Decision(True)
    reasons = []
    for mode in modes(context):
        if mode == _ALWAYS:
            return Decision(True)
        made = (
            nodeauthorizer.decide(context, user, asked)
            if mode == _NODE
            else _by_roles(context, user, asked)
        )
        if made.allowed:
            return made
        if made.reason:
            reasons.append(made.reason)
    return Decision(False, "\n".join(reasons))


def _by_roles(context: Context, user: User, asked: Attributes) -> Decision:
    rules = [context.store.bucket_revision(bucket) for bucket in _BUCKETS]
    known = context.decisions.find(rules, user, asked)
    if known is not None:
        return known
    made = rbac.authorize(user, asked, StoredPolicy(context))
    return context.decisions.note(user, asked, made)


def rules_of(context: Context, user: User, namespace: str) -> tuple[list[rbac.Rule], str]:
    """All rules that count for a user in a namespace, and what could not be resolved."""
    if _ALWAYS in modes(context):
        return list(EVERYTHING), ""
    return rbac.rules_of(user, namespace, StoredPolicy(context))


def referenced_rules(context: Context, ref: Obj, namespace: str) -> list[Obj] | None:
    return rbac.referenced_rules(ref, namespace, StoredPolicy(context))


def escalation(context: Context, user: User, namespace: str, rules: list[Obj]) -> str:
    """Why a user may not hand out these rules in a namespace, `""` if he may."""
    own, unresolved = rules_of(context, user, namespace)
    missing = rbac.uncovered(own, rules)
    return rbac.escalation(user, missing, unresolved) if missing else ""
