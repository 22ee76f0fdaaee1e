"""Who asks, and whether they may.

Over plain HTTP, whoever reaches the server is `kubernetes-admin` in `system:masters`, who may do
everything and may act as somebody else with the Impersonate headers. Over HTTPS he is who his
client certificate says, or nobody (`system:anonymous`). Who shows a token is its user, over either.
For all but the administrator access rules count; the rules themselves are the authorizer's, which
the composition root hands in.
"""

from collections.abc import Callable, Iterator
from urllib.parse import unquote

from aiohttp import hdrs
from multidict import CIMultiDictProxy, istr

from miniplane.api import errors, rbac
from miniplane.api.errors import StatusError
from miniplane.api.options import ADMIN, User
from miniplane.api.rbac import Attributes, Decision
from miniplane.server.call import Call
from miniplane.server.options import boolean

__all__ = [
    "ANONYMOUS",
    "Attributes",
    "Authenticator",
    "Authorizer",
    "attributes_of",
    "check",
    "user_of",
]

_AUTHORIZATION = istr(hdrs.AUTHORIZATION)
_USER = istr("Impersonate-User")
_GROUP = istr("Impersonate-Group")
_UID = istr("Impersonate-Uid")
_EXTRA = "impersonate-extra-"

ANONYMOUS = User(rbac.ANONYMOUS, (rbac.UNAUTHENTICATED,))
"""Whoever shows nothing, where that says nothing of him."""

Authorizer = Callable[[User, Attributes], Decision]
Authenticator = Callable[[str], User | None]
"""Whose a bearer token is: None for one that says nothing, StatusError 401 for a stale one."""


def allow_all(user: User, asked: Attributes) -> Decision:
    return Decision(True)


def nobody(token: str) -> User | None:
    """The authenticator that knows no tokens."""
    return None


def user_of(
    headers: CIMultiDictProxy[str],
    authenticate: Authenticator = nobody,
    authorize: Authorizer = allow_all,
    user: User | None = ADMIN,
    strict: bool = False,
) -> User:
    """The user, impersonated or not.

    `user` is who is asking as far as the connection tells: ADMIN, ANONYMOUS or None for one who
    still has to show who he is, and else the user of a certificate, to which a token adds nothing.
    `strict`: a token that nobody knows is refused, not overlooked. StatusError 401 for one who has
    not shown who he is, or whose token is not good, 403 for one who may not act as somebody else,
    500 for an impersonation without a user name.
    """
    if _AUTHORIZATION in headers and (user is ADMIN or user is ANONYMOUS or user is None):
        user = _bearer(headers[_AUTHORIZATION], authenticate, user, strict)
    if user is None:
        raise errors.unauthorized()
    name = headers.get(_USER, "")
    if not name:
        _check_alone(headers)
        return user
    groups = list(headers.getall(_GROUP, []))
    somebody = User(name, tuple(groups), headers.get(_UID, ""), tuple(_extra(headers)))
    if user is not ADMIN:
        for asked in _impersonations(somebody):
            check(authorize, user, asked)
    groups = groups or list(rbac.implied_groups(name))
    everybody = rbac.UNAUTHENTICATED if name == rbac.ANONYMOUS else rbac.AUTHENTICATED
    if everybody not in groups:
        groups.append(everybody)
    return User(name, tuple(groups), somebody.uid, somebody.extra)


def _bearer(
    credentials: str, authenticate: Authenticator, otherwise: User | None, strict: bool
) -> User | None:
    scheme, _, rest = credentials.strip().partition(" ")
    token = rest.partition(" ")[0]
    if scheme.lower() != "bearer" or not token:
        return otherwise
    user = authenticate(token)
    if user is None and strict:
        raise errors.unauthorized()
    return otherwise if user is None else user


def _check_alone(headers: CIMultiDictProxy[str]) -> None:
    if _GROUP in headers:
        groups = headers.getall(_GROUP)
        raise errors.internal_error(f"requested {groups} without impersonating a user name")


def _extra(headers: CIMultiDictProxy[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    keys = dict.fromkeys(key.lower() for key in headers if key.lower().startswith(_EXTRA))
    for key in keys:
        yield unquote(key.removeprefix(_EXTRA)), tuple(headers.getall(key))


def _impersonations(user: User) -> Iterator[Attributes]:
    """What somebody must be allowed to do to act as this user."""
    if rbac.implied_groups(user.name):
        _, _, namespace, name = user.name.split(":", 3)
        yield Attributes("impersonate", resource="serviceaccounts", namespace=namespace, name=name)
    else:
        yield Attributes("impersonate", resource="users", name=user.name)
    for group in user.groups:
        yield Attributes("impersonate", resource="groups", name=group)
    group = "authentication.k8s.io"
    if user.uid:
        yield Attributes("impersonate", group=group, resource="uids", name=user.uid)
    for key, values in user.extra:
        for value in values:
            yield Attributes(
                "impersonate", group=group, resource="userextras", subresource=key, name=value
            )


_METHODS = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}


def attributes_of(call: Call) -> Attributes:
    """What a request asks for, by its form alone: whether it is served does not matter yet."""
    info, method = call.info, call.request.method
    if not info.plural:
        return Attributes(verb=method.lower(), path=info.path)
    return Attributes(
        verb=_verb(call),
        group=info.group,
        version=info.version,
        resource=info.plural,
        subresource=info.subresource,
        namespace=info.namespace,
        name=info.name or _selected_name(call),
    )


def _verb(call: Call) -> str:
    info = call.info
    if info.watch:
        return "watch"
    verb = _METHODS.get(call.request.method, "")
    if info.name:
        return verb
    if verb == "get":
        watching = "watch" in call.query and boolean(call.query["watch"])
        return "watch" if watching else "list"
    return "deletecollection" if verb == "delete" else verb


def _selected_name(call: Call) -> str:
    """The one object that a list or watch is about, where its field selector says so."""
    for term in call.param("fieldSelector").split(","):
        key, _, name = term.replace("==", "=").partition("=")
        if key == "metadata.name":
            return name
    return ""


def check(authorize: Authorizer, user: User, asked: Attributes) -> None:
    """StatusError 403 unless the user may do what is asked for."""
    decision = authorize(user, asked)
    if not decision.allowed:
        raise forbidden(user, asked, decision.reason)


def forbidden(user: User, asked: Attributes, reason: str = "") -> StatusError:
    """403 in the words of apiserver's `responsewriters.Forbidden`."""
    if asked.path:
        message = f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"'
        message += f": {reason}" if reason else ""
        return StatusError(403, "Forbidden", message, {})
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    message = (
        f'User "{user.name}" cannot {asked.verb} resource "{resource}" in API group '
        f'"{asked.group}" '
    )
    message += (
        f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    )
    message += f": {reason}" if reason else ""
    details = {}
    if asked.name:
        details["name"] = asked.name
    if asked.group:
        details["group"] = asked.group
    details["kind"] = asked.resource
    subject = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    if asked.name:
        subject += f' "{asked.name}"'
    return StatusError(403, "Forbidden", f"{subject} is forbidden: {message}", details)
