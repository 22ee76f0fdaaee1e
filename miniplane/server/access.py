"""Who asks, and whether they may.

Whoever reaches the server is `kubernetes-admin` in `system:masters`, who may do everything and may
act as somebody else with the Impersonate headers; then, and only then, access rules count. The
rules themselves are the authorizer's, which the composition root hands in.
"""

import dataclasses
from collections.abc import Callable

from multidict import CIMultiDictProxy, istr

from miniplane.api import errors
from miniplane.api.errors import StatusError
from miniplane.api.options import ADMIN, User
from miniplane.server.call import Call
from miniplane.server.options import boolean

_USER = istr("Impersonate-User")
_GROUP = istr("Impersonate-Group")
_SERVICE_ACCOUNT = "system:serviceaccount:"
ANONYMOUS = "system:anonymous"


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


Authorizer = Callable[[User, Attributes], bool]


def allow_all(user: User, attributes: Attributes) -> bool:
    return True


def user_of(headers: CIMultiDictProxy[str]) -> User:
    """The user, impersonated or not. StatusError 500 for groups without a user."""
    name = headers.get(_USER, "")
    if not name:
        if _GROUP in headers:
            groups = headers.getall(_GROUP)
            raise errors.internal_error(f"requested {groups} without impersonating a user name")
        return ADMIN
    groups = list(headers.getall(_GROUP, []))
    if name.startswith(_SERVICE_ACCOUNT) and not groups:
        namespace = name.split(":")[2]
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    everybody = "system:unauthenticated" if name == ANONYMOUS else "system:authenticated"
    if everybody not in groups:
        groups.append(everybody)
    return User(name, tuple(groups))


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
    if not authorize(user, asked):
        raise forbidden(user, asked)


def forbidden(user: User, asked: Attributes) -> StatusError:
    """403 in the words of apiserver's `responsewriters.Forbidden`."""
    if asked.path:
        message = f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"'
        return StatusError(403, "Forbidden", message, {})
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    message = (
        f'User "{user.name}" cannot {asked.verb} resource "{resource}" in API group '
        f'"{asked.group}" '
    )
    message += (
        f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    )
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
