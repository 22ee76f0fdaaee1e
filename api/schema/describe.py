"""Definitions as OpenAPI documents show them, with their prose."""

import functools
from typing import Any

import orjson

from miniplane.api.schema import compact

_META = "io.k8s.apimachinery.pkg."
_MARKERS = {
    "lt": "x-kubernetes-list-type",
    "lk": "x-kubernetes-list-map-keys",
    "mt": "x-kubernetes-map-type",
    "ps": "x-kubernetes-patch-strategy",
    "pk": "x-kubernetes-patch-merge-key",
    "un": "x-kubernetes-unions",
    "gk": "x-kubernetes-group-version-kind",
}
_ONE_OF = {
    _META + "api.resource.Quantity": [{"type": "string"}, {"type": "number"}],
    _META + "util.intstr.IntOrString": [{"type": "integer"}, {"type": "string"}],
}
_FORMATS = {_META + "util.intstr.IntOrString": "int-or-string"}
_ZEROES: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}


@functools.cache
def _prose() -> dict[str, bytes]:
    lines = compact.read("descriptions").split(b"\n")
    return dict(zip(compact.lines(), lines, strict=True))


def describe(definition: str, *, v2: bool = False) -> dict[str, Any]:
    """The definition as it is published: OpenAPI v3 by default, else Swagger 2.0.

    v3 says more: `default`, alternatives of a type, and references that keep their description.
    A new dictionary on every call. KeyError for an unknown definition.
    """
    form = compact.compact(definition)
    text, *texts = orjson.loads(_prose()[definition])
    out: dict[str, Any] = {"description": text} if text else {}
    if "f" in form:
        go_types = compact.go_types(definition)
        out["type"] = "object"
        out["properties"] = {
            name: _field(code, prose, go_type, v2=v2)
            for (name, code), prose, go_type in zip(form["f"].items(), texts, go_types, strict=True)
        }
    elif definition in _ONE_OF:
        out |= {"type": "string"} if v2 else {"oneOf": _ONE_OF[definition]}
    elif form["t"]:
        out["type"] = form["t"]
    form_name = form.get("fm") or _FORMATS.get(definition)
    if form_name:
        out["format"] = form_name
    if "r" in form:
        out["required"] = form["r"]
    out.update((_MARKERS[key], value) for key, value in form.items() if key in _MARKERS)
    return out


def _field(
    field: str | list[Any], prose: str | list[Any], go_type: str, *, v2: bool
) -> dict[str, Any]:
    code, markers = (field, {}) if isinstance(field, str) else field
    text, values = (prose, []) if isinstance(prose, str) else prose
    said = dict((value, "") if isinstance(value, str) else value for value in values)
    enum = list(said)
    if enum:
        lines = (f' - `"{value}"` {words}'.rstrip() for value, words in said.items())
        text += "\n\nPossible enum values:\n" + "\n".join(lines)
    out: dict[str, Any] = {"description": text} if text else {}
    omit, _, go_name = go_type.partition(" ")
    out.update(_type(code, v2=v2, plain=False))
    if enum:
        inner = {"[": "items", "{": "additionalProperties"}.get(code[0])
        (out[inner] if inner else out)["enum"] = enum
    out.update((_MARKERS[key], value) for key, value in markers.items() if key in _MARKERS)
    if v2:
        return out
    if "$ref" in out and len(out) > 1:
        out = {"allOf": [{"$ref": out.pop("$ref")}], **out}
    default = markers.get("df")
    if default is None and not go_name.startswith("*") and ("o" not in omit or code[0] == "#"):
        default = _zero(code)
    if default is not None:
        out["default"] = default
    return out


def _zero(code: str) -> Any:
    """The default that OpenAPI v3 shows for a Go value that cannot be absent."""
    if code[0] == "#":
        form = compact.compact(code[1:])
        return {} if "f" in form else None
    if code[0] in "[{":
        return None
    return _ZEROES.get(compact.SCALARS[code][0]) if code not in ("y", "o") else None


def _type(code: str, *, v2: bool, plain: bool) -> dict[str, Any]:
    """`plain`: the type stands inside a list or map, where v3 shows the zero value as default."""
    if code[0] == "#":
        reference = {"$ref": ("#/definitions/" if v2 else "#/components/schemas/") + code[1:]}
        if plain and not v2 and _zero(code) is not None:
            return {"allOf": [reference], "default": {}}
        return reference
    if code[0] == "[":
        return {"type": "array", "items": _type(code[1:], v2=v2, plain=True)}
    if code[0] == "{":
        return {"type": "object", "additionalProperties": _type(code[1:], v2=v2, plain=True)}
    kind, form = compact.SCALARS[code]
    out: dict[str, Any] = {"type": kind, "format": form} if form else {"type": kind}
    if plain and not v2 and _zero(code) is not None:
        out["default"] = _zero(code)
    return out
