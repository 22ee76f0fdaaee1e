"""The OpenAPI documents of a server, as bytes: one v3 document for each group version, one v2.

Nothing is built before it is asked for; a document is kept once it is built. Follows
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition.
"""

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from miniplane.api import resources, schema
from miniplane.api.objects import Obj
from miniplane.api.openapi import parameters, paths
from miniplane.api.openapi.paths import META, Operation, Path
from miniplane.api.resources import RESOURCES, Resource
from miniplane.api.schema import compact

INFO = {"title": "Kubernetes", "version": "v1.36.0"}
_FORM = b"1"
"""Counts the ways in which documents have been written: part of their hash."""

_SECURITY = {
    "BearerToken": {
        "description": "Bearer Token authentication",
        "in": "header",
        "name": "authorization",
        "type": "apiKey",
    }
}
_PLAIN_DOCUMENTS = (".well-known/openid-configuration", "openid/v1/jwks", "version")


@functools.cache
def _digest() -> bytes:
    hasher = hashlib.sha512(_FORM)
    for name in ("structure", "descriptions", "gotypes"):
        hasher.update(compact.packed(name))
    return hasher.digest()


def _hash(path: str, fingerprint: str = "") -> str:
    return hashlib.sha512(_digest() + f"{path}\0{fingerprint}".encode()).hexdigest().upper()


@functools.cache
def _built_in_paths() -> tuple[str, ...]:
    found = dict.fromkeys(("api", "apis", *_PLAIN_DOCUMENTS))
    for group, versions in resources.groups():
        if group:
            found[f"apis/{group}"] = None
        for version in versions:
            found[f"apis/{group}/{version}" if group else f"api/{version}"] = None
    return tuple(sorted(found))


def v3_index(custom: Mapping[str, str] | None = None) -> Obj:
    """`GET /openapi/v3`: the documents with their URLs, whose hash changes with the document.

    `custom` holds further documents (`apis/example.com/v1`) with a text that changes when they do.
    """
    known = dict.fromkeys(_built_in_paths(), "") | dict(custom or {})
    return {
        "paths": {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_hash(path, known[path])}"}
            for path in sorted(known)
        }
    }


@functools.cache
def v3_document(path: str) -> bytes:
    """`GET /openapi/v3/{path}` of a built-in document: `api/v1`, `apis/apps`, `apis/apps/v1`.

    KeyError where there is none.
    """
    if path not in _built_in_paths():
        raise KeyError(path)
    return orjson.dumps(_v3(_of_document(path)))


def custom_v3_document(rows: Sequence[Resource], schemas: Mapping[str, Obj]) -> bytes:
    """The v3 document of one group version of custom resources.

    `schemas` holds the OpenAPI schemas of the rows' definitions, by name; the definitions of the
    lists are made here unless they are given.
    """
    found = [path for row in rows for path in paths.of_resource(row, custom=True)]
    given = dict(schemas)
    for row in rows:
        given.setdefault(f"{row.definition}List", _list_schema(row))
    return orjson.dumps(_v3(found, given))


def _list_schema(row: Resource) -> Obj:
    prefix = "#/components/schemas/"
    return {
        "description": f"{row.kind}List is a list of {row.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"$ref": f"{prefix}{META}ListMeta"},
            "items": {"type": "array", "items": {"$ref": f"{prefix}{row.definition}"}},
        },
        "x-kubernetes-group-version-kind": [
            {"group": row.group, "version": row.version, "kind": f"{row.kind}List"}
        ],
    }


@functools.cache
def v2_document() -> bytes:
    """`GET /openapi/v2`: everything in one Swagger 2.0 document, in JSON."""
    found = [path for name in _built_in_paths() for path in _of_document(name)]
    unique = {path.path: path for path in found}
    names = _closure(_referenced(unique.values()), v2=True)
    document: Obj = {
        "swagger": "2.0",
        "info": INFO,
        "paths": {path.path: _v2_path(path) for _, path in sorted(unique.items())},
        "definitions": dict(sorted(names.items())),
        "securityDefinitions": _SECURITY,
        "security": [{"BearerToken": []}],
    }
    return orjson.dumps(document)


def custom_v2_document(rows: Sequence[Resource], schemas: Mapping[str, Obj]) -> bytes:
    """`GET /openapi/v2` with custom resources: `schemas` holds their definitions, by name."""
    document: Obj = orjson.loads(v2_document())
    found = {path.path: path for row in rows for path in paths.of_resource(row, custom=True)}
    for key, more in (
        ("paths", {name: _v2_path(path) for name, path in found.items()}),
        ("definitions", schemas),
    ):
        document[key] = dict(sorted({**document[key], **more}.items()))
    return orjson.dumps(document)


def _of_document(name: str) -> list[Path]:
    """The paths of a built-in document."""
    parts = name.split("/")
    if parts[0] == "api":
        parts = ["apis", "", *parts[1:]]
    if parts[0] != "apis":
        return [_plain(name)]
    if len(parts) < 3:
        return [_groups_path(name, parts[1] if len(parts) > 1 else None)]
    group, version = parts[1:]
    rows = [row for row in RESOURCES if row.group == group and row.version == version]
    id_ = f"get{paths.group_name(group)}{version.capitalize()}APIResources"
    listing = Operation(
        "get", id_, "get available resources", responses=((200, META + "APIResourceList"),)
    )
    found = [path for row in rows for path in paths.of_resource(row)]
    return [Path(f"{rows[0].path}/", "", (listing,)), *found]


