"""Who may do what: roles and bindings, read as rules. Pure; the objects come from a `Policy`.

Follows https://kubernetes.io/docs/reference/access-authn-authz/rbac/ and, for the words of reasons,
`plugin/pkg/auth/authorizer/rbac` and `pkg/registry/rbac/validation`. Rights only add up: what no
rule allows is not allowed. Members of `system:masters` may do everything, whatever the rules say.

>>> rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "*/status"]}
>>> rule_allows(rule, Attributes("get", resource="nodes", subresource="status"))
True
>>> rule_allows(rule, Attributes("get", resource="nodes"))
False
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from miniplane.api.objects import Obj
from miniplane.api.options import User

GROUP = "rbac.authorization.k8s.io"
MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
"""The key, in a user's extra, of what he has shown: a token's id or a certificate's digest."""
ANONYMOUS = "system:anonymous"
SERVICE_ACCOUNTS = "system:serviceaccounts"
_SERVICE_ACCOUNT = "system:serviceaccount:"

Rule = Mapping[str, Any]
"""A `PolicyRule`: verbs, apiGroups, resources, resourceNames, nonResourceURLs."""


@dataclasses.dataclass(frozen=True, slots=True)
class Attributes:
    """What is asked for, in the words of `SubjectAccessReview`. `path` is set for other URLs."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is allowed, and why, or why nobody could tell."""

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


class Policy(Protocol):
    """The objects that the rules stand in."""

    def cluster_role_bindings(self) -> Iterable[Obj]: ...
    def role_bindings(self, namespace: str) -> Iterable[Obj]: ...
    def role(self, namespace: str, name: str) -> Obj | None: ...
    def cluster_role(self, name: str) -> Obj | None: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Grant:
    """The rules that one binding gives to one user.

    `missing` names the role where there is none; then there are no rules.
    """

    source: str
    rules: Sequence[Rule]
    missing: str = ""


def service_account_name(namespace: str, name: str) -> str:
    """The user name of a service account."""
    return f"{_SERVICE_ACCOUNT}{namespace}:{name}"


def service_account_groups(namespace: str) -> tuple[str, ...]:
    """The groups of a service account, without that of everybody who has logged in."""
    return SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}"


def implied_groups(name: str) -> tuple[str, ...]:
    """The groups that a user name brings along when nobody says which there are."""
    namespace, colon, account = name.removeprefix(_SERVICE_ACCOUNT).partition(":")
    if name.startswith(_SERVICE_ACCOUNT) and colon and namespace and account:
        return service_account_groups(namespace)
    return ()


def with_authenticated(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """The groups of somebody who has shown who he is (apiserver's `AuthenticatedGroupAdder`)."""
    if name == ANONYMOUS or AUTHENTICATED in groups or UNAUTHENTICATED in groups:
        return groups
    return (*groups, AUTHENTICATED)


def authorize(user: User, asked: Attributes, policy: Policy) -> Decision:
    """Whether a user may do what is asked for."""
    if MASTERS in user.groups:
        return Decision(True)
    missing: dict[str, None] = {}
    for grant in grants(user, asked.namespace, policy):
        if grant.missing:
            missing[grant.missing] = None
        elif any(rule_allows(rule, asked) for rule in grant.rules):
            return Decision(True, f"RBAC: allowed by {grant.source}")
    return Decision(False, f"RBAC: {_aggregate(missing)}" if missing else "")


def _aggregate(texts: Iterable[str]) -> str:
    found = list(texts)
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]"


def grants(user: User, namespace: str, policy: Policy) -> Iterator[Grant]:
    """What each binding that names the user gives: those of the cluster, then the namespace's."""
    for binding in policy.cluster_role_bindings():
        yield from _grant(user, binding, "", policy)
    if namespace:
        for binding in policy.role_bindings(namespace):
            yield from _grant(user, binding, namespace, policy)


def _grant(user: User, binding: Obj, namespace: str, policy: Policy) -> Iterator[Grant]:
    for subject in binding.get("subjects") or ():
        if subject_matches(subject, user, namespace):
            rules = referenced_rules(binding["roleRef"], namespace, policy)
            if rules is None:
                yield Grant("", (), _not_found(binding["roleRef"]))
            else:
                yield Grant(_source(binding, subject, namespace), rules)
            return


def subject_matches(subject: Mapping[str, Any], user: User, namespace: str) -> bool:
    """Whether a subject of a binding in `namespace` (`""`: of the cluster) is this user."""
    kind, name = subject.get("kind"), subject.get("name", "")
    if kind == "User":
        return user.name == name
    if kind == "Group":
        return name in user.groups
    if kind != "ServiceAccount":
        return False
    home = subject.get("namespace") or namespace
    return bool(home) and user.name == service_account_name(home, name)


def referenced_rules(ref: Mapping[str, Any], namespace: str, policy: Policy) -> list[Obj] | None:
    """The rules of the role that a binding refers to, None where there is no such role."""
    name = ref.get("name", "")
    if ref.get("kind") == "Role":
        role = policy.role(namespace, name)
    else:
        role = policy.cluster_role(name)
    return None if role is None else role.get("rules") or []


