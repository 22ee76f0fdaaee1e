"""authorization.k8s.io: may somebody do something (pkg/registry/authorization)."""

from typing import Any

from miniplane.api import errors, rbac
from miniplane.api.objects import Obj
from miniplane.api.options import User, WriteOptions
from miniplane.api.rbac import Attributes
from miniplane.api.resources import Resource
from miniplane.registry import authorization
from miniplane.registry.context import Context
from miniplane.registry.results import Result
from miniplane.registry.reviews import parts

_RESOURCE = ("verbs", "apiGroups", "resources", "resourceNames")
_OTHER = ("verbs", "nonResourceURLs")


def subject_access_review(
    context: Context, resource: Resource, namespace: str, raw: Any, options: WriteOptions
) -> Result:
    """Whether the user of the spec may do something. Those who ask need not exist."""
    warnings: list[str] = []
    obj = parts.decoded(context, resource, namespace, raw, options, warnings)
    parts.check(resource, obj)
    spec = obj["spec"]
    user = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
    return _decide(context, resource, obj, user, warnings)


def self_subject_access_review(
    context: Context, resource: Resource, namespace: str, raw: Any, options: WriteOptions
) -> Result:
    """Whether whoever asks may do something."""
    warnings: list[str] = []
    obj = parts.decoded(context, resource, namespace, raw, options, warnings)
    parts.check(resource, obj)
    return _decide(context, resource, obj, options.user, warnings)


def _decide(
    context: Context, resource: Resource, obj: Obj, user: User, warnings: list[str]
) -> Result:
    decision = authorization.decide(context, user, _asked(obj["spec"]))
    status: Obj = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    obj["status"] = status
    return parts.answer(resource, obj, warnings)


def _asked(spec: Obj) -> Attributes:
    of = spec.get("resourceAttributes")
    if of is None:
        other = spec["nonResourceAttributes"]
        return Attributes(other.get("verb", ""), path=other.get("path", "") or "*")
    return Attributes(
        of.get("verb", ""),
        group=of.get("group", ""),
        version=of.get("version", "") or "*",
        resource=of.get("resource", ""),
        subresource=of.get("subresource", ""),
        namespace=of.get("namespace", ""),
        name=of.get("name", ""),
    )


def self_subject_rules_review(
    context: Context, resource: Resource, namespace: str, raw: Any, options: WriteOptions
) -> Result:
    """All that whoever asks may do in a namespace."""
    warnings: list[str] = []
    asked = parts.decoded(context, resource, namespace, raw, options, warnings)
    where = asked["spec"].get("namespace", "")
    if not where:
        raise errors.bad_request("no namespace on request")
    rules, unresolved = authorization.rules_of(context, options.user, where)
    status: Obj = {
        "resourceRules": [_part(rule, _RESOURCE) for rule in rules if rule.get("resources")],
        "nonResourceRules": [_part(rule, _OTHER) for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": False,
    }
    if unresolved:
        status["evaluationError"] = unresolved
    return parts.answer(resource, {"metadata": {}, "spec": {}, "status": status}, warnings)


def _part(rule: rbac.Rule, keys: tuple[str, ...]) -> Obj:
    return {key: list(rule[key]) for key in keys if rule.get(key)}
