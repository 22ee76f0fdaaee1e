"""Which requests a webhook or a policy is about. Pure; shared by both.

After apiserver's `pkg/admission/plugin/webhook/predicates` and `plugin/policy/matching`.

>>> rule = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/*"]}
>>> status = Request("UPDATE", "", "v1", "pods", subresource="status", namespace="a", name="x")
>>> rule_matches(rule, status)
True
>>> rule_matches(rule | {"resources": ["pods"]}, status)
False
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from miniplane.api.selectors import labels

Raw = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What rules look at. `namespace` is a namespace's own name where it is about a namespace, but
    for its creation."""

    operation: str
    group: str
    version: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""


def rule_matches(rule: Raw, request: Request) -> bool:
    """Whether a `RuleWithOperations` speaks of a request."""
    return (
        _scope(rule.get("scope") or "*", request)
        and _among(rule.get("operations"), request.operation)
        and _among(rule.get("apiGroups"), request.group)
        and _among(rule.get("apiVersions"), request.version)
        and any(_names(entry, request) for entry in rule.get("resources") or ())
    )


def _among(items: Sequence[str] | None, wanted: str) -> bool:
    return any(item in ("*", wanted) for item in items or ())


def _names(entry: str, request: Request) -> bool:
    resource, _, subresource = entry.partition("/")
    return resource in ("*", request.resource) and subresource in ("*", request.subresource)


def _scope(scope: str, request: Request) -> bool:
    of_namespace = (request.group, request.version, request.resource) == ("", "v1", "namespaces")
    namespaced = bool(request.namespace) and not of_namespace
    return scope == "*" or (scope == "Namespaced") is namespaced


def first_match(
    rules: Iterable[Raw], request: Request, equivalents: Sequence[Request], match_policy: str
) -> Request | None:
    """The request as the rules know it: itself, or, for `Equivalent`, in another version or group
    in which the same object is served. Earlier rules go first."""
    rules = list(rules)
    if any(rule_matches(rule, request) and _named(rule, request) for rule in rules):
        return request
    if match_policy != "Equivalent":
        return None
    for rule in rules:
        for other in equivalents:
            if rule_matches(rule, other) and _named(rule, other):
                return other
    return None


def _named(rule: Raw, request: Request) -> bool:
    only = rule.get("resourceNames")
    return not only or request.name in only


def resources_match(
    resources: Raw, request: Request, equivalents: Sequence[Request]
) -> Request | None:
    """`MatchResources`, all but its selectors: the request as the rules know it, or None."""
    policy = resources.get("matchPolicy") or "Equivalent"
    excluded = resources.get("excludeResourceRules") or ()
    if excluded and first_match(excluded, request, equivalents, policy) is not None:
        return None
    rules = resources.get("resourceRules") or ()
    return first_match(rules, request, equivalents, policy) if rules else request


def selects(selector: Raw | None, *found: Mapping[str, str] | None) -> bool:
    """Whether a label selector, of which an empty one selects everything, selects any of these
    labels. None stands for an object that is not there."""
    if not selector or not (selector.get("matchLabels") or selector.get("matchExpressions")):
        return True
    wanted = labels.from_obj(selector)
    return any(wanted.matches(one) for one in found if one is not None)
