"""Priority and fairness, and aggregated APIs.

Follows `pkg/apis/flowcontrol/validation` and `kube-aggregator/pkg/apis/apiregistration/validation`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_HIGHEST_PRECEDENCE = 10000
_DISTINGUISHERS = ("ByNamespace", "ByUser")
_SUBJECTS = ("Group", "ServiceAccount", "User")
_RESPONSES = ("Queue", "Reject")
_MAX_QUEUES = 10 * 1000 * 1000

Object = Mapping[str, Any]


def flow_schema(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    precedence = spec.get("matchingPrecedence") or 0
    path = "spec.matchingPrecedence"
    if precedence <= 0:
        text = "must be a positive value"
        errors.append(field.invalid(path, precedence, text))
    if precedence > _HIGHEST_PRECEDENCE:
        text = f"must not be greater than {_HIGHEST_PRECEDENCE}"
        errors.append(field.invalid(path, precedence, text))
    name = (obj.get("metadata") or {}).get("name")
    if precedence == 1 and name != "exempt":
        text = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(field.invalid(path, precedence, text))
    method = spec.get("distinguisherMethod")
    if method is not None:
        kind = method.get("type") or ""
        where = "spec.distinguisherMethod.type"
        if not kind:
            errors.append(field.required(where))
        else:
            checks.supported(errors, where, kind, _DISTINGUISHERS)
    level = (spec.get("priorityLevelConfiguration") or {}).get("name") or ""
    where = "spec.priorityLevelConfiguration.name"
    if not level:
        text = "must reference a priority level"
        errors.append(field.required(where, text))
    else:
        checks.dns_subdomain(errors, where, level)
    for i, rule in enumerate(spec.get("rules") or ()):
        _rule(errors, f"spec.rules[{i}]", rule)


def _rule(errors: Errors, path: str, rule: Object) -> None:
    subjects = rule.get("subjects") or ()
    if not subjects:
        text = "subjects must contain at least one value"
        errors.append(field.required(f"{path}.subjects", text))
    for i, subject in enumerate(subjects):
        _subject(errors, f"{path}.subjects[{i}]", subject)
    resources, others = rule.get("resourceRules") or (), rule.get("nonResourceRules") or ()
    if not resources and not others:
        text = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(field.required(path, text))
    for i, entry in enumerate(resources):
        where = f"{path}.resourceRules[{i}]"
        _all_or_some(errors, where, entry, "verbs", "apiGroups", "resources")
        if not entry.get("namespaces") and not entry.get("clusterScope"):
            text = "resource rules that are not cluster scoped must supply at least one namespace"
            errors.append(field.required(f"{where}.namespaces", text))
    for i, entry in enumerate(others):
        where = f"{path}.nonResourceRules[{i}]"
        _all_or_some(errors, where, entry, "verbs", "nonResourceURLs")
        urls = entry.get("nonResourceURLs") or ()
        for j, url in enumerate(urls if "*" not in urls else ()):
            if problem := _url_problem(url):
                errors.append(field.invalid(f"{where}.nonResourceURLs[{j}]", url, problem))


def _url_problem(url: str) -> str:
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    if "*" in url and not (url.count("*") == 1 and url.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""


_NEEDED = {
    "verbs": "verbs must contain at least one value",
    "apiGroups": "resource rules must supply at least one api group",
    "resources": "resource rules must supply at least one resource",
    "nonResourceURLs": "nonResourceURLs must contain at least one value",
}


def _all_or_some(errors: Errors, path: str, entry: Object, *keys: str) -> None:
    for key in keys:
        values = entry.get(key) or []
        if not values:
            errors.append(field.required(f"{path}.{key}", _NEEDED[key]))
        elif "*" in values and len(values) > 1:
            text = f"if '*' is present, must not specify other {key}"
            errors.append(field.invalid(f"{path}.{key}", values, text))


def _subject(errors: Errors, path: str, subject: Object) -> None:
    kind = subject.get("kind") or ""
    checks.supported(errors, f"{path}.kind", kind, _SUBJECTS)
    for name, key in (("User", "user"), ("Group", "group"), ("ServiceAccount", "serviceAccount")):
        value = subject.get(key)
        where = f"{path}.{key}"
        if kind != name:
            if value is not None and kind in _SUBJECTS:
                text = f"{key} is forbidden when subject kind is not '{name}'"
                errors.append(field.forbidden(where, text))
        elif value is None:
            text = f"{key} is required when subject kind is '{name}'"
            errors.append(field.required(where, text))
        else:
            if not value.get("name"):
                errors.append(field.required(f"{where}.name"))
            if name == "ServiceAccount" and not value.get("namespace"):
                text = "must specify namespace for service account"
                errors.append(field.required(f"{where}.namespace", text))


def priority_level(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    kind = spec.get("type") or ""
    checks.supported(errors, "spec.type", kind, ("Exempt", "Limited"))
    exempt, limited = spec.get("exempt"), spec.get("limited")
    if kind == "Exempt":
        if limited is not None:
            text = "must be nil if the type is not Limited"
            errors.append(field.forbidden("spec.limited", text))
        if exempt is not None:
            _shares(errors, "spec.exempt", exempt, least=0)
    elif kind == "Limited":
        if exempt is not None:
            text = "must be nil if the type is Limited"
            errors.append(field.forbidden("spec.exempt", text))
        if limited is None:
            text = "must not be empty when type is Limited"
            errors.append(field.required("spec.limited", text))
        else:
            _limited(errors, "spec.limited", limited)


def _shares(errors: Errors, path: str, level: Object, *, least: int) -> None:
    shares, lendable = level.get("nominalConcurrencyShares"), level.get("lendablePercent")
    if shares is not None and shares < least:
        text = "must be a non-negative integer"
        errors.append(field.invalid(f"{path}.nominalConcurrencyShares", shares, text))
    if lendable is not None and not 0 <= lendable <= 100:
        text = "must be between 0 and 100, inclusive"
        errors.append(field.invalid(f"{path}.lendablePercent", lendable, text))


def _limited(errors: Errors, path: str, level: Object) -> None:
    _shares(errors, path, level, least=0)
    borrowing = level.get("borrowingLimitPercent")
    if borrowing is not None and borrowing < 0:
        text = "if specified, must be a non-negative integer"
        errors.append(field.invalid(f"{path}.borrowingLimitPercent", borrowing, text))
    response = level.get("limitResponse") or {}
    where, kind = f"{path}.limitResponse", response.get("type") or ""
    queuing = response.get("queuing")
    if kind == "Reject":
        if queuing is not None:
            text = "must be nil if limited.limitResponse.type is not Limited"
            errors.append(field.forbidden(f"{where}.queuing", text))
    elif kind == "Queue":
        if queuing is None:
            text = "must not be empty if limited.limitResponse.type is Limited"
            errors.append(field.required(f"{where}.queuing", text))
        else:
            _queuing(errors, f"{where}.queuing", queuing)
    else:
        checks.supported(errors, f"{where}.type", kind, _RESPONSES)


def _queuing(errors: Errors, path: str, queuing: Object) -> None:
    queues, hand = queuing.get("queues") or 0, queuing.get("handSize") or 0
    length = queuing.get("queueLengthLimit") or 0
    for key, value in (("queueLengthLimit", length), ("queues", queues)):
        if value <= 0:
            errors.append(field.invalid(f"{path}.{key}", value, "must be positive"))
    if queues > _MAX_QUEUES:
        text = f"must not be greater than {_MAX_QUEUES}"
        errors.append(field.invalid(f"{path}.queues", queues, text))
    if hand <= 0:
        errors.append(field.invalid(f"{path}.handSize", hand, "must be positive"))
    if hand > queues:
        text = f"should not be greater than queues ({queues})"
        errors.append(field.invalid(f"{path}.handSize", hand, text))


def api_service(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    group, version = spec.get("group") or "", spec.get("version") or ""
    name = (obj.get("metadata") or {}).get("name") or ""
    expected = f"{version}.{group}"
    if name and name != expected:
        text = f'must be `spec.version+"."+spec.group`: "{expected}"'
        errors.append(field.invalid("metadata.name", name, text))
    if not group and version != "v1":
        text = "only v1 may have an empty group and it better be legacy kube"
        errors.append(field.required("spec.group", text))
    if group:
        checks.dns_subdomain(errors, "spec.group", group)
    checks.each(errors, "spec.version", version, names.dns1035_label(version))
    for key, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        value = spec.get(key) or 0
        if not 0 < value <= limit:
            text = f"must be positive and less than {limit}"
            errors.append(field.invalid(f"spec.{key}", value, text))
    service, bundle = spec.get("service"), spec.get("caBundle")
    insecure = spec.get("insecureSkipTLSVerify")
    if service is None:
        if bundle:
            size = len(bundle) * 3 // 4 - bundle[-2:].count("=")
            text = "local APIServices may not have a caBundle"
            errors.append(field.invalid("spec.caBundle", f"{size} bytes", text))
        if insecure:
            text = "local APIServices may not have insecureSkipTLSVerify"
            errors.append(field.invalid("spec.insecureSkipTLSVerify", True, text))
        return
    checks.required(errors, service, "spec.service", "namespace", "name")
    port = service.get("port")
    if port is not None and not 1 <= port <= 65535:
        text = f"port is not valid: {names.port_number(port)[0]}"
        errors.append(field.invalid("spec.service.port", port, text))
    if insecure and bundle:
        text = "may not be true if caBundle is present"
        errors.append(field.invalid("spec.insecureSkipTLSVerify", True, text))


def api_service_status(errors: Errors, obj: Object, old: Object) -> None:
    for i, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        status = condition.get("status") or ""
        choices = ("False", "True", "Unknown")
        checks.supported(errors, f"status.conditions[{i}].status", status, choices)
