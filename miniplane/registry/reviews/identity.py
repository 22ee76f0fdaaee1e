"""authentication.k8s.io: who is asking, and whose is a token (pkg/registry/authentication)."""

from typing import Any

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry import authentication
from miniplane.registry.context import Context
from miniplane.registry.results import Result
from miniplane.registry.reviews import parts


def self_subject_review(
    context: Context, resource: Resource, namespace: str, raw: Any, options: WriteOptions
) -> Result:
    """Who is asking."""
    warnings: list[str] = []
    parts.decoded(context, resource, namespace, raw, options, warnings)
    obj: Obj = {
        "metadata": {"creationTimestamp": context.clock.rfc3339()},
        "status": {"userInfo": parts.user_info(options.user)},
    }
    return parts.answer(resource, obj, warnings)


def token_review(
    context: Context, resource: Resource, namespace: str, raw: Any, options: WriteOptions
) -> Result:
    """Whose a token is. One that is not good is no error: the status says so."""
    warnings: list[str] = []
    obj = parts.decoded(context, resource, namespace, raw, options, warnings)
    spec = obj["spec"]
    if not spec.get("token"):
        raise errors.bad_request("token is required for TokenReview in authentication")
    status: Obj = {"user": {}}
    try:
        identity = authentication.authenticate(context, spec["token"], spec.get("audiences") or ())
    except authentication.Refused as refused:
        status["error"] = f"[invalid bearer token, {refused}]"
    else:
        if identity is None:
            status["error"] = "invalid bearer token"
        else:
            status = {
                "authenticated": True,
                "user": parts.user_info(identity.user),
                "audiences": list(identity.audiences),
            }
    obj["status"] = status
    return parts.answer(resource, obj, warnings)
