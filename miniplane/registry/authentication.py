"""Whose a token is.

Follows `pkg/serviceaccount/claims.go` and `jwt.go`: a token is good for as long as its time has not
run out and its service account, and the object that it is bound to, are there under the same uid.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from miniplane.api import errors, rbac, resources
from miniplane.api.objects import Obj
from miniplane.api.options import User
from miniplane.api.resources import Resource
from miniplane.clock import parse_time
from miniplane.registry.context import Context

LEEWAY = 60.0
"""How far clocks may be apart, in seconds."""
_KEY = "authentication.kubernetes.io/"


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Who a token stands for, and for which of the audiences asked about."""

    user: User
    audiences: tuple[str, ...]


class Refused(Exception):
    """A token that was issued here and is not good. The text says why."""


def user_of(context: Context, token: str) -> User | None:
    """The user behind a bearer token, None for one that nobody has given out here.

    StatusError 401 for one that is no longer good.
    """
    try:
        identity = authenticate(context, token)
    except Refused:
        raise errors.unauthorized() from None
    return None if identity is None else identity.user


def authenticate(context: Context, token: str, audiences: Sequence[str] = ()) -> Identity | None:
    """Who a token stands for; None for one that was not issued here. Refused if it is not good.

    Without `audiences` it is to be for this server.
    """
    issuer = context.tokens.issuer
    audiences = audiences or (issuer,)
    known = context.users.get(token)
    if known is not None:
        # Such a token says nothing of audiences: it is for the server's own alone.
        common = tuple(a for a in audiences if a == issuer)
        return Identity(known, common) if common else None
    try:
        claims = context.tokens.read(token)
    except ValueError as error:
        raise Refused(str(error)) from None
    if claims is None:
        return None
    given = claims.get("aud") or [issuer]
    common = tuple(a for a in given if a in audiences)
    if not common:
        raise Refused(
            f"token audiences {_list(given)} is invalid for the target audiences {_list(audiences)}"
        )
    now = context.clock.time()
    if now - LEEWAY > claims["exp"]:
        raise Refused("service account token has expired")
    if now + LEEWAY < claims["nbf"]:
        raise Refused("service account token is not valid yet")
    return Identity(_user(context, claims, now), common)


def _user(context: Context, claims: dict[str, Any], now: float) -> User:
    private = claims["kubernetes.io"]
    namespace, account = private["namespace"], private["serviceaccount"]
    name = account["name"]
    found = context.find(resources.SERVICE_ACCOUNTS, namespace, name)
    if found is None:
        raise Refused(errors.not_found(resources.SERVICE_ACCOUNTS, name).message)
    if _gone(found, now):
        raise Refused(f"service account {namespace}/{name} has been deleted")
    if found["metadata"]["uid"] != account["uid"]:
        uid = found["metadata"]["uid"]
        raise Refused(f"service account UID ({uid}) does not match claim ({account['uid']})")
    secret, pod, node = (private.get(key) for key in ("secret", "pod", "node"))
    extra: dict[str, str] = {"credential-id": f"JTI={claims['jti']}"}
    if secret is not None:
        _check_bound(context, resources.SECRETS, namespace, secret, "secret", now)
    if pod is not None:
        _check_bound(context, resources.PODS, namespace, pod, "pod", now)
        extra |= {"pod-name": pod["name"], "pod-uid": pod["uid"]}
    elif node is not None:
        _check_bound(context, resources.NODES, "", node, "node", now)
    if node is not None:
        extra["node-name"] = node["name"]
        if node.get("uid"):
            extra["node-uid"] = node["uid"]
    return User(
        rbac.service_account_name(namespace, name),
        (*rbac.service_account_groups(namespace), rbac.AUTHENTICATED),
        uid=account["uid"],
        extra=tuple((_KEY + key, (value,)) for key, value in sorted(extra.items())),
    )


def _check_bound(
    context: Context, resource: Resource, namespace: str, ref: Obj, word: str, now: float
) -> None:
    found = context.find(resource, namespace, ref["name"])
    if found is None or _gone(found, now):
        raise Refused("service account token has been invalidated")
    uid = found["metadata"]["uid"]
    if uid != ref["uid"]:
        raise Refused(
            f"{word} UID ({uid}) does not match service account {word} ref claim ({ref['uid']})"
        )


def _gone(obj: Obj, now: float) -> bool:
    deleted = obj["metadata"].get("deletionTimestamp")
    return deleted is not None and parse_time(deleted) < now - LEEWAY


def _list(texts: Sequence[str]) -> str:
    return "[" + " ".join(json.dumps(text, ensure_ascii=False) for text in texts) + "]"
