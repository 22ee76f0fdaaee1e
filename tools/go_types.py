"""Reads the facts that OpenAPI leaves out from the Go declarations of the Kubernetes API.

For each struct: its fields' Go types, whether `omitempty` or `omitzero` stands in their JSON tag,
their numbers in the protobuf encoding, their `+default`; for each string type marked `+enum`: its
values and what is said of them. Only declarations are read, with regular expressions that rely on
gofmt's layout.

The sources are Go modules, for example from `go mod download`: `k8s.io/api`,
`k8s.io/apimachinery`, `k8s.io/apiextensions-apiserver` and `k8s.io/kube-aggregator`, each at the
release that belongs to the Kubernetes version (v0.36.x for 1.36).
"""

import dataclasses
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

BUILTIN = {"string", "bool", "int", "int32", "int64", "uint8", "float64", "rune", "uint64"}
ALIASES = {"byte": "uint8", "rune": "int32"}

_IMPORT = re.compile(r'^(?:import )?\s*(?:(\w+)\s+)?"([\w./-]+)"$', re.M)
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
_FIELD = re.compile(r"^\t(?:(\w+)\s+)?([\w.*\[\]]+)\s+`([^`]*)`", re.M)
_TAG = re.compile(r'json:"([^"]*)"')
_NUMBER = re.compile(r'protobuf:"\w+,(\d+),')
_ENUM = re.compile(r"^// \+enum\n(?://[^\n]*\n)*type (\w+) string", re.M)
_CONST = re.compile(
    r'((?:^[ \t]*//[^\n]*\n)*)^\s*(?:const )?(\w+)\s+(\w+)\s*=\s*(?:\w+\()?"([^"]*)"', re.M
)
_DEFAULT = re.compile(r"^\t// \+default=(.+)$", re.M)


@dataclasses.dataclass(slots=True)
class Field:
    """One JSON field: `type` as Go's reflect prints it, `omit` one of `""`, `o`, `z`, `oz`.

    `wire` is the way to the field in the protobuf encoding: its number, after the numbers of the
    embedded structs that it stands in; empty where the encoding does not carry it.
    """

    type: str
    omit: str
    wire: tuple[int, ...]
    default: Any = None


@dataclasses.dataclass(slots=True)
class Package:
    """What one Go package declares. Embedded structs' fields stand under `inline`."""

    structs: dict[str, dict[str, Field]] = dataclasses.field(default_factory=dict)
    inline: dict[str, list[tuple[str, int]]] = dataclasses.field(default_factory=dict)
    enums: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    """The values of each enumeration, with the comments of their constants."""


