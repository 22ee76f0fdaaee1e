"""Nodes (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks, compute, placement
from miniplane.api.validation.checks import Errors

_CIDR_FIXED = 'node updates may not change podCIDR except from "" to valid'

Node = Mapping[str, Any]


def create(errors: Errors, obj: Node) -> None:
    spec = obj.get("spec") or {}
    if spec.get("taints"):
        placement.taints(errors, "metadata.taints", spec["taints"])
    _amounts(errors, obj)
    ranges = spec.get("podCIDRs") or ()
    for i, value in enumerate(ranges):
        checks.cidr(errors, f"spec.podCIDRs[{i}]", value)
    if len(ranges) > 1:
        if len(ranges) > 2 or not checks.dual_stack([value.partition("/")[0] for value in ranges]):
            text = "may specify no more than one CIDR for each IP family"
            errors.append(field.invalid("spec.podCIDRs", ranges, text))
        for i, value in enumerate(ranges):
            if value in ranges[:i]:
                errors.append(field.duplicate(f"spec.podCIDRs[{i}]", value))


def update(errors: Errors, obj: Node, old: Node) -> None:
    """Of the node itself and of its status: the server does not tell them apart."""
    spec, old_spec = obj.get("spec") or {}, old.get("spec") or {}
    _amounts(errors, obj)
    seen: list[tuple[str, str]] = []
    for i, address in enumerate((obj.get("status") or {}).get("addresses") or ()):
        key = (address.get("type") or "", address.get("address") or "")
        if key in seen:
            shown = {"Type": key[0], "Address": key[1]}
            errors.append(field.duplicate(f"status.addresses[{i}]", shown))
        seen.append(key)
    ranges, old_ranges = spec.get("podCIDRs") or [], old_spec.get("podCIDRs") or []
    if old_ranges:
        if len(ranges) != len(old_ranges):
            errors.append(field.forbidden("spec.podCIDRs", _CIDR_FIXED))
        else:
            for value, before in zip(ranges, old_ranges, strict=True):
                if value != before:
                    errors.append(field.forbidden("spec.podCIDRs", _CIDR_FIXED))
    provider = old_spec.get("providerID")
    if provider and provider != spec.get("providerID"):
        text = 'node updates may not change providerID except from "" to valid'
        errors.append(field.forbidden("spec.providerID", text))
    if spec.get("taints"):
        placement.taints(errors, "metadata.taints", spec["taints"])
    if (spec.get("externalID") or "") != (old_spec.get("externalID") or ""):
        errors.append(field.forbidden("spec.externalID", "may not be updated"))


def _amounts(errors: Errors, obj: Node) -> None:
    status = obj.get("status") or {}
    for kind in ("capacity", "allocatable"):
        for name, value in (status.get(kind) or {}).items():
            compute.amount(errors, f"status.{kind}.{name}", name, value)
