"""Reads the compact schema files that `tools/build_schemas.py` writes.

A definition's compact form is a JSON object:

    f   fields: name -> type, or [type, markers]; absent for definitions without properties
    t   the OpenAPI type of a definition without properties (`""`: one of several), fm its format
    r   required fields
    mt, gk, un   map type, group-version-kinds, unions

A type is one string, read from the left: `[` a list of, `{` a map to, `#name` another definition,
else a scalar code (see `SCALARS`). Markers: lt, lk (list type and keys), mt (map type), ps, pk
(patch strategy and merge key), df (default), en (enumeration).
"""

import functools
import pathlib
import zlib
from typing import Any

import orjson

SCALARS: dict[str, tuple[str, str]] = {
    "s": ("string", ""),
    "y": ("string", "byte"),
    "b": ("boolean", ""),
    "i": ("integer", ""),
    "i4": ("integer", "int32"),
    "i8": ("integer", "int64"),
    "n": ("number", ""),
    "d": ("number", "double"),
    "o": ("object", ""),
}
"""Scalar codes with their OpenAPI type and format."""

_DATA = pathlib.Path(__file__).resolve().parent.parent / "data"


def packed(name: str) -> bytes:
    """One of the data files as it is."""
    return (_DATA / f"{name}.bin").read_bytes()


def read(name: str) -> bytes:
    """One of the data files, unpacked."""
    return zlib.decompress(packed(name))


@functools.cache
def lines() -> dict[str, bytes]:
    """Every definition's compact form, still JSON text, by name."""
    table = {}
    for line in read("structure").split(b"\n"):
        name, _, text = line.partition(b"\t")
        table[name.decode()] = text
    return table


def compact(definition: str) -> dict[str, Any]:
    """The compact form of one definition. KeyError for an unknown one."""
    return orjson.loads(lines()[definition])


def definitions() -> list[str]:
    """The names of all definitions, sorted."""
    return list(lines())


def group_version_kinds(definition: str) -> list[dict[str, str]]:
    return compact(definition).get("gk", [])


@functools.cache
def _go_types() -> dict[str, bytes]:
    return dict(zip(lines(), read("gotypes").split(b"\n"), strict=True))


def go_types(definition: str) -> list[str]:
    """`<omit> <Go type>` of each field, in the order of the compact form's fields.

    `omit` holds `o` for `omitempty` and `z` for `omitzero`. KeyError for an unknown definition.
    """
    return orjson.loads(_go_types()[definition])
