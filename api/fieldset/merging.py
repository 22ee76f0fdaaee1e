"""A configuration put over an object without anybody coming to own anything.

What admission policies do. After `pkg/admission/plugin/policy/mutating/patch/smd.go` of apiserver.
"""

from collections.abc import Iterator
from typing import Any

from miniplane.api.fieldset import problems, typed
from miniplane.api.fieldset.typed import Fields, Items, Mismatch, Type
from miniplane.api.objects import Obj
from miniplane.api.schema import Node


class Atomic(Exception):
    """A configuration that would replace something that is only ever changed as a whole."""


def merged(definition: str | Node, live: Obj, config: Obj) -> Obj:
    """`config` over `live`, both of the kind. Shares parts of both.

    ValueError for a configuration that does not fit the schema, Atomic.
    """
    of = typed.builtin(definition) if isinstance(definition, str) else typed.custom(definition)
    try:
        of.fields(config)
    except Mismatch:
        raise ValueError(problems.describe(of, config)) from None
    found = list(_atomics(of, config, ""))
    if found:
        raise Atomic(f"may not mutate atomic arrays, maps or structs: {', '.join(found)}")
    result: Obj = of.merge(live, config)
    return result


def _atomics(of: Type, value: Any, path: str) -> Iterator[str]:
    if isinstance(of, Fields) and isinstance(value, dict):
        if of.whole:
            yield path
        for name in sorted(value):
            yield from _atomics(of.of(name), value[name], f"{path}.{name}")
    elif isinstance(of, Items) and isinstance(value, list):
        if of.whole:
            yield path
        for i, item in enumerate(value):
            yield from _atomics(of.item, item, f"{path}[{i}]")
