"""Go's view of the definitions: what OpenAPI does not say and decoding needs.

Whether a field is a pointer and carries `omitempty` decides what a server writes back; the name of
its Go type stands in error messages. Both come from `api/data/gotypes.bin`.

>>> pod = struct("io.k8s.api.core.v1.Pod")
>>> pod.fields["spec"].type.name, pod.fields["spec"].pointer, pod.fields["spec"].always
('v1.PodSpec', False, True)
"""

import dataclasses
import functools
from typing import Any

from miniplane.api.schema import compact

_META = "io.k8s.apimachinery.pkg."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

FIELDS = _META + "apis.meta.v1.FieldsV1"
"""The definition of the field sets in `managedFields`."""

SPECIAL: dict[str, str] = {
    _META + "api.resource.Quantity": "quantity",
    _META + "util.intstr.IntOrString": "int-or-string",
    _META + "apis.meta.v1.Time": "time",
    _META + "apis.meta.v1.MicroTime": "microtime",
    FIELDS: "raw",
    _META + "apis.meta.v1.Patch": "raw",
    _META + "runtime.RawExtension": "raw",
    _EXTENSIONS + "JSON": "raw",
    _EXTENSIONS + "JSONSchemaPropsOrArray": "schema-or-array",
    _EXTENSIONS + "JSONSchemaPropsOrBool": "schema-or-bool",
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": "schema-or-strings",
}
"""Definitions with their own JSON decoding in Go, by what they hold."""

JSON_SCHEMA = _EXTENSIONS + "JSONSchemaProps"

_SCALARS = {
    "s": "string",
    "y": "bytes",
    "b": "bool",
    "i": "int",
    "i4": "int",
    "i8": "int",
    "n": "float",
    "d": "float",
    "o": "raw",
}
_RANGES = {"i4": (-(1 << 31), (1 << 31) - 1)}
_INT64 = (-(1 << 63), (1 << 63) - 1)

_OWN_NULL = {"time", "microtime", "raw"}
"""Structs that write `null` for their zero value, whatever `omitempty` says."""
_NULL_KINDS = {"list", "map", "bytes"} | _OWN_NULL
_EMPTIABLE = {"string", "int", "float", "bool", "list", "map", "bytes"}

SHOWN_AS_NULL = frozenset(
    {
        "io.k8s.api.authentication.v1.TokenRequestSpec.boundObjectRef",
        "io.k8s.api.authorization.v1.NonResourceRule.verbs",
        "io.k8s.api.authorization.v1.ResourceRule.verbs",
        "io.k8s.api.authorization.v1.SubjectRulesReviewStatus.nonResourceRules",
        "io.k8s.api.authorization.v1.SubjectRulesReviewStatus.resourceRules",
        "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerStatus.currentMetrics",
        "io.k8s.api.batch.v1.PodFailurePolicy.rules",
        "io.k8s.api.core.v1.AzureFilePersistentVolumeSource.secretNamespace",
        "io.k8s.api.core.v1.ContainerImage.names",
        "io.k8s.api.core.v1.LimitRangeSpec.limits",
        "io.k8s.api.core.v1.NodeAllocatableResourceClaimStatus.resources",
        "io.k8s.api.core.v1.PodExtendedResourceClaimStatus.requestMappings",
        "io.k8s.api.core.v1.ProjectedVolumeSource.sources",
        "io.k8s.api.core.v1.TopologySelectorLabelRequirement.values",
        "io.k8s.api.core.v1.TypedLocalObjectReference.apiGroup",
        "io.k8s.api.core.v1.TypedObjectReference.apiGroup",
        "io.k8s.api.discovery.v1.EndpointSlice.endpoints",
        "io.k8s.api.discovery.v1.EndpointSlice.ports",
        "io.k8s.api.flowcontrol.v1.ResourcePolicyRule.namespaces",
        "io.k8s.api.rbac.v1.ClusterRole.rules",
        "io.k8s.api.rbac.v1.Role.rules",
        "io.k8s.api.resource.v1.AllocatedDeviceStatus.conditions",
        "io.k8s.api.storage.v1.CSINodeDriver.topologyKeys",
        "io.k8s.api.storage.v1.CSINodeSpec.drivers",
        _EXTENSIONS + "CustomResourceDefinitionStatus.conditions",
        _EXTENSIONS + "CustomResourceDefinitionStatus.storedVersions",
    }
)
"""Fields without `omitempty` that stay empty in valid objects: a server shows these as null.

The other fields of that sort must be filled in for an object to be valid, or are filled in by
defaults; they are left out while they are empty.
"""


