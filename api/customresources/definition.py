"""From a CustomResourceDefinition to the resources that it adds.

>>> names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
>>> schema = {"openAPIV3Schema": {"type": "object"}}
>>> version = {"name": "v1", "served": True, "storage": True, "schema": schema}
>>> spec = {"group": "a.io", "scope": "Cluster", "names": names, "versions": [version]}
>>> read({"metadata": {}, "spec": spec, "status": {"acceptedNames": names}})
[<widgets a.io/v1>]
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import orjson

from miniplane.api.customresources import checks, decoding, node, quick, structural, versions
from miniplane.api.customresources.scale import Scale
from miniplane.api.field import FieldError
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource, Subresource
from miniplane.api.schema import Node
from miniplane.api.tables import custom as custom_tables
from miniplane.api.tables.model import Printer

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
ENDING_VERBS = ("delete", "deletecollection", "get", "list", "watch")
"""What discovery still shows while the definition is being deleted."""


class Version:
    """What one version of a custom kind is, beside its row. Immutable, parts made when needed."""

    def __init__(self, definition: Obj, raw: Mapping[str, Any]):
        spec = definition["spec"]
        self.definition_name: str = definition["metadata"].get("name", "")
        self.raw = raw
        self.name: str = raw["name"]
        self.list_kind: str = definition["status"]["acceptedNames"]["listKind"]
        self.storage_version: str = next(v["name"] for v in spec["versions"] if v.get("storage"))
        conversion = spec.get("conversion") or {}
        self.needs_webhook = (
            conversion.get("strategy") == "Webhook" and self.name != self.storage_version
        )
        """Whether only a webhook can say what objects look like in this version."""
        subresources = raw.get("subresources") or {}
        self.has_status = subresources.get("status") is not None
        scale = subresources.get("scale")
        self.scale = Scale.of(scale) if scale is not None else None
        self.selectable = tuple(f["jsonPath"] for f in raw.get("selectableFields") or ())
        self.deprecation = versions.deprecation(spec, raw)
        self.storage: CustomResource
        """The row in whose form objects are stored."""
        self.json_head = b""
        """`{"kind":...,"apiVersion":...,`: how the JSON of an object begins."""
        self.openapi_name = ""
        """The name of its definition in OpenAPI documents."""
        self.ending = is_true(definition, "Terminating")
        """Whether the definition is being deleted: nothing new is created."""

    def decode(self, resource: "CustomResource", raw: Any) -> tuple[Obj, list[str]]:
        """As `decoding.decoded`."""
        return decoding.decoded(resource, raw)

    def set_defaults(self, obj: Obj) -> None:
        """Fill in the schema's defaults, in place."""
        decoding.set_defaults(self.structural, obj)

    def to_storage(self, resource: "CustomResource", obj: Obj) -> Obj:
        """An object of `resource`, this version's row, in the form in which it is stored."""
        if self.storage is resource:
            return obj
        return decoding.converted(self.storage, obj, defaults=True)

    def from_storage(self, resource: "CustomResource", obj: Obj) -> Obj:
        """A stored object in the form of `resource`, this version's row: with the defaults of the
        version that is stored."""
        stored = decoding.converted(self.storage, obj, defaults=True)
        if self.storage is resource:
            return stored
        return decoding.converted(resource, stored, defaults=False)

    @property
    def verbs(self) -> tuple[str, ...]:
        """The verbs that discovery shows."""
        return ENDING_VERBS if self.ending else VERBS

    @property
    def schema(self) -> Mapping[str, Any]:
        """The `openAPIV3Schema`."""
        return (self.raw.get("schema") or {}).get("openAPIV3Schema") or {}

    @functools.cached_property
    def structural(self) -> structural.Structural:
        return structural.parse(self.schema)

    @functools.cached_property
    def is_valid(self) -> quick.Check:
        """Whether the schema has nothing against an object; a no may be wrong."""
        return quick.compiled(self.schema)

    @functools.cached_property
    def node(self) -> Node:
        return node.build(self.structural)

    @functools.cached_property
    def printer(self) -> Printer:
        return custom_tables.printer(self.raw.get("additionalPrinterColumns"))

    def validate(self, obj: Obj) -> list[FieldError]:
        """What the schema has against a new object."""
        return checks.create(self, obj)

    def validate_update(
        self, obj: Obj, old: Obj, subresource: str, warnings: list[str]
    ) -> list[FieldError]:
        """What the schema has against a changed object; what is no reason to refuse it goes to
        `warnings`."""
        check = checks.update_status if subresource == "status" else checks.update
        return check(self, obj, old, warnings)

    @functools.cached_property
    def rules(self) -> Any:
        """The schema's rules in CEL, compiled; None where it has none."""
        if self.structural is None or not structural.has_rules(self.structural):
            return None
        from miniplane.api.customresources.cel import rules

        return rules.of(self.structural, root=True)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class CustomResource(Resource):
    """A row that a definition has added. Another one takes its place when the definition changes,
    so an object that is stored under another row is one that another schema let in."""

    custom: Version  # type: ignore[misc]  # a value here, nothing at all in the rows of the table

    def __repr__(self) -> str:
        return f"<{self.plural} {self.api_version}>"


def is_served(definition: Obj) -> bool:
    """Whether the names have been accepted, now or once."""
    return is_true(definition, "NamesAccepted") or is_true(definition, "Established")


def is_true(definition: Obj, kind: str) -> bool:
    """Whether a condition of a definition is true."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def read(definition: Obj) -> list[CustomResource]:
    """The rows of all versions, served or not, the preferred one first."""
    spec, accepted = definition["spec"], definition["status"]["acceptedNames"]
    listed = sorted(spec["versions"], key=lambda v: versions.order(v["name"]))
    served = [v["name"] for v in listed if v.get("served")]
    rows = [_row(definition, spec, accepted, v, preferred=v["name"] in served[:1]) for v in listed]
    storage = next(row for row in rows if row.version == row.custom.storage_version)
    for row in rows:
        row.custom.storage = storage
    return rows


def _row(
    definition: Obj, spec: Obj, accepted: Obj, raw: Mapping[str, Any], *, preferred: bool
) -> CustomResource:
    version = Version(definition, raw)
    group, kind = spec["group"], accepted["kind"]
    subresources = []
    if version.has_status:
        subresources.append(Subresource("status"))
    if version.scale is not None:
        subresources.append(Subresource("scale", kind="Scale", group="autoscaling", version="v1"))
    head = {"kind": kind, "apiVersion": f"{group}/{version.name}"}
    version.json_head = orjson.dumps(head)[:-1] + b","
    version.openapi_name = f"{'.'.join(reversed(group.split('.')))}.{version.name}.{kind}"
    return CustomResource(
        group=group,
        version=version.name,
        kind=kind,
        plural=accepted["plural"],
        singular=accepted["singular"],
        namespaced=spec["scope"] == "Namespaced",
        verbs=VERBS,
        short_names=tuple(accepted.get("shortNames") or ()),
        categories=tuple(accepted.get("categories") or ()),
        subresources=tuple(subresources),
        definition="",
        preferred=preferred,
        custom=version,
    )


def fingerprint(definition: Obj) -> bytes:
    """What the rows depend on: as long as it is the same, the rows may stay."""
    spec, status = definition["spec"], definition.get("status") or {}
    return orjson.dumps(
        (
            definition["metadata"].get("uid"),
            spec,
            status.get("acceptedNames"),
            is_served(definition),
            is_true(definition, "Terminating"),
            is_true(definition, "Established"),
        )
    )
