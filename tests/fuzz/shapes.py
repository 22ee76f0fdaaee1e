"""Random objects: samples of every kind, varied by what the published schema has to offer.

`lively` varies a right sample so that most of what it makes is accepted: optional parts go, fields
of the schema come, values are those that other samples have in the same place, an enum's, or of the
right format. `damaged` breaks it further, in every way in which JSON can be wrong.
"""

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from miniplane.api import resources
from miniplane.api.resources import Resource
from tests.fuzz import published
from tests.fuzz.chance import Chance
from tests.fuzz.published import Schema, Schemas

Obj = dict[str, Any]

_FILE = Path(__file__).parents[1] / "api" / "validation" / "samples.yaml"
SAMPLES: dict[str, Obj] = yaml.safe_load(_FILE.read_text())

NAMED = {f"{row.plural} {row.api_version}": row for row in resources.RESOURCES}
"""The kinds by short names, as tests are named by."""


def names(choose: Callable[[Resource], bool]) -> list[str]:
    return [name for name, row in NAMED.items() if choose(row)]


WORDS = ("a", "web", "a-b", "x1", "default", "main", "data")
PLAIN = {"a": "b", "app": "web", "example.com/x": "1", "tier": ""}
TIMES = ("2026-01-01T00:00:00Z", "2025-12-31T23:59:59+01:00")
QUANTITIES = ("1", "100m", "1Gi", "0", "1e3", "0.5", "12345678901")
NUMBERS = (1, 0, 2, 5, 80, 1000)
WEIRD: tuple[Any, ...] = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "é",
    "\u2028",
    "﷽" * 20,
    "a" * 70,
    "a/b/c",
    "../..",
    "%2e%2e",
    "-a-",
    "A_B",
    "1",
    "0x10",
    "1e400",
    "true",
    "null",
    "\n",
    "2026-13-45T99:99:99Z",
    "9" * 400,
    "\U0001f4a9",
    "a" * 1_000_000,
)
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    -0.0,
    1e300,
    1 << 31,
    -(1 << 31) - 1,
    1 << 63,
    -(1 << 63) - 1,
    1 << 64,
    10**40,
    "",
    "x",
    [],
    {},
    [None],
    [[]],
    {"": None},
    {"a": {"b": {}}},
    [{"name": "a"}, {"name": "a"}],
)
NAMES_OF_NOBODY = (
    "unknown",
    "Spec",
    "",
    "spec.x",
    "kind ",
    "$patch",
    "f:spec",
    "\x00",
    "é",
    "__proto__",
)


def of_kind(sample: Obj) -> Resource:
    found = resources.of_kind(sample["apiVersion"], sample["kind"])
    assert found is not None, sample
    return found


@functools.cache
def samples(row: Resource) -> tuple[Obj, ...]:
    return tuple(one for one in SAMPLES.values() if of_kind(one) is row)


@functools.cache
def pool() -> dict[tuple[str, str], list[Any]]:
    """The values that samples have, by definition and field."""
    found: dict[tuple[str, str], list[Any]] = {}

    def visit(schemas: Schemas, schema: Schema, value: Any) -> None:
        schema, name = schemas.resolve(schema)
        if isinstance(value, dict):
            for key, item in value.items():
                below = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
                if isinstance(below, dict):
                    visit(schemas, below, item)
                values = found.setdefault((name, key), [])
                if item not in values:
                    values.append(item)
        elif isinstance(value, list):
            for item in value:
                visit(schemas, schema.get("items", {}), item)

    for sample in SAMPLES.values():
        visit(*published.of(of_kind(sample)), sample)
    return found


def value(
    chance: Chance, schemas: Schemas, schema: Schema, *, depth: int, known: Any = None
) -> Any:
    """Some value of a schema. `known`: definition and field, for values that are likely right."""
    values = pool().get(known, ()) if known else ()
    if values and chance.percent(70):
        return copy.deepcopy(chance.pick(values))
    schema, name = schemas.resolve(schema)
    if schema.get("enum"):
        return chance.pick(schema["enum"])
    if "default" in schema and schema["default"] not in ({}, "", 0) and chance.percent(30):
        return copy.deepcopy(schema["default"])
    kind = schema.get("type")
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(chance, schemas, schema, name, depth)
    if kind == "array":
        if depth <= 0:
            return []
        count = chance.pick((1, 1, 0, 2))
        return [value(chance, schemas, schema["items"], depth=depth - 1) for _ in range(count)]
    if kind == "boolean":
        return bool(chance.below(2))
    if kind in ("integer", "number"):
        return chance.pick(NUMBERS)
    if name.endswith("Quantity"):
        return chance.pick(QUANTITIES)
    if schema.get("format") == "int-or-string":
        return chance.pick((1, "50%", "http", 0))
    if schema.get("format") == "date-time":
        time = chance.pick(TIMES)
        return time.replace("Z", ".000000Z") if name.endswith("MicroTime") else time
    if schema.get("format") == "byte":
        return chance.pick(("YQ==", "", "e30="))
    if kind == "string":
        return chance.pick(WORDS)
    return copy.deepcopy(chance.pick(({}, {"a": 1}, "x", 1, True, [1], {"a": {"b": []}})))


