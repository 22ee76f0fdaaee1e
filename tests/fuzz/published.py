"""The published schema: OpenAPI v3 documents as a server sends them, and a validator of its own.

Nothing here looks into `miniplane.api`: what the server says of its kinds is held against what it
stores. The validator takes what the documents use, and is stricter than OpenAPI in one point: where
properties are listed, no other ones may be there, since a server prunes or refuses those.

Where published schema and real server differ:

- Quantities are "string or number" in the schema. What is stored is a string in canonical form.
- IntOrString is `int-or-string`: any integer of 32 bits, any string. Validation says which strings.
- A list or map that Go writes without `omitempty` is `null` when it is empty, where the schema
  says `array`: NULLS names those fields.
- Times may be `null` for the same reason: the schema does not tell which ones are left out.
- `x-kubernetes-list-type: set` and `map` are no rules for built-in kinds: a POST may bring the same
  twice, which only server-side apply minds. For custom resources they are.
- The schema knows no unions, lengths or name formats of built-in kinds: it refuses less than the
  server does. That the server refuses nothing that the schema allows is no law.
"""

import base64
import binascii
import functools
import json
import re
from typing import Any

from miniplane.api.resources import Resource
from tests.fuzz.api import Api

Schema = dict[str, Any]

NULLS: frozenset[tuple[str, str]] = frozenset(
    (f"io.k8s.{definition}", name)
    for definition, name in (
        ("api.apps.v1.ControllerRevision", "data"),
        ("api.autoscaling.v2.HorizontalPodAutoscalerStatus", "currentMetrics"),
        ("api.batch.v1.PodFailurePolicy", "rules"),
        ("api.core.v1.AzureFilePersistentVolumeSource", "secretNamespace"),
        ("api.core.v1.ContainerImage", "names"),
        ("api.core.v1.LimitRangeSpec", "limits"),
        ("api.core.v1.NodeAllocatableResourceClaimStatus", "resources"),
        ("api.core.v1.PodExtendedResourceClaimStatus", "requestMappings"),
        ("api.core.v1.ProjectedVolumeSource", "sources"),
        ("api.core.v1.TopologySelectorLabelRequirement", "values"),
        ("api.core.v1.TypedLocalObjectReference", "apiGroup"),
        ("api.core.v1.TypedObjectReference", "apiGroup"),
        ("api.discovery.v1.EndpointSlice", "endpoints"),
        ("api.discovery.v1.EndpointSlice", "ports"),
        ("api.flowcontrol.v1.ResourcePolicyRule", "namespaces"),
        ("api.rbac.v1.ClusterRole", "rules"),
        ("api.rbac.v1.Role", "rules"),
        ("api.resource.v1.AllocatedDeviceStatus", "conditions"),
        ("api.storage.v1.CSINodeDriver", "topologyKeys"),
        ("api.storage.v1.CSINodeSpec", "drivers"),
        (
            "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus",
            "conditions",
        ),
    )
)
"""Fields (definition, name) that are null when they are empty."""

ANYTHING = frozenset({"io.k8s.apimachinery.pkg.runtime.RawExtension"})
"""Published as objects; the server keeps whatever JSON there is."""

UNCHECKED = frozenset(
    {
        ("PersistentVolumeClaim", ".status.phase"),
        ("Pod", ".status.phase"),
        ("RuntimeClass", ".scheduling"),
    }
)
"""Parts of kinds that a server does not look at, or never again once the object is there."""

