"""Server-side tables and the metadata-only forms of objects.

`kubectl get` asks for `application/json;as=Table;v=v1;g=meta.k8s.io` and prints what it gets, so
columns and cells are the real server's (`pkg/printers/internalversion`); kinds without a printer
of their own show a name and a creation time. See "Receiving resources as Tables" in
https://kubernetes.io/docs/reference/using-api/api-concepts/.

>>> from miniplane.api import resources
>>> cells(resources.NAMESPACES, {"metadata": {"name": "a"}, "status": {"phase": "Active"}}, 0.0)
['a', 'Active', '<unknown>']
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from miniplane.api.errors import StatusError, bad_request
from miniplane.api.field import invalid
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.api.tables import parts
from miniplane.api.tables.model import CREATED_AT, NAME, Printer, printer

META_V1 = "meta.k8s.io/v1"
META_V1BETA1 = "meta.k8s.io/v1beta1"

__all__ = [
    "META_V1",
    "META_V1BETA1",
    "Printer",
    "cells",
    "check_include_object",
    "columns",
    "is_a_list",
    "not_a_list",
    "partial",
    "partial_list",
    "printer_of",
    "render",
]


def _default_cells(obj: Obj, now: float) -> list[Any]:
    created = parts.text(obj, "metadata", "creationTimestamp")
    return [parts.name(obj), created or "0001-01-01T00:00:00Z"]


DEFAULT = printer(_default_cells, NAME, CREATED_AT, null_when_empty=True)
"""How kinds without a printer are shown."""


@functools.cache
def _printers() -> dict[tuple[str, str], Printer]:
    """Every printer by (group, kind). Loaded with the first table that is asked for."""
    from miniplane.api.tables import (
        autoscalers,
        cluster,
        config,
        networking,
        pods,
        policies,
        storage,
        workloads,
    )

    found: dict[tuple[str, str], Printer] = {}
    for rows in (
        autoscalers,
        cluster,
        config,
        networking,
        pods,
        policies,
        storage,
        workloads,
    ):
        found.update(rows.PRINTERS)
    return found


def printer_of(group: str, kind: str) -> Printer:
    """The printer of a kind, the default one for kinds without."""
    return _printers().get((group, kind), DEFAULT)


def _printer_for(resource: Resource, objs: Sequence[Obj]) -> Printer:
    """The resource's printer, or that of what a subresource answered with (a Scale)."""
    if objs:
        kind = objs[0].get("kind")
        if isinstance(kind, str) and kind != resource.kind:
            group, _, _ = parts.text(objs[0], "apiVersion").rpartition("/")
            return printer_of(group, kind)
    if resource.custom is not None:
        return resource.custom.printer
    return printer_of(resource.group, resource.kind)


@functools.lru_cache(maxsize=1024)
def _definitions(chosen: Printer) -> tuple[Obj, ...]:
    return tuple(column.definition() for column in chosen.columns)


def columns(resource: Resource) -> list[Obj]:
    """The kind's column definitions: name, type, format, description and priority of each."""
    return [dict(d) for d in _definitions(printer_of(resource.group, resource.kind))]


def cells(resource: Resource, obj: Obj, now: float) -> list[Any]:
    """One row's cells, as many as there are columns. `now` is in unix seconds."""
    return _printer_for(resource, (obj,)).cells(obj, now)


def check_include_object(value: str) -> str:
    """The `includeObject` parameter with its default. StatusError 400 for an unknown one."""
    if value not in ("", "None", "Metadata", "Object"):
        why = invalid("includeObject", value, "must be 'Metadata', 'Object', 'None', or empty")
        raise bad_request(f"Unable to convert to Table as requested: {why}")
    return value or "Metadata"


def render(
    resource: Resource,
    objs: Sequence[Obj],
    *,
    now: float,
    include_object: str = "Metadata",
    no_headers: bool = False,
    list_meta: Obj | None = None,
    api_version: str = META_V1,
    chosen: Printer | None = None,
) -> Obj:
    """A whole `Table`.

    `list_meta` is the list's metadata (`resourceVersion`, `continue`, `remainingItemCount`); None
    stands for a single object, whose resourceVersion the Table takes. `no_headers` leaves the
    columns out, as every event of a watch but the first does. `chosen` is the printer of a custom
    resource. The objects are shared with the table, not copied.
    """
    shown = chosen or _printer_for(resource, objs)
    if list_meta is None:
        list_meta = {}
        if objs and (revision := parts.text(objs[0], "metadata", "resourceVersion")):
            list_meta = {"resourceVersion": revision}
    if shown.order is not None and len(objs) > 1:
        objs = shown.order(objs)
    rows = [_row(shown, obj, now, include_object, api_version) for obj in objs]
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": list_meta,
        "columnDefinitions": None if no_headers else list(_definitions(shown)),
        "rows": None if shown.null_when_empty and not rows else rows,
    }


def _row(shown: Printer, obj: Obj, now: float, include_object: str, api_version: str) -> Obj:
    row: Obj = {"cells": shown.cells(obj, now)}
    if shown.conditions is not None and (conditions := shown.conditions(obj)):
        row["conditions"] = conditions
    if include_object == "Object":
        row["object"] = obj
    elif include_object == "Metadata" or _ends_initial_events(obj):
        row["object"] = partial(obj, api_version=api_version)
    else:
        row["object"] = None
    return row


def _ends_initial_events(obj: Obj) -> bool:
    """Whether this is the bookmark that ends a streaming list, which clients must recognise."""
    return parts.annotation(obj, "k8s.io/initial-events-end") is not None


def partial(obj: Obj, *, api_version: str = META_V1) -> Obj:
    """The object's `PartialObjectMetadata`, which shares its metadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": api_version,
        "metadata": obj.get("metadata") or {},
    }


def partial_list(
    objs: Iterable[Obj], *, list_meta: Obj | None = None, api_version: str = META_V1
) -> Obj:
    """The `PartialObjectMetadataList` of the objects."""
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": api_version,
        "metadata": list_meta or {},
        "items": [partial(obj, api_version=api_version) for obj in objs],
    }


def not_a_list(go_type: str) -> StatusError:
    """406: a single object was asked for as a PartialObjectMetadataList."""
    return StatusError(
        406,
        "NotAcceptable",
        f"you requested PartialObjectMetadataList, but the requested object is not a list "
        f"({go_type})",
    )


def is_a_list(go_type: str) -> StatusError:
    """406: a list was asked for as a PartialObjectMetadata."""
    return StatusError(
        406,
        "NotAcceptable",
        f"you requested PartialObjectMetadata, but the requested object is a list ({go_type})",
    )
