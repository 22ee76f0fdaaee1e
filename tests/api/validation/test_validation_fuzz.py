"""Whatever the decoder lets through, validation answers with errors and never raises.

Right samples are damaged: fields go missing, become empty, or get values that other fields have.
"""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api import decode, defaults, resources, schema, validation
from miniplane.api.errors import StatusError

SAMPLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("samples.yaml").read_text())
PARTS = ("", "status", "finalize", "ephemeralcontainers", "resize", "approval")
WORDS = (
    "|a|A_b|a.b/c|*|/|..|10.0.0.1|::1|1.2.3.4/24|0|5%|-1|v1|apps/v1|Always|In|Exists|NoSchedule|"
    "kubernetes.io/x|a b|é|\n|TCP|None|OnDelete|spec.nodeName|metadata.labels['a']|limits.cpu|"
    "https://a/b|* * * * *|UTC|cpu|memory|storage|hugepages-2Mi|pods|object|array|map|set|Pod|"
    "2026-01-01T00:00:00Z|Indexed|Utilization|1Gi|100m|1e3|9223372036854775808|" + "x" * 300
).split("|")
NUMBERS = (0, 1, -1, 5, 100, 70000, 2147483647)
AMOUNTS = ("0", "1", "100m", "-1", "1Gi", "1e3", "0.0001", "9223372036854775807")


def value_of(chance: random.Random, node: Any, depth: int) -> Any:
    """Some value of a field's type, as the published schema has it."""
    if node.kind == "scalar":
        choices = {
            "integer": NUMBERS,
            "number": (0, 1.5, -1),
            "boolean": (True, False),
            "int-or-string": (0, 1, -1, "50%", "x", "", "200%"),
            "quantity": AMOUNTS,
            "time": ("2026-01-01T00:00:00Z", None),
            "microtime": ("2026-01-01T00:00:00.000000Z", None),
            "bytes": ("", "YQ==", "e30="),
        }
        return chance.choice(choices.get(node.scalar, WORDS))
    if node.kind == "any":
        anything: tuple[Any, ...] = (None, {}, {"a": 1}, [], "x", 1, True, {"type": "object"})
        return copy.deepcopy(chance.choice(anything))
    if node.kind == "list":
        count = chance.choice((0, 1, 1, 2)) if depth else 0
        return [value_of(chance, node.item, depth - 1) for _ in range(count)]
    if node.kind == "map":
        count = chance.choice((0, 1, 2)) if depth else 0
        return {chance.choice(WORDS): value_of(chance, node.item, depth - 1) for _ in range(count)}
    if not depth:
        return {}
    share = chance.choice((0.15, 0.35, 0.6))
    return {
        name: value_of(chance, node.fields[name], depth - 1)
        for name in node.fields
        if chance.random() < share
    }


def places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            found.append((value, key))
            places(value[key], found)
    return found


def damage(chance: random.Random, obj: dict[str, Any]) -> None:
    found = places(obj, [])
    if not found:
        return
    parent, key = chance.choice(found)
    value, how = parent[key], chance.random()
    if how < 0.3:
        del parent[key]
    elif how < 0.45 and isinstance(parent, list):
        parent.append(copy.deepcopy(value))
    elif how < 0.5:
        parent[key] = None
    elif isinstance(value, bool):
        parent[key] = not value
    elif isinstance(value, int):
        parent[key] = chance.choice((*NUMBERS, value + 1, "x", "5%", "200%"))
    elif isinstance(value, str):
        parent[key] = chance.choice((*WORDS, *AMOUNTS, value + "x", value.upper()))
    elif isinstance(value, list) or how < 0.7:
        parent[key] = type(value)()
    elif isinstance(value, dict):
        value[chance.choice(WORDS)] = chance.choice(("a", 1))


def check(resource: resources.Resource, raw: dict[str, Any], other: dict[str, Any]) -> None:
    both = []
    for obj in (raw, other):
        obj |= {"apiVersion": resource.api_version, "kind": resource.kind}
        try:
            decoded, _ = decode.decode(resource.definition, obj)
        except StatusError:
            return
        defaults.apply(resource, decoded)
        both.append(decoded)
    new, old = both
    before = copy.deepcopy(both)
    errors = validation.create(resource, new)
    for part in PARTS:
        errors += validation.update(resource, new, old, subresource=part)
    errors += validation.scale(new) + validation.binding(new) + validation.token_request(new)
    if resource.plural == "pods":
        validation.quality_of_service(new.get("spec") or {})
    assert both == before, "validation must not change what it looks at"
    for error in errors:
        assert error.reason.startswith("FieldValue")
        assert str(error)


@pytest.mark.parametrize("resource", resources.RESOURCES, ids=repr)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_objects_of_chance(resource, seed):
    chance = random.Random(seed)
    node = schema.node(resource.definition)
    depth = chance.choice((4, 6, 9))
    check(resource, value_of(chance, node, depth), value_of(chance, node, depth))


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_damaged_samples(seed):
    chance = random.Random(seed)
    sample = SAMPLES[chance.choice(sorted(SAMPLES))]
    resource = resources.of_kind(sample["apiVersion"], sample["kind"])
    assert resource is not None
    pair = copy.deepcopy(sample), copy.deepcopy(sample)
    for obj in pair:
        for _ in range(chance.choice((0, 1, 2, 3, 8))):
            damage(chance, obj)
    check(resource, *pair)


@pytest.mark.parametrize("resource", resources.RESOURCES, ids=repr)
@pytest.mark.parametrize(
    "empty", [{}, {"metadata": {}}, {"metadata": {}, "spec": {}, "status": {}}]
)
def test_empty_objects(resource, empty):
    """As they come without the decoder's zeros and without defaults."""
    validation.create(resource, empty)
    for part in PARTS:
        validation.update(resource, empty, {}, subresource=part)
        validation.update(resource, {}, empty, subresource=part)
