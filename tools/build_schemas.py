"""Builds `api/data/{structure,descriptions,gotypes,wire}.bin` from what Kubernetes publishes.

Two sources, both of the same release:

- `_definitions.json` inside the PyPI package `kubernetes-validate`, which repackages the OpenAPI
  definitions of kubernetes/kubernetes `api/openapi-spec`;
- the Go modules `k8s.io/{api,apimachinery,apiextensions-apiserver,kube-aggregator}`, unpacked side
  by side in one folder, for what OpenAPI does not say (see `go_types`).

    pip install kubernetes-validate
    python tools/build_schemas.py --go-modules DIR [--version v1.36.0] [--definitions FILE]

Structure, prose and Go types are kept apart, so that decoding an object never pays for
descriptions. The files are zlib streams of UTF-8 lines, one definition a line, in the same order:

    structure:     <name> TAB <JSON of one compact definition>
    descriptions:  JSON list: the definition's description, then its fields' in field order, each a
                   string or [string, enumeration], whose values are strings or
                   [string, what is said of it]
    gotypes:       JSON list: "<omit> <Go type>" of each field, in field order
    wire:          JSON list: the protobuf number of each field, in field order; a list of numbers
                   leads through embedded messages; 0 where protobuf does not carry the field

`miniplane.api.schema.compact` documents the compact form and reads it back.
"""

import argparse
import importlib.util
import json
import pathlib
import sys
import zlib
from typing import Any

import go_types

ROOT = pathlib.Path(__file__).resolve().parent.parent
REF = "#/$defs/"
MARKERS = {
    "x-kubernetes-list-type": "lt",
    "x-kubernetes-list-map-keys": "lk",
    "x-kubernetes-map-type": "mt",
    "x-kubernetes-patch-strategy": "ps",
    "x-kubernetes-patch-merge-key": "pk",
    "x-kubernetes-unions": "un",
    "x-kubernetes-group-version-kind": "gk",
}
SCALARS = {
    ("string", ""): "s",
    ("string", "byte"): "y",
    ("boolean", ""): "b",
    ("integer", ""): "i",
    ("integer", "int32"): "i4",
    ("integer", "int64"): "i8",
    ("number", ""): "n",
    ("number", "double"): "d",
    ("object", ""): "o",
}


def published(version: str) -> pathlib.Path:
    """Where the installed `kubernetes-validate` keeps the definitions of `version`."""
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or spec.origin is None:
        sys.exit("pip install kubernetes-validate, or pass --definitions")
    folder = pathlib.Path(spec.origin).parent / "kubernetes-json-schema" / f"{version}-local"
    return folder / "_definitions.json"


def type_of(schema: dict[str, Any]) -> str:
    """The published type; the repackaging has turned optional ones into `[type, "null"]`."""
    kind = schema.get("type", "")
    if isinstance(kind, list):
        kind = next(k for k in kind if k != "null")
    return kind


def compact_type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return "#" + schema["$ref"].removeprefix(REF)
    kind = type_of(schema)
    if kind == "array":
        return "[" + compact_type(schema["items"])
    if "additionalProperties" in schema:
        return "{" + compact_type(schema["additionalProperties"])
    return SCALARS[kind, schema.get("format", "")]


def inner_markers(schema: dict[str, Any]) -> bool:
    inner = schema.get("items") or schema.get("additionalProperties") or {}
    return any(key in MARKERS for key in inner) or (bool(inner) and inner_markers(inner))


def compact_field(name: str, schema: dict[str, Any], default: Any) -> str | list[Any]:
    if inner_markers(schema):
        sys.exit(f"{name}: markers inside a list or map have no place in the compact form")
    code = compact_type(schema)
    markers = {MARKERS[k]: v for k, v in schema.items() if k in MARKERS}
    if default is not None:
        markers["df"] = default
    return [code, markers] if markers else code


def compact_definition(
    name: str, schema: dict[str, Any], fields: dict[str, go_types.Field]
) -> dict[str, Any]:
    out: dict[str, Any] = {MARKERS[k]: v for k, v in schema.items() if k in MARKERS}
    if "properties" in schema:
        out["f"] = {
            p: compact_field(f"{name}.{p}", s, fields[p].default)
            for p, s in sorted(schema["properties"].items())
        }
    else:
        out["t"] = "" if "oneOf" in schema else type_of(schema)
        if "format" in schema:
            out["fm"] = schema["format"]
    if schema.get("required"):
        out["r"] = schema["required"]
    return out


def wanted(definitions: dict[str, Any]) -> list[str]:
    """The packages of every served group version, apimachinery, and what these refer to."""
    sys.path.insert(0, str(ROOT))
    from miniplane.api.resources import RESOURCES

    missing = [r.definition for r in RESOURCES if r.definition not in definitions]
    if missing:
        sys.exit(f"served kinds without a definition: {missing}")
    packages = {r.definition.rpartition(".")[0] for r in RESOURCES}
    keep = {
        name
        for name in definitions
        if name.rpartition(".")[0] in packages or name.startswith("io.k8s.apimachinery.")
    }
    todo = sorted(keep)
    while todo:
        text = json.dumps(definitions[todo.pop()])
        for part in text.split(f'"{REF}')[1:]:
            name = part.partition('"')[0]
            if name not in keep:
                keep.add(name)
                todo.append(name)
    return sorted(keep)


def prose_of(text: str, enum: list[Any]) -> str | list[Any]:
    return [text, enum] if enum else text


def build(definitions: dict[str, Any], modules: pathlib.Path) -> dict[str, bytes]:
    packages = {prefix: go_types.read(folder) for prefix, folder in go_types.sources(modules)}
    lines: dict[str, list[str]] = {"structure": [], "descriptions": [], "gotypes": [], "wire": []}
    for name in wanted(definitions):
        schema = definitions[name]
        properties = dict(sorted(schema.get("properties", {}).items()))
        prefix, _, struct = name.rpartition(".")
        fields = go_types.fields_of(packages, prefix, struct) if properties else {}
        if set(fields) != set(properties):
            sys.exit(f"{name}: Go and OpenAPI differ in {sorted(set(fields) ^ set(properties))}")
        compact = compact_definition(name, schema, fields)
        texts: list[Any] = [schema.get("description", "")]
        texts += [
            prose_of(
                p.get("description", ""),
                go_types.enum_of(packages, prefix, fields[key].type.removeprefix("[]")),
            )
            for key, p in properties.items()
        ]
        types = [f"{fields[key].omit} {fields[key].type}" for key in properties]
        lines["structure"].append(f"{name}\t{dump(compact)}")
        lines["descriptions"].append(dump(texts))
        lines["gotypes"].append(dump(types))
        lines["wire"].append(dump([wire_of(fields[key]) for key in properties]))
    return {name: zlib.compress("\n".join(text).encode(), 9) for name, text in lines.items()}


def wire_of(field: go_types.Field) -> int | list[int]:
    if len(field.wire) > 1:
        return list(field.wire)
    return field.wire[0] if field.wire else 0


def dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--go-modules", type=pathlib.Path, required=True)
    parser.add_argument("--version", default="v1.36.0")
    parser.add_argument("--definitions", type=pathlib.Path)
    args = parser.parse_args()
    path = args.definitions or published(args.version)
    definitions = json.loads(path.read_text())["$defs"]
    for name, data in build(definitions, args.go_modules).items():
        target = ROOT / "api" / "data" / f"{name}.bin"
        target.write_bytes(data)
        print(f"{target.relative_to(ROOT)}: {len(data)} bytes")


if __name__ == "__main__":
    main()