def _groups_path(name: str, group: str | None) -> Path:
    if group is None:
        id_, answer, text = "getAPIVersions", "APIGroupList", "get available API versions"
    elif not group:
        id_, answer, text = "getCoreAPIVersions", "APIVersions", "get available API versions"
    else:
        id_ = f"get{paths.group_name(group)}APIGroup"
        answer, text = "APIGroup", "get information of a group"
    return Path(f"/{name}/", "", (Operation("get", id_, text, responses=((200, META + answer),)),))


def _plain(name: str) -> Path:
    ids = {
        "version": ("getCodeVersion", "get the version of the server"),
        "openid/v1/jwks": ("getServiceAccountIssuerOpenIDKeyset", "get the issuer's key set"),
    }
    id_, text = ids.get(
        name, ("getServiceAccountIssuerOpenIDConfiguration", "get the issuer's configuration")
    )
    answer = "io.k8s.apimachinery.pkg.version.Info" if name == "version" else "string"
    media = ("application/jwk-set+json",) if name == "openid/v1/jwks" else ("application/json",)
    path = "/version/" if name == "version" else f"/{name}/"
    return Path(
        path, "", (Operation("get", id_, text, produces=media, responses=((200, answer),)),)
    )


def _v3(found: Iterable[Path], given: Mapping[str, Obj] | None = None) -> Obj:
    unique = {path.path: path for path in found}
    names = _closure(_referenced(unique.values()), given=given)
    return {
        "openapi": "3.0.0",
        "info": INFO,
        "paths": {path.path: _v3_path(path) for _, path in sorted(unique.items())},
        "components": {
            "schemas": dict(sorted(names.items())),
            "securitySchemes": _SECURITY,
        },
    }


def _referenced(found: Iterable[Path]) -> dict[str, None]:
    """The definitions that operations mention."""
    names: dict[str, None] = {}
    for path in found:
        for operation in path.operations:
            names.setdefault(operation.body)
            for _, answer in operation.responses:
                names.setdefault(answer)
    names.pop("", None)
    names.pop("string", None)
    return names


def _closure(
    names: dict[str, None], *, v2: bool = False, given: Mapping[str, Obj] | None = None
) -> dict[str, Obj]:
    """The named definitions and all that they refer to."""
    found: dict[str, Obj] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        own = (given or {}).get(name)
        found[name] = described = schema.describe(name, v2=v2) if own is None else own
        todo.extend(_references(described))
    return found


def _references(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner.rpartition("/")[2]
            elif isinstance(inner, (dict, list)):
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _v3_path(path: Path) -> Obj:
    out: Obj = {op.method: _v3_operation(path, op) for op in path.operations}
    shared = path.shared()
    if shared:
        out["parameters"] = [
            parameters.parameter(name, where, path.kind, v2=False) for name, where in shared
        ]
    return out


def _v3_operation(path: Path, operation: Operation) -> Obj:
    out = _common(path, operation, v2=False)
    if operation.body:
        content = {"schema": _reference(operation.body, v2=False)}
        out["requestBody"] = {
            "content": {media: content for media in operation.consumes},
            "required": operation.method != "delete",
        }
        if operation.method == "delete":
            del out["requestBody"]["required"]
    responses: Obj = {}
    for code, answer in operation.responses:
        content = {"schema": _reference(answer, v2=False)}
        responses[str(code)] = {
            "description": _CODES[code],
            "content": {media: content for media in operation.produces},
        }
    responses["401"] = {"description": "Unauthorized"}
    out["responses"] = responses
    return out


def _v2_path(path: Path) -> Obj:
    out: Obj = {op.method: _v2_operation(path, op) for op in path.operations}
    shared = path.shared()
    if shared:
        out["parameters"] = [
            parameters.parameter(name, where, path.kind, v2=True) for name, where in shared
        ]
    return out


def _v2_operation(path: Path, operation: Operation) -> Obj:
    out = _common(path, operation, v2=True)
    if operation.body:
        body: Obj = {"name": "body", "in": "body", "schema": _reference(operation.body, v2=True)}
        if operation.method != "delete":
            body["required"] = True
        out["parameters"] = [body, *out.get("parameters", ())]
    out["consumes"] = list(operation.consumes or ("*/*",))
    out["produces"] = list(operation.produces)
    responses: Obj = {
        str(code): {"description": _CODES[code], "schema": _reference(answer, v2=True)}
        for code, answer in operation.responses
    }
    responses["401"] = {"description": "Unauthorized"}
    out["responses"] = responses
    out["schemes"] = ["https"]
    return out


def _common(path: Path, operation: Operation, *, v2: bool) -> Obj:
    """What both forms say alike."""
    shared = path.shared()
    own = [p for p in operation.parameters if p not in shared]
    parts = path.path.strip("/").split("/")
    group = parts[1] if parts[0] == "apis" and len(parts) > 1 else ""
    versioned = len(parts) > (2 if group else 1)
    out: Obj = {
        "description": operation.text,
        "operationId": operation.id,
        "tags": [paths.tag(group, parts[2 if group else 1] if versioned else "")],
    }
    if parts[0] not in ("api", "apis"):
        out["tags"] = [parts[0].strip(".")]
    if own:
        out["parameters"] = [parameters.parameter(n, w, path.kind, v2=v2) for n, w in own]
    if operation.action:
        out["x-kubernetes-action"] = operation.action
    if operation.gvk:
        group, version, kind = operation.gvk
        out["x-kubernetes-group-version-kind"] = {"group": group, "version": version, "kind": kind}
    return out


def _reference(definition: str, *, v2: bool) -> Obj:
    if definition == "string":
        return {"type": "string"}
    return {"$ref": ("#/definitions/" if v2 else "#/components/schemas/") + definition}


_CODES = {200: "OK", 201: "Created", 202: "Accepted"}