def _object(chance: Chance, schemas: Schemas, schema: Schema, name: str, depth: int) -> Obj:
    fields = schema.get("properties")
    if not fields:
        more = schema.get("additionalProperties")
        if not isinstance(more, dict) or depth <= 0:
            return {}
        return {key: value(chance, schemas, more, depth=depth - 1) for key in chance.some(PLAIN, 2)}
    required = schema.get("required", ())
    chosen = list(required)
    if depth > 0:
        chosen += chance.some([key for key in fields if key not in required], 2)
    return {
        key: value(chance, schemas, fields[key], depth=depth - 1, known=(name, key))
        for key in chosen
    }


Place = tuple[Any, Any, Schema, str]
"""A value's parent and key, the parent's schema, and its definition."""


def places(schemas: Schemas, schema: Schema, obj: Any) -> list[tuple[Any, Schema, str]]:
    """All objects within an object, with their schemas and the names of their definitions."""
    out: list[tuple[Any, Schema, str]] = []

    def visit(schema: Schema, found: Any) -> None:
        schema, name = schemas.resolve(schema)
        if isinstance(found, dict):
            out.append((found, schema, name))
            for key, item in found.items():
                below = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
                if isinstance(below, dict):
                    visit(below, item)
        elif isinstance(found, list):
            for item in found:
                visit(schema.get("items", {}), item)

    visit(schema, obj)
    return out


_FIXED = ("apiVersion", "kind", "metadata", "name", "namespace", "managedFields")


def lively(chance: Chance, row: Resource) -> Obj:
    """A sample of a kind, varied a little; most of these are right."""
    obj = copy.deepcopy(chance.pick(samples(row)))
    schemas, schema = published.of(row)
    for _ in range(chance.pick((0, 1, 2, 4))):
        vary(chance, schemas, schema, obj)
    adorn(chance, obj.setdefault("metadata", {}))
    return obj


def vary(chance: Chance, schemas: Schemas, schema: Schema, obj: Obj) -> None:
    """Take something away, put something in, or change something, somewhere."""
    found, of, name = chance.pick(places(schemas, schema, obj))
    fields = of.get("properties", {})
    how = chance.below(4)
    if name.endswith("ObjectMeta"):
        return
    if how == 0:
        # What is there goes, if the schema does not want it.
        free = [k for k in found if k not in of.get("required", ()) and k not in _FIXED]
        if free:
            del found[chance.pick(free)]
    elif how == 1:
        absent = [k for k in fields if k not in found and k not in _FIXED and k != "status"]
        # What other samples have is more often right than what the schema alone says.
        likely = [k for k in absent if (name, k) in pool()]
        if choices := likely if likely and chance.percent(70) else absent:
            key = chance.pick(choices)
            found[key] = value(chance, schemas, fields[key], depth=2, known=(name, key))
    else:
        there = [k for k in found if k in fields and k not in _FIXED]
        plain = [k for k in there if not isinstance(found[k], (dict, list))]
        if plain or there:
            key = chance.pick(plain or there)
            found[key] = value(chance, schemas, fields[key], depth=2, known=(name, key))


def adorn(chance: Chance, meta: Obj) -> None:
    """Metadata that every object may have."""
    if chance.percent(40):
        more = {key: PLAIN[key] for key in chance.some(PLAIN, 3)}
        meta["labels"] = {**meta.get("labels", {}), **more}
    if chance.percent(30):
        meta.setdefault("annotations", {})[chance.pick(tuple(PLAIN))] = chance.pick(
            ("", "x", "é\n")
        )
    if chance.percent(10):
        meta["finalizers"] = ["example.com/hold"]
    if chance.percent(10):
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u-1"}
        meta["ownerReferences"] = [owner]


def everything(value_: Any, found: list[tuple[Any, Any]] | None = None) -> list[tuple[Any, Any]]:
    """All places of a JSON value, as parent and key."""
    found = [] if found is None else found
    for key in value_ if isinstance(value_, dict) else range(len(value_)):
        found.append((value_, key))
        if isinstance(value_[key], (dict, list)):
            everything(value_[key], found)
    return found


def damage(chance: Chance, obj: Obj) -> None:
    """Break something, somewhere."""
    found = everything(obj)
    if not found:
        return
    parent, key = chance.pick(found)
    how = chance.below(8)
    if how == 0:
        del parent[key]
    elif how == 1:
        parent[key] = None
    elif how == 2:
        parent[key] = chance.pick(WEIRD)
    elif how == 3 and isinstance(parent, dict):
        parent[chance.pick(NAMES_OF_NOBODY)] = copy.deepcopy(chance.pick(ODD))
    elif how == 4 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    elif how == 5 and isinstance(parent, dict):
        parent[chance.pick(WEIRD)] = parent.pop(key)
    elif how == 6:
        parent[key] = deep(chance.pick((3, 50, 400)), parent[key])
    else:
        parent[key] = copy.deepcopy(chance.pick(ODD))


def deep(depth: int, leaf: Any) -> Any:
    for at in range(depth):
        leaf = [leaf] if at % 2 else {"a": leaf}
    return leaf


def damaged(chance: Chance, row: Resource) -> Obj:
    """An object that is most likely wrong."""
    obj = lively(chance, row) if chance.percent(50) else copy.deepcopy(chance.pick(samples(row)))
    for _ in range(chance.pick((1, 1, 2, 4))):
        damage(chance, obj)
    return obj


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def pruned(value: Any) -> Any:
    """Without what is empty or zero: a server keeps none of that, but who applied it owns it."""
    if isinstance(value, dict):
        parts = {key: pruned(item) for key, item in value.items()}
        return {key: item for key, item in parts.items() if item or key == "metadata"}
    if isinstance(value, list):
        return [pruned(item) for item in value]
    return value
