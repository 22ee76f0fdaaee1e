"""Certificate signing requests. Follows `pkg/apis/certificates/validation`.

The request itself never changes, so what was taken once is not complained about later.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.certificates import requests
from miniplane.api.certificates.signers import LEGACY_UNKNOWN
from miniplane.api.validation import checks, sources
from miniplane.api.validation.checks import Errors

_SHORTEST = 600
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
_DECISIONS = ("Approved", "Denied")
_ONLY_TRUE = (*_DECISIONS, "Failed")

Object = Mapping[str, Any]


def create(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    try:
        requests.check_signature(requests.decode(spec.get("request") or ""))
    except ValueError as error:
        errors.append(field.invalid("spec.request", spec.get("request") or None, str(error)))
    usages = spec.get("usages") or []
    if not usages:
        errors.append(field.required("spec.usages"))
    for i, usage in enumerate(usages):
        checks.supported(errors, f"spec.usages[{i}]", usage, _USAGES)
    for i, usage in enumerate(usages):
        if usage in usages[:i]:
            errors.append(field.duplicate(f"spec.usages[{i}]", usage))
    signer = spec.get("signerName") or ""
    if signer == LEGACY_UNKNOWN:
        text = "the legacy signerName is not allowed via this API version"
        errors.append(field.invalid("spec.signerName", signer, text))
    else:
        sources.signer_name(errors, "spec.signerName", signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(field.invalid("spec.expirationSeconds", seconds, text))


def update(errors: Errors, obj: Object, old: Object) -> None:
    """A change of the object itself: its status stays."""
    _conditions(errors, obj, old, decisions=False)


def update_approval(errors: Errors, obj: Object, old: Object) -> None:
    _conditions(errors, obj, old, decisions=True)


def update_status(errors: Errors, obj: Object, old: Object) -> None:
    certificate = (obj.get("status") or {}).get("certificate") or ""
    before = (old.get("status") or {}).get("certificate") or ""
    changed = certificate != before
    _conditions(errors, obj, old, decisions=False)
    if changed and certificate:
        try:
            requests.check_certificate(certificate)
        except ValueError as error:
            text = str(error)
            errors.append(field.invalid("status.certificate", "<certificate data>", text))
    if changed and before:
        text = "updates may not modify existing certificate content"
        errors.append(field.forbidden("status.certificate", text))


def _conditions(errors: Errors, obj: Object, old: Object, *, decisions: bool) -> None:
    """A request is approved or denied, never both, and never undecided again. `decisions`: whether
    this is the place to decide."""
    _check_conditions(errors, (obj.get("status") or {}).get("conditions") or ())
    counts = [_count(obj, kind) - _count(old, kind) for kind in _ONLY_TRUE]
    for kind, more in zip(_ONLY_TRUE, counts, strict=True):
        if more < 0:
            text = f'updates may not remove a condition of type "{kind}"'
            errors.append(field.forbidden("status.conditions", text))
    for kind, more in zip(_DECISIONS, counts[: len(_DECISIONS)], strict=True):
        if more > 0 and not decisions:
            text = f'updates may not add a condition of type "{kind}"'
            errors.append(field.forbidden("status.conditions", text))


def _check_conditions(errors: Errors, conditions: Iterable[Object]) -> None:
    seen: dict[str, None] = {}
    for i, condition in enumerate(conditions):
        path = f"status.conditions[{i}]"
        kind, status = condition.get("type") or "", condition.get("status") or ""
        if not kind:
            errors.append(field.required(f"{path}.type"))
        if not status:
            errors.append(field.required(f"{path}.status"))
        elif kind in _ONLY_TRUE:
            checks.supported(errors, f"{path}.status", status, ("True",))
        else:
            checks.supported(errors, f"{path}.status", status, ("False", "True", "Unknown"))
        other = {"Approved": "Denied", "Denied": "Approved"}.get(kind)
        if other in seen:
            text = "Approved and Denied conditions are mutually exclusive"
            errors.append(field.invalid(f"{path}.type", kind, text))
        if kind in seen:
            errors.append(field.duplicate(f"{path}.type", kind))
        seen[kind] = None


def _count(obj: Object, kind: str) -> int:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return sum(condition.get("type") == kind for condition in conditions)
