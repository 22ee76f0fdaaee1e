"""`authorizer`: whether the one who asks may do something else, too.

After apiserver's `pkg/cel/library/authz.go`. Whom to ask at run time is set around each evaluation
(`asking`): functions are bound once, and evaluation is synchronous.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from cel_expr_python import cel

from miniplane.api import names
from miniplane.api.admission import declarations
from miniplane.api.options import User
from miniplane.api.rbac import Attributes, Decision

T = cel.Type
Value = dict[str, Any]
Decide = Callable[[User, Attributes], Decision]

_AUTHORIZER, _PATH, _GROUP, _RESOURCE, _DECISION = (
    declarations.name(kind)
    for kind in ("Authorizer", "PathCheck", "GroupCheck", "ResourceCheck", "Decision")
)


class _Asked:
    decide: Decide | None = None


@contextlib.contextmanager
def asking(decide: Decide) -> Iterator[None]:
    """Inside, `decide` answers."""
    before, _Asked.decide = _Asked.decide, decide
    try:
        yield
    finally:
        _Asked.decide = before


def of(user: User) -> Value:
    """The authorizer of a user."""
    return {"user": [user.name, list(user.groups), user.uid]}


def of_resource(user: User, **fields: str) -> Value:
    """`authorizer.requestResource`: `fields` are those of `rbac.Attributes`."""
    return {**of(user), **fields}


def _path(value: Value, path: str) -> Value:
    if not path.strip():
        raise ValueError("path must not be empty")
    return {**value, "path": path}


def _service_account(value: Value, namespace: str, name: str) -> Value:
    if names.dns1123_subdomain(name):
        raise ValueError("Invalid service account name")
    if names.dns1123_label(namespace):
        raise ValueError("Invalid service account namespace")
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    user = f"system:serviceaccount:{namespace}:{name}"
    return {"user": [user, [*groups, "system:authenticated"], ""]}


def _resource(value: Value, resource: str) -> Value:
    if not resource.strip():
        raise ValueError("resource must not be empty")
    return {**value, "resource": resource}


def _with(field: str) -> Callable[[Value, str], Value]:
    return lambda value, text: {**value, field: text}


def _selected(value: Value, text: str) -> Value:
    """Selectors only matter to authorizers that know them, and RBAC does not."""
    return dict(value)


def _check(value: Value, verb: str) -> Value:
    decide = _Asked.decide
    if decide is None:
        raise ValueError("no authorizer here")
    rest = {key: text for key, text in value.items() if key != "user"}
    name, groups, uid = value["user"]
    decision = decide(User(name, tuple(groups), uid), Attributes(verb.lower(), **rest))
    return {"allowed": decision.allowed, "reason": decision.reason}


def extension(*, checking: bool) -> Any:
    """The functions for an environment: with types of their own where expressions are checked."""

    def own(name: str) -> Any:
        return T(name) if checking else T.MAP

    def given(name: str) -> Any:
        return T(name) if checking else T.DYN

    def member(name: str, gives: Any, takes: list[Any], impl: Any) -> Any:
        rows = [
            cel.Overload(f"authz_{name}_{i}", gives, [own(kind), *takes[1:]], True, impl=impl)
            for i, kind in enumerate(takes[0] if checking else takes[0][:1])
        ]
        return cel.FunctionDecl(name, rows)

    text = T.STRING
    return cel.CelExtension(
        "kubernetes.authz",
        [
            member("path", given(_PATH), [[_AUTHORIZER], text], _path),
            member("group", given(_GROUP), [[_AUTHORIZER], text], _with("group")),
            member(
                "serviceAccount",
                given(_AUTHORIZER),
                [[_AUTHORIZER], text, text],
                _service_account,
            ),
            member("resource", given(_RESOURCE), [[_GROUP], text], _resource),
            member("subresource", given(_RESOURCE), [[_RESOURCE], text], _with("subresource")),
            member("namespace", given(_RESOURCE), [[_RESOURCE], text], _with("namespace")),
            member("name", given(_RESOURCE), [[_RESOURCE], text], _with("name")),
            member("fieldSelector", given(_RESOURCE), [[_RESOURCE], text], _selected),
            member("labelSelector", given(_RESOURCE), [[_RESOURCE], text], _selected),
            member("check", given(_DECISION), [[_PATH, _RESOURCE], text], _check),
            member("allowed", T.BOOL, [[_DECISION]], lambda decision: decision["allowed"]),
            member("reason", T.STRING, [[_DECISION]], lambda decision: decision["reason"]),
            member("errored", T.BOOL, [[_DECISION]], lambda decision: False),
            member("error", T.STRING, [[_DECISION]], lambda decision: ""),
        ],
    )
