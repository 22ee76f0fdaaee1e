"""The OpenAPI v3 documents of custom resources: one for each of their group versions.

After apiextensions-apiserver's `pkg/controller/openapi/builder`: the schema of a kind is that of
its definition, with what every object has.
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
_OBJECT_META = {
    "allOf": [{"$ref": f"#/components/schemas/{_META}ObjectMeta"}],
    "description": "Standard object's metadata. More info: https://git.k8s.io/community/"
    "contributors/devel/sig-architecture/api-conventions.md#metadata",
}
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


def published(row: Resource) -> Obj:
    """The schema of a kind as it is published."""
    custom = row.custom
    if not custom.schema:
        out: Obj = {"type": "object"}
    else:
        out = thaw(custom.schema)
        _complete(out)
        out["properties"] = {**(out.get("properties") or {}), **_type_meta()}
        out["properties"]["metadata"] = _OBJECT_META
    out["x-kubernetes-group-version-kind"] = [
        {"group": row.group, "version": row.version, "kind": row.kind}
    ]
    if custom.selectable:
        fields = [{"fieldPath": path.removeprefix(".")} for path in custom.selectable]
        out["x-kubernetes-selectable-fields"] = fields
    return out


def _complete(place: Any) -> None:
    """Give embedded resources what every object has, everywhere below."""
    if not isinstance(place, dict):
        return
    for inner in (place.get("properties") or {}).values():
        _complete(inner)
    _complete(place.get("items"))
    _complete(place.get("additionalProperties"))
    if place.get(_EMBEDDED):
        place["properties"] = {**(place.get("properties") or {}), **_type_meta()}
        place["properties"]["metadata"] = _OBJECT_META
        required = place.setdefault("required", [])
        required += [name for name in ("kind", "apiVersion") if name not in required]


def _list(row: Resource) -> Obj:
    kind = row.custom.list_kind
    more = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
    return {
        "description": f"{kind} is a list of {row.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            **_type_meta(),
            "items": {
                "description": f"List of {row.plural}. More info: {more}",
                "type": "array",
                "items": {"$ref": f"#/components/schemas/{row.definition}"},
            },
            "metadata": {
                "allOf": [{"$ref": f"#/components/schemas/{_META}ListMeta"}],
                "description": f"Standard list metadata. More info: {more}#types-kinds",
            },
        },
        "x-kubernetes-group-version-kind": [
            {"group": row.group, "version": row.version, "kind": kind}
        ],
    }
