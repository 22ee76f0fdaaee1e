"""Cluster-wide small kinds: priority classes, runtime classes, leases, signing requests.

Follows `pkg/apis/{scheduling,node,coordination,certificates}/validation`.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks, compute, govalues, placement, sources
from miniplane.api.validation.checks import Errors

_HIGHEST_USER_PRIORITY = 1000000000
_SYSTEM_CLASSES = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}
_SYSTEM_PREFIX = "system-"
_STRATEGIES = ("OldestEmulationVersion",)
_SHORTEST_CERTIFICATE = 600
_USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
_APISERVER_SIGNER = "kubernetes.io/legacy-unknown"

Object = Mapping[str, Any]


def priority_class(errors: Errors, obj: Object) -> None:
    name = (obj.get("metadata") or {}).get("name") or ""
    value = obj.get("value") or 0
    if name.startswith(_SYSTEM_PREFIX):
        problem = _system_class_problem(name, value, obj.get("globalDefault") or False)
        if problem:
            text = (
                "priority class names with 'system-' prefix are reserved for system use only. "
                f"error: {problem}"
            )
            errors.append(field.forbidden("metadata.name", text))
    elif value > _HIGHEST_USER_PRIORITY:
        text = f"maximum allowed value of a user defined priority is {_HIGHEST_USER_PRIORITY}"
        errors.append(field.forbidden("value", text))
    policy = obj.get("preemptionPolicy")
    if policy is not None:
        choices = ("PreemptLowerPriority", "Never")
        checks.one_of(errors, "preemptionPolicy", policy, choices)


def _system_class_problem(name: str, value: int, is_default: bool) -> str:
    expected = _SYSTEM_CLASSES.get(name)
    if expected is None:
        return f"{name} is not a known system priority class"
    if value != expected:
        return f"value of {name} PriorityClass must be {expected}"
    if is_default:
        return f"globalDefault of {name} PriorityClass must be false"
    return ""


def priority_class_update(errors: Errors, obj: Object, old: Object) -> None:
    if (obj.get("value") or 0) != (old.get("value") or 0):
        errors.append(field.forbidden("value", "may not be changed in an update."))
    checks.immutable(
        errors, "preemptionPolicy", obj.get("preemptionPolicy"), old.get("preemptionPolicy")
    )


def runtime_class(errors: Errors, obj: Object) -> None:
    handler = obj.get("handler") or ""
    checks.dns_label(errors, "handler", handler)
    fixed = (obj.get("overhead") or {}).get("podFixed")
    if fixed:
        compute.requirements(errors, "overhead", {"limits": fixed})
    scheduling = obj.get("scheduling")
    if scheduling is not None:
        checks.labels(errors, "scheduling.nodeSelector", scheduling.get("nodeSelector"))
        tolerations = scheduling.get("tolerations") or []
        for i, toleration in enumerate(tolerations):
            if toleration in tolerations[:i]:
                shown = govalues.struct(
                    toleration,
                    ("key", "Key", ""),
                    ("operator", "Operator", ""),
                    ("value", "Value", ""),
                    ("effect", "Effect", ""),
                    ("tolerationSeconds", "TolerationSeconds", None),
                )
                errors.append(field.duplicate(f"scheduling.tolerations[{i}]", shown))
        placement.tolerations(errors, "scheduling.tolerations", tolerations)


def runtime_class_update(errors: Errors, obj: Object, old: Object) -> None:
    handler, before = obj.get("handler") or "", old.get("handler") or ""
    checks.immutable(errors, "handler", handler, before)


def lease(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        text = "must be greater than 0"
        errors.append(field.invalid("spec.leaseDurationSeconds", seconds, text))
    checks.nonnegative(errors, spec, "spec", "leaseTransitions")
    strategy = spec.get("strategy")
    if strategy is not None and strategy not in _STRATEGIES:
        checks.qualified_name(errors, "spec.strategy", strategy)
    if spec.get("preferredHolder") and not strategy:
        text = "may only be specified if `strategy` is defined"
        errors.append(field.forbidden("spec.preferredHolder", text))


def signing_request(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    problem = _request_problem(spec.get("request") or "")
    if problem:
        errors.append(field.invalid("spec.request", spec.get("request") or None, problem))
    usages = spec.get("usages") or []
    if not usages:
        errors.append(field.required("spec.usages"))
    for i, usage in enumerate(usages):
        checks.supported(errors, f"spec.usages[{i}]", usage, _USAGES)
        if usage in usages[:i]:
            errors.append(field.duplicate(f"spec.usages[{i}]", usage))
    signer = spec.get("signerName") or ""
    if signer == _APISERVER_SIGNER:
        text = f"{_APISERVER_SIGNER} signerName is not allowed via this API version"
        errors.append(field.invalid("spec.signerName", signer, text))
    else:
        sources.signer_name(errors, "spec.signerName", signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST_CERTIFICATE:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(field.invalid("spec.expirationSeconds", seconds, text))
    signing_conditions(errors, obj)


def signing_request_update(errors: Errors, obj: Object, old: Object) -> None:
    """The request itself never changes: the server keeps the old one."""
    signing_conditions(errors, obj)


def signing_conditions(errors: Errors, obj: Object) -> None:
    """Conditions: a request is approved or denied, never both, and never undecided again."""
    seen: dict[str, None] = {}
    for i, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        path = f"status.conditions[{i}]"
        kind, status = condition.get("type") or "", condition.get("status") or ""
        if not kind:
            errors.append(field.required(f"{path}.type"))
        if not status:
            errors.append(field.required(f"{path}.status"))
        elif kind in ("Approved", "Denied", "Failed"):
            if status != "True":
                errors.append(field.not_supported(f"{path}.status", status, ["True"]))
        else:
            checks.supported(errors, f"{path}.status", status, ("False", "True", "Unknown"))
        if kind in seen:
            errors.append(field.duplicate(f"{path}.type", kind))
        other = {"Approved": "Denied", "Denied": "Approved"}.get(kind)
        if other in seen:
            text = "Approved and Denied conditions are mutually exclusive"
            errors.append(field.invalid(f"{path}.type", kind, text))
        seen[kind] = None


def signing_status(errors: Errors, obj: Object, old: Object) -> None:
    signing_conditions(errors, obj)
    certificate = (old.get("status") or {}).get("certificate")
    if certificate and (obj.get("status") or {}).get("certificate") != certificate:
        text = "updates may not set or modify existing certificate content"
        errors.append(field.forbidden("status.certificate", text))


def _request_problem(encoded: str) -> str:
    try:
        pem = base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        pem = b""
    if b"-----BEGIN CERTIFICATE REQUEST-----" not in pem:
        return "PEM block type must be CERTIFICATE REQUEST"
    return ""
