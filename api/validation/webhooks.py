"""Admission webhooks (`pkg/apis/admissionregistration/validation`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, selectors
from miniplane.api.validation.checks import Errors
from miniplane.api.validation.expressions import BOOL, Expressions

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
FAILURES = ("Fail", "Ignore")
MATCHES = ("Equivalent", "Exact")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
REINVOCATIONS = ("IfNeeded", "Never")
_REVIEWS = ("v1", "v1beta1")
_CONDITIONS_LIMIT = 64

Object = Mapping[str, Any]


def configuration(errors: Errors, obj: Object) -> None:
    """Of validating webhooks or of mutating ones."""
    seen: dict[str, None] = {}
    for i, hook in enumerate(obj.get("webhooks") or ()):
        path = f"webhooks[{i}]"
        _webhook(errors, path, hook)
        reviews = hook.get("admissionReviewVersions") or []
        where = f"{path}.admissionReviewVersions"
        if not reviews:
            text = "must specify one of v1, v1beta1"
            errors.append(field.required(where, text))
        else:
            review_versions(errors, where, reviews)
        name = hook.get("name") or ""
        if name in seen:
            errors.append(field.duplicate(f"{path}.name", name))
        seen[name] = None


def review_versions(errors: Errors, path: str, versions: list[str]) -> None:
    """The versions of its reviews that a webhook understands."""
    for i, version in enumerate(versions):
        if version in versions[:i]:
            text = "duplicate version"
            errors.append(field.invalid(f"{path}[{i}]", version, text))
            continue
        checks.each(errors, f"{path}[{i}]", version, names.dns1035_label(version))
    if not any(version in _REVIEWS for version in versions):
        text = "must include at least one of v1, v1beta1"
        errors.append(field.invalid(path, versions, text))


def _webhook(errors: Errors, path: str, hook: Object) -> None:
    _qualified_domain(errors, f"{path}.name", hook.get("name") or "")
    for i, value in enumerate(hook.get("rules") or ()):
        rule(errors, f"{path}.rules[{i}]", value)
    checks.supported(errors, f"{path}.failurePolicy", hook.get("failurePolicy"), FAILURES)
    checks.supported(errors, f"{path}.matchPolicy", hook.get("matchPolicy"), MATCHES)
    effects = hook.get("sideEffects")
    if effects is None:
        text = "must specify one of None, NoneOnDryRun"
        errors.append(field.required(f"{path}.sideEffects", text))
    else:
        checks.supported(errors, f"{path}.sideEffects", effects, _SIDE_EFFECTS)
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        text = "the timeout value must be between 1 and 30 seconds"
        errors.append(field.invalid(f"{path}.timeoutSeconds", seconds, text))
    for key in ("namespaceSelector", "objectSelector"):
        selectors.label_selector(errors, f"{path}.{key}", hook.get(key))
    client_config(errors, f"{path}.clientConfig", hook.get("clientConfig") or {})
    policy = hook.get("reinvocationPolicy")
    checks.supported(errors, f"{path}.reinvocationPolicy", policy, REINVOCATIONS)
    conditions = hook.get("matchConditions") or []
    match_conditions(errors, f"{path}.matchConditions", conditions, Expressions(errors))


def client_config(errors: Errors, path: str, config: Object) -> None:
    """Where a webhook is: a URL or a service."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        text = "exactly one of url or service is required"
        errors.append(field.required(path, text))
    elif url is not None:
        _url(errors, f"{path}.url", url)
    elif service is not None:
        service_reference(errors, f"{path}.service", service)


def _url(errors: Errors, path: str, url: str) -> None:
    form = "; desired format: https://host[/path]"
    scheme, found, rest = url.partition("://")
    if not found:
        scheme, rest = "", url
    if scheme != "https":
        text = "'https' is the only allowed URL scheme" + form
        errors.append(field.invalid(path, scheme, text))
    host = rest.partition("/")[0]
    if not host:
        text = "host must be specified" + form
        errors.append(field.invalid(path, host, text))
    if "@" in host:
        text = "user information is not permitted in the URL"
        errors.append(field.invalid(path, host.partition("@")[0], text))
    for mark, what in (("#", "fragments"), ("?", "query parameters")):
        if mark in rest:
            shown, text = rest.partition(mark)[2], f"{what} are not permitted in the URL"
            errors.append(field.invalid(path, shown, text))