@dataclasses.dataclass(eq=False, slots=True)
class Type:
    """A Go type: `kind` is struct, map, list, string, int, float, bool, bytes or a special kind.

    `name` is the type as Go's reflect prints it. `item` is the type of list items and map values,
    `null_items` whether they are pointers. `low` and `high` bound ints.
    """

    kind: str
    name: str
    definition: str = ""
    item: "Type | None" = None
    low: int = 0
    high: int = 0

    @property
    def fields(self) -> "dict[str, Field]":
        return struct(self.definition).fields

    def zero(self) -> Any:
        """Go's zero value of this type as it is written in JSON. New on every call."""
        kind = self.kind
        if kind == "struct":
            return struct(self.definition).zero()
        if kind in _NULL_KINDS:
            return None
        return {"string": "", "bool": False, "quantity": "0", "schema-or-bool": False}.get(kind, 0)


@dataclasses.dataclass(eq=False, slots=True)
class Field:
    """A field of a struct.

    `always`: it is there even when it is empty. `droppable`: an empty value (zero, empty list or
    map) is left out. A pointer is left out only when it is absent. `plain`: Go writes it whatever
    it holds, null included.
    """

    name: str
    type: Type
    pointer: bool
    always: bool
    droppable: bool
    shown_null: bool
    plain: bool


@dataclasses.dataclass(eq=False, slots=True)
class Struct:
    """A Go struct with its fields by JSON name."""

    definition: str
    name: str
    fields: dict[str, Field]

    def zero(self) -> dict[str, Any]:
        """The empty struct as JSON: only the fields that are always written. New on every call."""
        return {
            name: None if field.shown_null else field.type.zero()
            for name, field in self.fields.items()
            if field.always
        }

    def blank(self) -> dict[str, Any]:
        """The empty struct exactly as Go writes it, nulls included. New on every call."""
        out: dict[str, Any] = {}
        for name, field in self.fields.items():
            if not field.plain:
                continue
            if field.pointer:
                out[name] = None
            elif field.type.kind == "struct":
                out[name] = struct(field.type.definition).blank()
            else:
                out[name] = field.type.zero()
        return out


@functools.cache
def struct(definition: str) -> Struct:
    """The struct behind a definition. KeyError for an unknown one."""
    form = compact.compact(definition)
    types = compact.go_types(definition)
    fields = {}
    for (name, code), text in zip(form.get("f", {}).items(), types, strict=True):
        omit, _, go = text.partition(" ")
        path = f"{definition}.{name}"
        fields[name] = _field(path, name, code if isinstance(code, str) else code[0], omit, go)
    return Struct(definition, definition.rpartition(".")[2], fields)


def _field(path: str, name: str, code: str, omit: str, go: str) -> Field:
    pointer = go.startswith("*")
    kind = type_of(code, go.removeprefix("*"))
    value_of_own = not pointer and kind.kind in _OWN_NULL
    nullable = pointer or kind.kind in _NULL_KINDS
    droppable = not pointer and (("o" in omit and kind.kind in _EMPTIABLE) or "z" in omit)
    if nullable and not value_of_own:
        always = path in SHOWN_AS_NULL
    else:
        always = not droppable
    plain = not droppable and not (pointer and omit) and not (kind.kind in _NULL_KINDS and omit)
    plain = plain or (value_of_own and not droppable)
    return Field(name, kind, pointer, always, droppable, nullable and always, plain)


_memo: dict[tuple[str, str], Type] = {}


def type_of(code: str, go: str) -> Type:
    """The type behind a compact type code and a printed Go type without its pointer."""
    found = _memo.get((code, go))
    if found is None:
        found = _memo[code, go] = _build(code, go)
    return found


def _build(code: str, go: str) -> Type:
    if code[0] == "#":
        definition = code[1:]
        kind = SPECIAL.get(definition, "struct")
        return Type(kind, go, definition)
    if code[0] == "[":
        inner = go[2:].removeprefix("*") if go.startswith("[]") else _default_name(code[1:])
        return Type("list", go, item=type_of(code[1:], inner))
    if code[0] == "{":
        inner = go.partition("]")[2] if go.startswith("map[") else _default_name(code[1:])
        return Type("map", go, item=type_of(code[1:], inner.removeprefix("*")))
    low, high = _RANGES.get(code, _INT64)
    return Type(_SCALARS[code], go, low=low, high=high)


def _default_name(code: str) -> str:
    """What an item is called where a named list or map type hides its Go type."""
    if code[0] == "#":
        package, _, name = code[1:].rpartition(".")
        return f"{package.rpartition('.')[2]}.{name}"
    return {"s": "string", "b": "bool", "i4": "int32", "i8": "int64"}.get(code, "interface {}")
