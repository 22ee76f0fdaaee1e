"""Probes and lifecycle hooks (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Callable, Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_SECONDS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds")
_THRESHOLDS = ("successThreshold", "failureThreshold")
_SCHEMES = ("HTTP", "HTTPS")
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")


def of_container(
    errors: Errors, path: str, container: Mapping[str, Any], grace_period: int | None
) -> None:
    """Hooks and probes; `grace_period` is the pod's, which bounds how long a hook may sleep."""
    lifecycle = container.get("lifecycle")
    if lifecycle is not None:
        for name in ("postStart", "preStop"):
            hook = lifecycle.get(name)
            if hook is not None:
                where = f"{path}.lifecycle.{name}"
                _handler(errors, where, hook, _HOOK_HANDLERS, grace_period)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is not None:
            _probe(errors, f"{path}.{name}", probe, readiness=name == "readinessProbe")


def _probe(errors: Errors, path: str, probe: Mapping[str, Any], *, readiness: bool) -> None:
    _handler(errors, path, probe, _PROBE_HANDLERS, None)
    checks.nonnegative(errors, probe, path, *_SECONDS, *_THRESHOLDS)
    grace = probe.get("terminationGracePeriodSeconds")
    where = f"{path}.terminationGracePeriodSeconds"
    if grace is not None and grace <= 0:
        errors.append(field.invalid(where, grace, "must be greater than 0"))
    if readiness:
        if grace is not None:
            errors.append(field.invalid(where, grace, "must not be set for readinessProbes"))
    elif probe.get("successThreshold") != 1:
        threshold = probe.get("successThreshold") or 0
        errors.append(field.invalid(f"{path}.successThreshold", threshold, "must be 1"))


def _handler(
    errors: Errors,
    path: str,
    handler: Mapping[str, Any],
    kinds: tuple[str, ...],
    grace_period: int | None,
) -> None:
    count = 0
    for kind in kinds:
        action = handler.get(kind)
        if action is None:
            continue
        count += 1
        if count > 1:
            text = "may not specify more than 1 handler type"
            errors.append(field.forbidden(f"{path}.{kind}", text))
        elif kind == "sleep":
            _sleep(errors, f"{path}.sleep", action, grace_period)
        else:
            _ACTIONS[kind](errors, f"{path}.{kind}", action)
    if not count:
        errors.append(field.required(path, "must specify a handler type"))


def _exec(errors: Errors, path: str, action: Mapping[str, Any]) -> None:
    if not action.get("command"):
        errors.append(field.required(f"{path}.command"))


def _http_get(errors: Errors, path: str, action: Mapping[str, Any]) -> None:
    if not action.get("path"):
        errors.append(field.required(f"{path}.path"))
    checks.port(errors, f"{path}.port", action.get("port"))
    scheme = action.get("scheme") or ""
    if scheme not in _SCHEMES:
        errors.append(field.not_supported(f"{path}.scheme", scheme, _SCHEMES))
    for header in action.get("httpHeaders") or ():
        name = header.get("name") or ""
        checks.each(errors, f"{path}.httpHeaders", name, names.http_header(name))


def _tcp_socket(errors: Errors, path: str, action: Mapping[str, Any]) -> None:
    checks.port(errors, f"{path}.port", action.get("port"))


def _sleep(errors: Errors, path: str, action: Mapping[str, Any], grace_period: int | None) -> None:
    seconds = action.get("seconds") or 0
    if grace_period is not None and not 0 <= seconds <= grace_period:
        text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_period})"
        errors.append(field.invalid(path, seconds, text))


_ACTIONS: dict[str, Callable[[Errors, str, Mapping[str, Any]], None]] = {
    "exec": _exec,
    "httpGet": _http_get,
    "tcpSocket": _tcp_socket,
    "grpc": _tcp_socket,
}