def sources(modules: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
    """Definition prefixes with the folders of their Go packages."""
    for folder in sorted((modules / "api").glob("*/v*")):
        group = folder.parent.name
        yield f"io.k8s.api.{group}.{folder.name}", folder
    pkg = modules / "apimachinery" / "pkg"
    yield "io.k8s.apimachinery.pkg.apis.meta.v1", pkg / "apis" / "meta" / "v1"
    yield "io.k8s.apimachinery.pkg.version", pkg / "version"
    yield (
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
        modules / "apiextensions-apiserver" / "pkg" / "apis" / "apiextensions" / "v1",
    )
    yield (
        "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
        modules / "kube-aggregator" / "pkg" / "apis" / "apiregistration" / "v1",
    )


def read(folder: pathlib.Path) -> Package:
    package = Package()
    name = folder.name
    texts = [
        path.read_text()
        for path in sorted(folder.glob("*.go"))
        if not path.name.endswith("_test.go") and "generated" not in path.name
    ]
    for text in texts:
        package.enums.update({enum: {} for enum in _ENUM.findall(text)})
    for text in texts:
        imports = {
            alias or path.rpartition("/")[2]: path.rpartition("/")[2]
            for alias, path in _IMPORT.findall(text)
        }
        for comment, constant, enum, value in _CONST.findall(text):
            if value and enum in package.enums and value not in package.enums[enum]:
                package.enums[enum][value] = _said(comment, constant)
        for struct, body in _STRUCT.findall(text):
            _read_struct(package, struct, body, lambda t, i=imports: qualified(t, name, i))
    return package


def _said(comment: str, constant: str) -> str:
    """The comment of a constant as OpenAPI shows it: on one line, without the constant's name."""
    lines = (line.strip().removeprefix("//").removeprefix(" ") for line in comment.splitlines())
    return " ".join(" ".join(lines).strip().removeprefix(constant).split())


def _read_struct(package: Package, struct: str, body: str, qualify: Any) -> None:
    fields = package.structs.setdefault(struct, {})
    start = 0
    for match in _FIELD.finditer(body):
        comment, start = body[start : match.start()], match.end()
        tag = _TAG.search(match[3])
        json_name, *options = tag[1].split(",") if tag else ["-"]
        if json_name == "-":
            continue
        number = _NUMBER.search(match[3])
        if not json_name:
            embedded = (qualify(match[2]), int(number[1]) if number else 0)
            package.inline.setdefault(struct, []).append(embedded)
            continue
        omit = "o" * ("omitempty" in options) + "z" * ("omitzero" in options)
        wire = (int(number[1]),) if number else ()
        fields[json_name] = Field(qualify(match[2]), omit, wire, _default(comment))


def _default(comment: str) -> Any:
    found = _DEFAULT.search(comment)
    if found is None or found[1].startswith("ref("):
        return None
    return json.loads(found[1])


def qualified(go_type: str, package: str, imports: dict[str, str]) -> str:
    """The type as reflect prints it: `*v1.PodSpec`, `[]string`, `map[string]v1.X`."""
    if go_type.startswith("*"):
        return "*" + qualified(go_type[1:], package, imports)
    if go_type.startswith("[]"):
        return "[]" + qualified(go_type[2:], package, imports)
    if go_type.startswith("map["):
        key, _, value = go_type[4:].partition("]")
        return f"map[{qualified(key, package, imports)}]{qualified(value, package, imports)}"
    prefix, dot, name = go_type.rpartition(".")
    if dot:
        return f"{imports.get(prefix, prefix)}.{name}"
    name = ALIASES.get(name, name)
    return name if name in BUILTIN else f"{package}.{name}"


def fields_of(packages: dict[str, Package], prefix: str, struct: str) -> dict[str, Field]:
    """A struct's JSON fields, those of embedded structs included."""
    package = packages[prefix]
    out = dict(package.structs.get(struct, {}))
    for embedded, number in package.inline.get(struct, ()):
        home, _, name = embedded.lstrip("*").rpartition(".")
        for other in _homes(packages, prefix, home):
            if name in packages[other].structs:
                inner = fields_of(packages, other, name)
                out = {key: _below(number, field) for key, field in inner.items()} | out
                break
    return out


def _below(number: int, field: Field) -> Field:
    """An embedded struct's field. TypeMeta has no number: the encoding leaves it out."""
    wire = (number, *field.wire) if number and field.wire else ()
    return dataclasses.replace(field, wire=wire)


def enum_of(packages: dict[str, Package], prefix: str, go_type: str) -> list[Any]:
    """The sorted values of the enumeration that a field's or an item's type is, or nothing.

    A value of which something is said is a list of two."""
    home, _, name = go_type.lstrip("*").rpartition(".")
    for other in _homes(packages, prefix, home):
        if name in packages[other].enums:
            values = sorted(packages[other].enums[name].items())
            return [[value, text] if text else value for value, text in values]
    return []


def _homes(packages: dict[str, Package], prefix: str, go_package: str) -> list[str]:
    """Where an embedded struct may be declared: here, core/v1 or meta/v1."""
    if go_package != "v1" and prefix.endswith("." + go_package):
        return [prefix]
    shared = ("io.k8s.apimachinery.pkg.apis.meta.v1", "io.k8s.api.core.v1")
    return [prefix, *(home for home in shared if home in packages)]