EMPTY_ENUMS = frozenset({("io.k8s.api.core.v1.HostPathVolumeSource", "type")})
"""Fields whose published enum leaves out the empty string that is their default."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_RANGES = {"int32": 1 << 31, "int64": 1 << 63}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


@functools.cache
def document(path: str) -> Schema:
    """The document of a built-in group version, by its path: `/apis/apps/v1`."""
    with Api() as api:
        return api("GET", f"/openapi/v3{path}").obj


def definitions(row: Resource) -> dict[str, Schema]:
    return document(row.path)["components"]["schemas"]


@functools.cache
def names(path: str) -> dict[tuple[str, str, str], str]:
    """Definitions of a document by group, version and kind."""
    found = {}
    for name, schema in document(path)["components"]["schemas"].items():
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            found[gvk["group"], gvk["version"], gvk["kind"]] = name
    return found


def name_of(row: Resource) -> str:
    return names(row.path)[row.group, row.version, row.kind]


class Schemas:
    """The definitions of one document, and what is wrong with values.

    `strict`: lists that are sets or maps hold nothing twice. Only of custom resources: what a
    POST brings is not held against these markers where Go types decode it.
    """

    def __init__(self, found: dict[str, Schema], *, strict: bool = False):
        self.found = found
        self.strict = strict

    def resolve(self, schema: Schema) -> tuple[Schema, str]:
        """A schema behind its references, and the name of its definition. What stands beside a
        reference counts too."""
        name = ""
        while True:
            if "$ref" in schema:
                name = schema["$ref"].rpartition("/")[2]
                schema = self.found[name]
            elif len(schema.get("allOf", ())) == 1 and "$ref" in schema["allOf"][0]:
                name = schema["allOf"][0]["$ref"].rpartition("/")[2]
                rest = {k: v for k, v in schema.items() if k not in ("allOf", "default")}
                schema = {**self.found[name], **rest}
            else:
                return schema, name

    def problems(self, schema: Schema, value: Any, path: str = "") -> list[str]:
        """What the schema has against a value."""
        schema, name = self.resolve(schema)
        if name in ANYTHING:
            return []
        if value is None:
            time = schema.get("format") == "date-time"
            if schema.get("nullable") or time or not _says(schema):
                return []
            return [f"{path}: null"]
        out = [*self._typed(schema, value, path), *_scalar(schema, value, path)]
        if out:
            return out
        if isinstance(value, dict):
            out += self._object(schema, name, value, path)
        elif isinstance(value, list):
            out += self._list(schema, value, path)
        for branch in schema.get("allOf", ()):
            out += self.problems(branch, value, path)
        return out

    def _typed(self, schema: Schema, value: Any, path: str) -> list[str]:
        for word, enough in (("oneOf", lambda n: n == 1), ("anyOf", lambda n: n > 0)):
            branches = schema.get(word)
            if branches:
                fits = sum(not self.problems(branch, value) for branch in branches)
                if not enough(fits):
                    return [f"{path}: {_short(value)} fits {fits} of {word}"]
        if "not" in schema and not self.problems(schema["not"], value):
            return [f"{path}: {_short(value)} is what it must not be"]
        if schema.get("x-kubernetes-int-or-string"):
            fine = isinstance(value, (int, str)) and not isinstance(value, bool)
            return [] if fine else [f"{path}: {_short(value)} is neither integer nor string"]
        kind = schema.get("type")
        if kind is None:
            return []
        if not isinstance(value, _TYPES[kind]) or (kind != "boolean" and isinstance(value, bool)):
            return [f"{path}: {_short(value)} is no {kind}"]
        return []

    def _object(self, schema: Schema, name: str, value: dict[str, Any], path: str) -> list[str]:
        out = [f"{path}.{key}: missing" for key in schema.get("required", ()) if key not in value]
        fields, more = schema.get("properties", {}), schema.get("additionalProperties")
        free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get(
            "x-kubernetes-embedded-resource"
        )
        for key, item in value.items():
            below = f"{path}.{key}"
            if key in fields:
                absent = (item is None and (name, key) in NULLS) or (
                    item == "" and (name, key) in EMPTY_ENUMS
                )
                if not absent:
                    out += self.problems(fields[key], item, below)
            elif isinstance(more, dict):
                out += self.problems(more, item, below)
            elif not free and more is not True and (fields or more is False):
                out.append(f"{below}: unknown")
        return out + _bounds(schema, len(value), ("minProperties", "maxProperties"), path)

    def _list(self, schema: Schema, value: list[Any], path: str) -> list[str]:
        out = []
        for at, item in enumerate(value):
            out += self.problems(schema.get("items", {}), item, f"{path}[{at}]")
        kind = schema.get("x-kubernetes-list-type")
        if self.strict and not out and kind in ("set", "map"):
            keys = schema.get("x-kubernetes-list-map-keys", ())
            texts = [json.dumps(_key(item, keys, kind), sort_keys=True) for item in value]
            if len(set(texts)) < len(texts):
                out.append(f"{path}: twice the same in a {kind}")
        if schema.get("uniqueItems") and len({json.dumps(i) for i in value}) < len(value):
            out.append(f"{path}: not unique")
        return out + _bounds(schema, len(value), ("minItems", "maxItems"), path)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}..."


def _says(schema: Schema) -> bool:
    return any(
        key in schema for key in ("type", "oneOf", "anyOf", "enum", "x-kubernetes-int-or-string")
    )


def _key(item: Any, keys: Any, kind: str) -> Any:
    return [item.get(key) for key in keys] if kind == "map" else item


def _bounds(schema: Schema, size: float, words: tuple[str, str], path: str) -> list[str]:
    low, high = schema.get(words[0]), schema.get(words[1])
    fine = (low is None or size >= low) and (high is None or size <= high)
    return [] if fine else [f"{path}: {size} is not between {low} and {high}"]


def _scalar(schema: Schema, value: Any, path: str) -> list[str]:
    out = []
    form = schema.get("format", "")
    if "enum" in schema and value not in schema["enum"]:
        out.append(f"{path}: {_short(value)} is none of {schema['enum']}")
    if isinstance(value, str):
        out += _bounds(schema, len(value), ("minLength", "maxLength"), path)
        if "pattern" in schema and not re.search(schema["pattern"], value):
            out.append(f"{path}: {_short(value)} does not match {schema['pattern']}")
        if form == "date-time" and not _TIME.fullmatch(value):
            out.append(f"{path}: {_short(value)} is no time")
        if form == "byte":
            try:
                base64.b64decode(value, validate=True)
            except binascii.Error:
                out.append(f"{path}: {_short(value)} is no base64")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        limit = _RANGES.get(form)
        if limit is not None and not -limit <= value < limit:
            out.append(f"{path}: {value} is no {form}")
        out += _bounds(schema, value, ("minimum", "maximum"), path)
        if schema.get("exclusiveMinimum") and value == schema["minimum"]:
            out.append(f"{path}: {value} is the minimum")
        if schema.get("exclusiveMaximum") and value == schema["maximum"]:
            out.append(f"{path}: {value} is the maximum")
        step = schema.get("multipleOf")
        if step and abs(value / step - round(value / step)) > 1e-9:
            out.append(f"{path}: {value} is no multiple of {step}")
    return out


@functools.cache
def of(row: Resource) -> tuple[Schemas, Schema]:
    """The definitions of a built-in kind's document, and its own."""
    return Schemas(definitions(row)), {"$ref": f"#/components/schemas/{name_of(row)}"}


def refused(row: Resource, obj: Any) -> list[str]:
    """What the published schema has against an object of a built-in kind."""
    schemas, schema = of(row)
    found = schemas.problems(schema, obj)
    unchecked = tuple(path for kind, path in UNCHECKED if kind == row.kind)
    return [problem for problem in found if not problem.startswith(unchecked)]