def _not_found(ref: Mapping[str, Any]) -> str:
    return f'{ref.get("kind", "").lower()}.{GROUP} "{ref.get("name", "")}" not found'


def _source(binding: Obj, subject: Mapping[str, Any], namespace: str) -> str:
    ref, name = binding["roleRef"], binding["metadata"]["name"]
    kind, who = subject["kind"], subject["name"]
    if kind == "ServiceAccount":
        who = f"{who}/{subject.get('namespace') or namespace}"
    form = f'RoleBinding "{name}/{namespace}"' if namespace else f'ClusterRoleBinding "{name}"'
    return f'{form} of {ref["kind"]} "{ref["name"]}" to {kind} "{who}"'


def rule_allows(rule: Rule, asked: Attributes) -> bool:
    """Whether one rule allows what is asked for."""
    verbs = rule.get("verbs") or ()
    if asked.verb not in verbs and "*" not in verbs:
        return False
    if asked.path:
        return any(_url_covers(url, asked.path) for url in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if asked.group not in groups and "*" not in groups:
        return False
    names = rule.get("resourceNames")
    return _resource_matches(rule.get("resources") or (), asked) and (
        not names or asked.name in names
    )


def _resource_matches(resources: Sequence[str], asked: Attributes) -> bool:
    if "*" in resources:
        return True
    if not asked.subresource:
        return asked.resource in resources
    whole = f"{asked.resource}/{asked.subresource}"
    return whole in resources or f"*/{asked.subresource}" in resources


def _url_covers(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern.rstrip("*"))
    return pattern == path


def rules_of(user: User, namespace: str, policy: Policy) -> tuple[list[Rule], str]:
    """All rules that count for a user in a namespace, and what could not be resolved, if any."""
    everything: list[Rule] = []
    missing: dict[str, None] = {}
    for grant in grants(user, namespace, policy):
        everything.extend(grant.rules)
        if grant.missing:
            missing[grant.missing] = None
    return everything, _aggregate(missing) if missing else ""


def uncovered(owned: Sequence[Rule], wanted: Sequence[Rule]) -> list[Obj]:
    """What `wanted` allows and `owned` does not, as rules with one verb, group and resource.

    Each such rule must be covered by a single one of the owner's.
    """
    return [
        part
        for rule in wanted
        for part in _parts(rule)
        if not any(_covers(mine, part) for mine in owned)
    ]


def _parts(rule: Rule) -> Iterator[Obj]:
    verbs, names = rule.get("verbs") or (), rule.get("resourceNames") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                part = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                if not names:
                    yield part
                for name in names:
                    yield {**part, "resourceNames": [name]}
    for url in rule.get("nonResourceURLs") or ():
        for verb in verbs:
            yield {"nonResourceURLs": [url], "verbs": [verb]}


def _covers(mine: Rule, part: Obj) -> bool:
    verbs = mine.get("verbs") or ()
    if "*" not in verbs and part["verbs"][0] not in verbs:
        return False
    if "nonResourceURLs" in part:
        url = part["nonResourceURLs"][0]
        return any(_url_covers(own, url) for own in mine.get("nonResourceURLs") or ())
    groups, resources = mine.get("apiGroups") or (), mine.get("resources") or ()
    if "*" not in groups and part["apiGroups"][0] not in groups:
        return False
    resource = part["resources"][0]
    _, slash, subresource = resource.partition("/")
    if not (
        "*" in resources or resource in resources or (slash and f"*/{subresource}" in resources)
    ):
        return False
    names = mine.get("resourceNames")
    return not names or ("resourceNames" in part and part["resourceNames"][0] in names)


def escalation(user: User, missing: Sequence[Obj], unresolved: str = "") -> str:
    """Why a user may not hand out rights: those that he does not have himself, a line for each
    resource."""
    compact: dict[Any, Obj] = {}
    for rule in missing:
        if "nonResourceURLs" in rule:
            compact[len(compact), "url"] = rule
            continue
        key = (rule["apiGroups"][0], rule["resources"][0], *rule.get("resourceNames", ()))
        if key in compact:
            compact[key] = {**compact[key], "verbs": compact[key]["verbs"] + rule["verbs"]}
        else:
            compact[key] = rule
    lines = sorted(dict.fromkeys(_shown(rule) for rule in compact.values()))
    text = (
        f"user {_quoted(user.name)} (groups={_list(user.groups)}) is attempting to grant RBAC "
        "permissions not currently held:\n" + "\n".join(lines)
    )
    return f"{text}; resolution errors: [{unresolved}]" if unresolved else text


_FIELDS = (
    ("APIGroups", "apiGroups"),
    ("Resources", "resources"),
    ("NonResourceURLs", "nonResourceURLs"),
    ("ResourceNames", "resourceNames"),
    ("Verbs", "verbs"),
)


def _shown(rule: Rule) -> str:
    parts = [f"{go}:{_list(rule[key])}" for go, key in _FIELDS if rule.get(key)]
    return "{" + ", ".join(parts) + "}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(texts: Sequence[str]) -> str:
    return "[" + " ".join(map(_quoted, texts)) + "]"