def service_reference(errors: Errors, path: str, service: Object) -> None:
    """The service that a webhook or an aggregated API is behind."""
    if not service.get("name"):
        errors.append(field.required(f"{path}.name", "service name is required"))
    if not service.get("namespace"):
        text = "service namespace is required"
        errors.append(field.required(f"{path}.namespace", text))
    port = service.get("port")
    if port is not None and not 1 <= port <= 65535:
        text = f"port is not valid: {names.port_number(port)[0]}"
        errors.append(field.invalid(f"{path}.port", port, text))
    target = service.get("path")
    if target is not None:
        _url_path(errors, f"{path}.path", target)


def _url_path(errors: Errors, path: str, target: str) -> None:
    if not target or target == "/":
        return
    if target == "//":
        text = "segment[0] may not be empty"
        errors.append(field.invalid(path, target, text))
        return
    if not target.startswith("/"):
        errors.append(field.invalid(path, target, "must start with a '/'"))
    trimmed = target.removeprefix("/")
    segments = trimmed.removesuffix("/").split("/")
    for i, segment in enumerate(segments):
        if not segment:
            text = f"segment[{i}] may not be empty"
            errors.append(field.invalid(path, target, text))
            continue
        for complaint in names.dns1123_subdomain(segment):
            text = f"segment[{i}]: {complaint}"
            errors.append(field.invalid(path, target, text))


def _qualified_domain(errors: Errors, path: str, name: str) -> None:
    if not name:
        errors.append(field.required(path))
    elif complaints := names.dns1123_subdomain(name):
        errors.append(field.invalid(path, name, ",".join(complaints)))
    elif name.count(".") < 2:
        text = "should be a domain with at least three segments separated by dots"
        errors.append(field.invalid(path, name, text))


def rule(errors: Errors, path: str, value: Object) -> None:
    """Operations on resources: what a webhook or policy is asked about."""
    operations = value.get("operations") or []
    where = f"{path}.operations"
    if not operations:
        errors.append(field.required(where))
    if len(operations) > 1 and "*" in operations:
        text = "if '*' is present, must not specify other operations"
        errors.append(field.invalid(where, operations, text))
    for i, operation in enumerate(operations):
        checks.supported(errors, f"{where}[{i}]", operation, _OPERATIONS)
    for key, plural in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = value.get(key) or []
        where = f"{path}.{key}"
        if not values:
            errors.append(field.required(where))
        if len(values) > 1 and "*" in values:
            text = f"if '*' is present, must not specify other {plural}"
            errors.append(field.invalid(where, values, text))
        for i, part in enumerate(values):
            if not part and key == "apiVersions":
                errors.append(field.required(f"{where}[{i}]"))
    _resources(errors, f"{path}.resources", value.get("resources") or [])
    checks.supported(errors, f"{path}.scope", value.get("scope"), _SCOPES)


def _resources(errors: Errors, path: str, resources: list[str]) -> None:
    if not resources:
        errors.append(field.required(path))
    whole: dict[str, None] = {}
    for i, entry in enumerate(resources):
        if not entry:
            errors.append(field.required(f"{path}[{i}]"))
            continue
        resource, _, sub = entry.partition("/")
        if sub and f"{resource}/*" in whole:
            text = f"if '{resource}/*' is present, must not specify {entry}"
            errors.append(field.invalid(f"{path}[{i}]", entry, text))
        if sub == "*":
            whole[entry] = None
    if len(resources) > 1 and "*/*" in resources:
        text = "if '*/*' is present, must not specify other resources"
        errors.append(field.invalid(path, resources, text))
    if "*" in resources and any("/" not in r and r != "*" for r in resources):
        text = "if '*' is present, must not specify other resources without subresources"
        errors.append(field.invalid(path, resources, text))


def match_conditions(
    errors: Errors, path: str, conditions: list[dict[str, Any]], expressions: Expressions
) -> None:
    if len(conditions) > _CONDITIONS_LIMIT:
        errors.append(field.too_many(path, len(conditions), _CONDITIONS_LIMIT))
    seen: dict[str, None] = {}
    for i, condition in enumerate(conditions):
        where = f"{path}[{i}]"
        name = condition.get("name") or ""
        if not (condition.get("expression") or "").strip():
            errors.append(field.required(f"{where}.expression"))
        text = (condition.get("expression") or "").strip()
        expressions.check(f"{where}.expression", text, BOOL, composed=False)
        if not name:
            errors.append(field.required(f"{where}.name"))
        else:
            checks.qualified_name(errors, f"{where}.name", name)
            if name in seen:
                errors.append(field.duplicate(f"{where}.name", name))
            seen[name] = None
