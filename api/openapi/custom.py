"""The OpenAPI documents of custom resources: v3 for each of their group versions, v2 with all.

After apiextensions-apiserver's `pkg/controller/openapi/builder`: the schema of a kind is that of
its definition, with what every object has. Version 2 has no words for some of it (`pkg/controller/
openapi/v2`).
"""

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from miniplane.api import schema
from miniplane.api.objects import Obj, thaw
from miniplane.api.openapi import documents
from miniplane.api.resources import Resource

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_POD = "io.k8s.api.core.v1.Pod"
_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_EMBEDDED = "x-kubernetes-embedded-resource"


class CustomDocuments:
    """The documents of `rows`, made when they are asked for. `texts` holds for each path
    (`apis/example.com/v1`) a text that changes when its document does."""

    def __init__(self, rows: Sequence[Resource]):
        self._rows: dict[str, list[Resource]] = {}
        for row in rows:
            self._rows.setdefault(row.path.removeprefix("/"), []).append(row)
        self.texts: Mapping[str, str] = {
            path: _fingerprint(found) for path, found in self._rows.items()
        }
        self._documents: dict[str, bytes] = {}

    def document(self, path: str) -> bytes:
        """KeyError where there is none."""
        found = self._documents.get(path)
        if found is None:
            named = [_named(row) for row in self._rows[path]]
            schemas: dict[str, Obj] = {}
            for row in named:
                schemas[row.definition] = published(row)
                schemas[f"{row.definition}List"] = _list(row)
            found = self._documents[path] = documents.custom_v3_document(named, schemas)
        return found

    @functools.cached_property
    def v2(self) -> bytes:
        """The v2 document with the built-in kinds and these."""
        named = [_named(row) for rows in self._rows.values() for row in rows]
        schemas: dict[str, Obj] = {}
        for row in named:
            schemas[row.definition] = published(row, v2=True)
            schemas[f"{row.definition}List"] = _list(row, v2=True)
        return documents.custom_v2_document(named, schemas)


def _named(row: Resource) -> Resource:
    """The row under the name that its schema has in OpenAPI documents."""
    return dataclasses.replace(row, definition=row.custom.openapi_name)


def _fingerprint(rows: Iterable[Resource]) -> str:
    parts = [(row.plural, row.kind, row.namespaced, row.custom.raw) for row in rows]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


@functools.cache
def _type_meta() -> Obj:
    properties = schema.describe(_POD)["properties"]
    return {name: properties[name] for name in ("apiVersion", "kind")}


def published(row: Resource, *, v2: bool = False) -> Obj:
    """The schema of a kind as it is published, in OpenAPI v3 unless told otherwise."""
    custom = row.custom
    if not custom.schema:
        out: Obj = {"type": "object"}
    else:
        out = thaw(custom.schema)
        if v2:
            _simplify(out)
        _complete(out, v2=v2)
        out["properties"] = {**(out.get("properties") or {}), **_type_meta()}
        out["properties"]["metadata"] = _object_meta(v2=v2)
    out["x-kubernetes-group-version-kind"] = [
        {"group": row.group, "version": row.version, "kind": row.kind}
    ]
    if custom.selectable:
        fields = [{"fieldPath": path.removeprefix(".")} for path in custom.selectable]
        out["x-kubernetes-selectable-fields"] = fields
    return out


_ONLY_V3 = ("allOf", "anyOf", "oneOf", "not")
_UNKNOWN = "x-kubernetes-preserve-unknown-fields"


def _simplify(place: Any) -> None:
    """Take away what version 2, or kubectl's reading of it, cannot cope with, everywhere below."""
    if not isinstance(place, dict):
        return
    for key in _ONLY_V3:
        place.pop(key, None)
    nullable = place.pop("nullable", False)
    properties = place.get("properties") or {}
    optional = [name for name, inner in properties.items() if inner.get("nullable")]
    more = place.get("additionalProperties")
    if isinstance(more, dict) and more.get("nullable"):
        place.pop("required", None)
    elif optional and place.get("required"):
        place["required"] = [name for name in place["required"] if name not in optional]
        if not place["required"]:
            del place["required"]
    if nullable or place.get(_UNKNOWN):
        place.pop("items", None)
        place.pop("properties", None)
    kind = place.get("type")
    if (
        nullable
        or (kind == "array" and "items" not in place)
        or (kind == "object" and place.get(_UNKNOWN))
    ):
        place.pop("type", None)
    for inner in (place.get("properties") or {}).values():
        _simplify(inner)
    _simplify(place.get("items"))
    _simplify(more)


def _refer(definition: str, description: str, *, v2: bool) -> Obj:
    """A reference that has a description of its own."""
    if v2:
        return {"$ref": f"#/definitions/{definition}", "description": description}
    reference = {"$ref": f"#/components/schemas/{definition}"}
    return {"allOf": [reference], "description": description}


def _object_meta(*, v2: bool) -> Obj:
    text = f"Standard object's metadata. More info: {_CONVENTIONS}#metadata"
    return _refer(f"{_META}ObjectMeta", text, v2=v2)


def _complete(place: Any, *, v2: bool) -> None:
    """Give embedded resources what every object has, everywhere below."""
    if not isinstance(place, dict):
        return
    for inner in (place.get("properties") or {}).values():
        _complete(inner, v2=v2)
    _complete(place.get("items"), v2=v2)
    _complete(place.get("additionalProperties"), v2=v2)
    if place.get(_EMBEDDED):
        place["properties"] = {**(place.get("properties") or {}), **_type_meta()}
        place["properties"]["metadata"] = _object_meta(v2=v2)
        required = place.setdefault("required", [])
        required += [name for name in ("kind", "apiVersion") if name not in required]


def _list(row: Resource, *, v2: bool = False) -> Obj:
    kind = row.custom.list_kind
    place = "#/definitions/" if v2 else "#/components/schemas/"
    more = f"More info: {_CONVENTIONS}"
    return {
        "description": f"{kind} is a list of {row.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            **_type_meta(),
            "items": {
                "description": f"List of {row.plural}. {more}",
                "type": "array",
                "items": {"$ref": f"{place}{row.definition}"},
            },
            "metadata": _refer(
                f"{_META}ListMeta", f"Standard list metadata. {more}#types-kinds", v2=v2
            ),
        },
        "x-kubernetes-group-version-kind": [
            {"group": row.group, "version": row.version, "kind": kind}
        ],
    }
