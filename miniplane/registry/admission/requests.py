"""The `AdmissionRequest` that policies and webhooks get to see (`admission.k8s.io/v1`).

After `pkg/admission/plugin/webhook/request` and `CreateAdmissionRequest` of apiserver.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from miniplane.api import conversion, resources
from miniplane.api.admission.matching import Request, selects
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.registry import catalog
from miniplane.registry.admission.attributes import Attributes
from miniplane.registry.admission.extensions import GROUP
from miniplane.registry.reviews.parts import user_info

_META = "meta.k8s.io/v1"


def is_exempt(attributes: Attributes) -> bool:
    """What neither policies nor webhooks are asked about: themselves."""
    return attributes.resource.group == GROUP


def matched(attributes: Attributes) -> Request:
    """What rules look at."""
    resource = attributes.resource
    namespace = attributes.namespace
    if resource is resources.NAMESPACES and attributes.operation != "CREATE":
        namespace = attributes.name or attributes.obj["metadata"]["name"]
    return Request(
        attributes.operation,
        resource.group,
        resource.version,
        resource.plural,
        attributes.subresource,
        namespace,
        attributes.name,
    )


def equivalents(attributes: Attributes, request: Request) -> Sequence[Request]:
    """The same request in the other versions and groups in which its object is served."""
    return [
        dataclasses.replace(request, group=row.group, version=row.version, resource=row.plural)
        for row in _siblings(attributes)
    ]


def _siblings(attributes: Attributes) -> list[Resource]:
    resource = attributes.resource
    if resource.custom is not None:
        rows: Sequence[Resource] = attributes.context.custom.rows()
    elif resource in _SHARED:
        rows = _SHARED
    else:
        return []
    storage = catalog.storage_resource(resource)
    return [row for row in rows if row is not resource and catalog.storage_resource(row) is storage]


_SHARED = (
    resources.EVENTS,
    resources.EVENTS_V1,
    resources.resource("horizontalpodautoscalers", "autoscaling", "v1"),
    resources.resource("horizontalpodautoscalers", "autoscaling", "v2"),
)


def row_of(attributes: Attributes, request: Request) -> Resource:
    """The row of a request that `matched` or `equivalents` gave."""
    for row in _siblings(attributes):
        if (row.group, row.version, row.plural) == (
            request.group,
            request.version,
            request.resource,
        ):
            return row
    return attributes.resource


def kind_of(row: Resource, subresource: str) -> tuple[str, str, str]:
    """The group, version and kind of what is sent to a resource or a subresource of it."""
    part = row.subresource(subresource) if subresource else None
    if part is not None and part.kind:
        if part.version:
            return part.group, part.version, part.kind
        return row.group, row.version, part.kind
    return row.group, row.version, row.kind


def in_form(attributes: Attributes, obj: Obj | None, row: Resource) -> Obj | None:
    """An object of the request in the form of a matching row, with kind and apiVersion."""
    if obj is None:
        return None
    resource = attributes.resource
    group, version, kind = kind_of(row, attributes.subresource)
    if attributes.subresource == "scale":
        from miniplane.registry import scale  # which writes, and so knows of admission

        obj = scale.of(resource, obj)
    elif row is not resource and not attributes.part:
        obj = conversion.from_storage(row, conversion.to_storage(resource, obj))
    api_version = f"{group}/{version}" if group else version
    head = {"apiVersion": api_version, "kind": kind}
    return head | {key: value for key, value in obj.items() if key not in head}


def body(attributes: Attributes, request: Request, row: Resource) -> Obj:
    """The request, all but its uid and the objects. `row` is that of the matching `request`."""
    resource, subresource = attributes.resource, attributes.subresource
    user = attributes.options.user
    seen = matched(attributes)
    kind, asked = kind_of(row, subresource), kind_of(resource, subresource)
    found: dict[str, Any] = {
        "kind": _gvk(*kind),
        "resource": _gvr(row),
        "requestKind": _gvk(*asked),
        "requestResource": _gvr(resource),
    }
    if subresource:
        found["subResource"] = found["requestSubResource"] = subresource
    if attributes.name:
        found["name"] = attributes.name
    if seen.namespace:
        found["namespace"] = seen.namespace
    found["operation"] = attributes.operation
    found["userInfo"] = user_info(user)
    found["dryRun"] = attributes.options.dry_run
    found["options"] = _options(attributes)
    return found


def _gvk(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}


def _gvr(row: Resource) -> dict[str, str]:
    return {"group": row.group, "version": row.version, "resource": row.plural}


def _options(attributes: Attributes) -> Obj | None:
    operation, chosen = attributes.operation, attributes.options
    if operation == "CONNECT":
        return None
    found: dict[str, Any] = {"kind": f"{operation.capitalize()}Options", "apiVersion": _META}
    if chosen.dry_run:
        found["dryRun"] = ["All"]
    if operation != "DELETE":
        found["fieldManager"] = chosen.field_manager
        found["fieldValidation"] = chosen.field_validation
        return found
    deletion = attributes.delete_options
    if deletion is None:
        return found
    if deletion.grace_period_seconds is not None:
        found["gracePeriodSeconds"] = deletion.grace_period_seconds
    if deletion.propagation_policy is not None:
        found["propagationPolicy"] = deletion.propagation_policy
    wanted = {"uid": deletion.uid, "resourceVersion": deletion.resource_version}
    wanted = {key: value for key, value in wanted.items() if value is not None}
    if wanted:
        found["preconditions"] = wanted
    return found


def namespace_labels(attributes: Attributes, request: Request) -> Mapping[str, str] | None:
    """The labels that a namespaceSelector looks at; None where it does not matter. The namespace
    that is being created or changed counts as what it is going to be."""
    if request.resource == "namespaces" and not request.group:
        if not request.subresource and attributes.operation in ("CREATE", "UPDATE"):
            return attributes.obj["metadata"].get("labels") or {}
    elif not request.namespace:
        return None
    found = attributes.context.find(resources.NAMESPACES, "", request.namespace)
    return ((found or {}).get("metadata") or {}).get("labels") or {}


def selected(attributes: Attributes, request: Request, selectors: Mapping[str, Any]) -> bool:
    """Whether the namespaceSelector and the objectSelector of a webhook or policy let it pass."""
    wanted = selectors.get("namespaceSelector")
    if wanted:
        labels = namespace_labels(attributes, request)
        if labels is not None and not selects(wanted, labels):
            return False
    wanted = selectors.get("objectSelector")
    if not wanted:
        return True
    new = None if attributes.operation == "DELETE" else attributes.obj
    return selects(wanted, *(_labels(one) for one in (new, attributes.old)))


def _labels(obj: Obj | None) -> Mapping[str, str] | None:
    return None if obj is None else (obj.get("metadata") or {}).get("labels") or {}


def namespace_object(attributes: Attributes) -> Obj | None:
    """`namespaceObject`: None for what is in no namespace, and for namespaces themselves."""
    if attributes.resource is resources.NAMESPACES or not attributes.namespace:
        return None
    found = attributes.context.find(resources.NAMESPACES, "", attributes.namespace)
    if found is None:
        return None
    metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    return {**found, "metadata": metadata}
