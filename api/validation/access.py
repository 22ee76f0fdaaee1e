"""Roles, bindings, disruption budgets and the questions of who may do what.

Follows `pkg/apis/{rbac,policy,authorization,authentication}/validation`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, conditions, govalues, selectors
from miniplane.api.validation.checks import Errors

_GROUP = "rbac.authorization.k8s.io"
_ROLE_REF = (("apiGroup", "APIGroup", ""), ("kind", "Kind", ""), ("name", "Name", ""))
_BUDGET = (
    ("minAvailable", "MinAvailable", None),
    ("selector", "Selector", None),
    ("maxUnavailable", "MaxUnavailable", None),
    ("unhealthyPodEvictionPolicy", "UnhealthyPodEvictionPolicy", None),
)
_SHORTEST_TOKEN = 600

Object = Mapping[str, Any]


def role(errors: Errors, obj: Object) -> None:
    for i, rule in enumerate(obj.get("rules") or ()):
        _rule(errors, f"rules[{i}]", rule, namespaced=True)


def cluster_role(errors: Errors, obj: Object) -> None:
    for i, rule in enumerate(obj.get("rules") or ()):
        _rule(errors, f"rules[{i}]", rule, namespaced=False)
    aggregation = obj.get("aggregationRule")
    if aggregation is None:
        return
    path = "aggregationRule.clusterRoleSelectors"
    chosen = aggregation.get("clusterRoleSelectors") or ()
    if not chosen:
        text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        errors.append(field.required(path, text))
    for i, selector in enumerate(chosen):
        selectors.label_selector(errors, f"{path}[{i}]", selector)


def _rule(errors: Errors, path: str, rule: Object, *, namespaced: bool) -> None:
    if not rule.get("verbs"):
        text = "verbs must contain at least one value"
        errors.append(field.required(f"{path}.verbs", text))
    urls = rule.get("nonResourceURLs")
    if urls:
        where = f"{path}.nonResourceURLs"
        if namespaced:
            text = "namespaced rules cannot apply to non-resource URLs"
            errors.append(field.invalid(where, urls, text))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(field.invalid(where, urls, text))
        return
    if not rule.get("apiGroups"):
        text = "resource rules must supply at least one api group"
        errors.append(field.required(f"{path}.apiGroups", text))
    if not rule.get("resources"):
        text = "resource rules must supply at least one resource"
        errors.append(field.required(f"{path}.resources", text))


def role_binding(errors: Errors, obj: Object) -> None:
    _binding(errors, obj, ("Role", "ClusterRole"), namespaced=True)


def cluster_role_binding(errors: Errors, obj: Object) -> None:
    _binding(errors, obj, ("ClusterRole",), namespaced=False)


def role_binding_update(errors: Errors, obj: Object, old: Object) -> None:
    role_binding(errors, obj)
    _same_role(errors, obj, old)


def cluster_role_binding_update(errors: Errors, obj: Object, old: Object) -> None:
    cluster_role_binding(errors, obj)
    _same_role(errors, obj, old)


def _same_role(errors: Errors, obj: Object, old: Object) -> None:
    ref = govalues.struct(obj.get("roleRef") or {}, *_ROLE_REF)
    if ref != govalues.struct(old.get("roleRef") or {}, *_ROLE_REF):
        errors.append(field.invalid("roleRef", ref, "cannot change roleRef"))


def _binding(errors: Errors, obj: Object, kinds: tuple[str, ...], *, namespaced: bool) -> None:
    ref = obj.get("roleRef") or {}
    checks.supported(errors, "roleRef.apiGroup", ref.get("apiGroup") or "", (_GROUP,))
    checks.supported(errors, "roleRef.kind", ref.get("kind") or "", kinds)
    name = ref.get("name") or ""
    if not name:
        errors.append(field.required("roleRef.name"))
    else:
        checks.each(errors, "roleRef.name", name, names.path_segment(name))
    for i, subject in enumerate(obj.get("subjects") or ()):
        _subject(errors, f"subjects[{i}]", subject, namespaced=namespaced)


def _subject(errors: Errors, path: str, subject: Object, *, namespaced: bool) -> None:
    name, kind = subject.get("name") or "", subject.get("kind") or ""
    group = subject.get("apiGroup") or ""
    if not name:
        errors.append(field.required(f"{path}.name"))
    if kind == "ServiceAccount":
        if name:
            checks.dns_subdomain(errors, f"{path}.name", name)
        if group:
            errors.append(field.not_supported(f"{path}.apiGroup", group, [""]))
        if not namespaced and not subject.get("namespace"):
            errors.append(field.required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        checks.supported(errors, f"{path}.apiGroup", group, (_GROUP,))
    else:
        choices = ("ServiceAccount", "User", "Group")
        errors.append(field.not_supported(f"{path}.kind", kind, choices))


def disruption_budget(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    available, unavailable = spec.get("minAvailable"), spec.get("maxUnavailable")
    if available is not None and unavailable is not None:
        shown = govalues.struct(spec, *_BUDGET)
        shown["Selector"] = govalues.label_selector(spec.get("selector"))
        text = "minAvailable and maxUnavailable cannot be both set"
        errors.append(field.invalid("spec", shown, text))
    for key, value in (("minAvailable", available), ("maxUnavailable", unavailable)):
        checks.int_or_percent(errors, f"spec.{key}", value)
        checks.at_most_100_percent(errors, f"spec.{key}", value)
    selectors.label_selector(errors, "spec.selector", spec.get("selector"))
    policy = spec.get("unhealthyPodEvictionPolicy")
    path = "spec.unhealthyPodEvictionPolicy"
    checks.supported(errors, path, policy, ("AlwaysAllow", "IfHealthyBudget"))


def disruption_budget_status(errors: Errors, obj: Object, old: Object) -> None:
    status = obj.get("status") or {}
    conditions.check(errors, "status.conditions", status.get("conditions"))
    checks.nonnegative(
        errors,
        status,
        "status",
        "disruptionsAllowed",
        "currentHealthy",
        "desiredHealthy",
        "expectedPods",
    )


def subject_access_review(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    _attributes(errors, spec)
    if not spec.get("user") and not spec.get("groups"):
        text = "at least one of user or group must be specified"
        errors.append(field.invalid("spec.user", "", text))


def self_subject_access_review(errors: Errors, obj: Object) -> None:
    _attributes(errors, obj.get("spec") or {})


def local_subject_access_review(errors: Errors, obj: Object) -> None:
    subject_access_review(errors, obj)
    spec, namespace = obj.get("spec") or {}, (obj.get("metadata") or {}).get("namespace") or ""
    attributes = spec.get("resourceAttributes")
    if attributes is not None and (attributes.get("namespace") or "") != namespace:
        shown, text = attributes.get("namespace") or "", "must match metadata.namespace"
        errors.append(field.invalid("spec.resourceAttributes.namespace", shown, text))
    if spec.get("nonResourceAttributes") is not None:
        shown_attributes = _non_resource(spec["nonResourceAttributes"])
        text = "disallowed on this kind of request"
        path = "spec.nonResourceAttributes"
        errors.append(field.invalid(path, shown_attributes, text))


def _attributes(errors: Errors, spec: Object) -> None:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and other is not None:
        text = "cannot be specified in combination with resourceAttributes"
        errors.append(field.invalid("spec.nonResourceAttributes", _non_resource(other), text))
    elif resource is None and other is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        errors.append(field.invalid("spec.resourceAttributes", None, text))


def _non_resource(attributes: Object) -> dict[str, Any]:
    return govalues.struct(attributes, ("path", "Path", ""), ("verb", "Verb", ""))


def token_request(obj: Object) -> Errors:
    """A TokenRequest, with its defaults set."""
    errors: Errors = []
    seconds = (obj.get("spec") or {}).get("expirationSeconds") or 0
    path = "spec.expirationSeconds"
    if seconds < _SHORTEST_TOKEN:
        text = "may not specify a duration less than 10 minutes"
        errors.append(field.invalid(path, seconds, text))
    if seconds > 1 << 32:
        text = "may not specify a duration larger than 2^32 seconds"
        errors.append(field.invalid(path, seconds, text))
    return errors


def binding(obj: Object) -> Errors:
    """A Binding: it names the node of a pod."""
    errors: Errors = []
    target = obj.get("target") or {}
    kind = target.get("kind") or ""
    if kind not in ("", "Node"):
        errors.append(field.not_supported("target.kind", kind, ("Node", "<empty>")))
    if not target.get("name"):
        errors.append(field.required("target.name"))
    return errors
