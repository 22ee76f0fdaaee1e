"""Validation: what a server refuses with 422, in the order and the words of Kubernetes 1.36.

Follows `ValidateX` and `ValidateXUpdate` of `pkg/apis/*/validation`, and what the generic registry
(`k8s.io/apiserver/pkg/registry/rest`) checks for all kinds. Objects come decoded and with their
defaults set; nothing here changes them. What a kind's schema says (types, unknown fields) is the
decoder's business, custom schemas and the allocation of addresses are the registry's.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import names
from miniplane.api.field import FieldError
from miniplane.api.resources import Resource
from miniplane.api.validation import metadata, rules
from miniplane.api.validation.access import binding, token_request
from miniplane.api.validation.autoscaling import scale
from miniplane.api.validation.podupdate import quality_of_service

__all__ = ["binding", "create", "quality_of_service", "scale", "token_request", "update"]

_NOTHING: Mapping[str, Any] = {}


def create(resource: Resource, obj: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with a new object of the kind `resource`; empty if it may be stored."""
    errors: list[FieldError] = []
    kind = rules.of(resource)
    meta = obj.get("metadata") or _NOTHING
    own = not kind.plain_finalizers
    looked_at = kind.own_metadata and kind.has_metadata
    if looked_at:
        metadata.on_create(errors, meta, namespaced=resource.namespaced, rule=kind.name, own=own)
    if kind.create is not None:
        kind.create(errors, obj)
    if not errors and kind.has_metadata and not looked_at:
        metadata.on_create(
            errors, meta, namespaced=resource.namespaced, rule=names.path_segment, own=False
        )
    return errors


def update(
    resource: Resource, obj: Mapping[str, Any], old: Mapping[str, Any], *, subresource: str = ""
) -> list[FieldError]:
    """What is wrong with `obj` as the successor of `old`; empty if it may be stored.

    `subresource` names the part that was written (`status`, `finalize`, `approval`, `resize`,
    `ephemeralcontainers`); both objects are whole ones all the same. A Scale is not an object of
    its resource: `scale` checks it.
    """
    errors: list[FieldError] = []
    kind = rules.of(resource)
    meta, before = obj.get("metadata") or _NOTHING, old.get("metadata") or _NOTHING
    namespaced = resource.namespaced
    metadata.on_create(errors, meta, namespaced=namespaced, rule=names.path_segment, own=False)
    metadata.on_update(errors, meta, before, own=False)
    own = not kind.plain_finalizers
    if errors or (own and meta.get("finalizers")):
        again = (rules.ON_UPDATE,) if subresource else kind.again
        for which in again:
            if which == rules.ON_UPDATE:
                metadata.on_update(errors, meta, before, own=own)
            else:
                metadata.on_create(errors, meta, namespaced=namespaced, rule=kind.name, own=own)
    check = kind.update if not subresource else kind.subresources.get(subresource)
    if subresource == "status":
        check = kind.status
    if check is not None:
        check(errors, obj, old)
    elif kind.create is not None and not subresource:
        kind.create(errors, obj)
    return errors
