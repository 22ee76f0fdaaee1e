"""Values with a type: what apply needs to know of a schema, made once for each of its nodes.

A `Type` answers for values at one place of a schema:

- `fields(value)` every leaf field and item that a value mentions (`typed.ToFieldSet`), checked
  against the schema (`typed.Validate`): Mismatch for a value that does not fit, for which
  `problems` then finds the words
- `merge(old, new)` the fields of `new` over those of `old` (`typed.Merge`); `old` itself where that
  changes nothing, and shared parts of both otherwise
- `without(value, gone)` a value without the fields and items in a set (`typed.RemoveItems`)
- `named(found)` a set with the named fields that lead to its members
  (`fieldpath.Set.EnsureNamedFieldsAreMembers`)
- `settled(found)` a set that was written under another schema, in terms of this one: what is atomic
  now is owned as a whole (`typed.ReconcileFieldSetWithSchema`)

Nothing here changes its arguments. Follows structured-merge-diff's package `typed`.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

from miniplane.api import schema
from miniplane.api.fieldset import elements, sets, walk
from miniplane.api.fieldset.lists import merge_lists
from miniplane.api.fieldset.sets import LEAF, FieldSet
from miniplane.api.fieldset.walk import ABSENT, Untrackable
from miniplane.api.schema import Node

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

ANY_SCALAR = frozenset({str, int, float, bool, type(None)})
_ACCEPTS = {
    "string": frozenset({str, type(None)}),
    "bytes": frozenset({str, type(None)}),
    "integer": frozenset({int, float, type(None)}),
    "number": frozenset({int, float, type(None)}),
    "boolean": frozenset({bool, type(None)}),
}


class Mismatch(Exception):
    """A value that does not fit its type."""


class Type:
    """The type of leaves that take any JSON: changed as a whole, never looked into."""

    whole = True
    """Whether nothing below this place is owned by itself, though there may be something."""

    def fields(self, value: Any, *, strict: bool = True) -> FieldSet | None:
        """The members below the place of `value`: LEAF for a leaf, None for none at all.

        With `strict` a list may not hold the same key or member twice.
        """
        return LEAF

    def merge(self, old: Any, new: Any) -> Any:
        return old if same(old, new) else new

    def without(self, value: Any, gone: FieldSet) -> Any:
        return None if isinstance(value, (dict, list)) else value

    def named(self, found: FieldSet) -> FieldSet:
        return found

    def settled(self, found: FieldSet) -> FieldSet:
        return found


def same(a: Any, b: Any) -> bool:
    """Whether two JSON values are equal; for JSON `true` is not 1."""
    if a is b:
        return True
    if a != b:
        return False
    if isinstance(a, dict):
        return all(same(value, b[name]) for name, value in a.items())
    if isinstance(a, list):
        return all(map(same, a, b))
    return isinstance(a, bool) == isinstance(b, bool)


class Scalar(Type):
    """A scalar, of the Python classes that `accepts` lists."""

    whole = False

    def __init__(self, node: Node):
        free = node.scalar == "string" and node.format
        self.name = "" if free else node.scalar
        self.accepts = _ACCEPTS.get(self.name, ANY_SCALAR)

    def fields(self, value: Any, *, strict: bool = True) -> FieldSet | None:
        if value.__class__ not in self.accepts:
            raise Mismatch
        return LEAF

    def without(self, value: Any, gone: FieldSet) -> Any:
        return value


class Free(Type):
    """JSON without a schema in a custom resource: maps field by field, lists as leaves."""

    whole = False

    def fields(self, value: Any, *, strict: bool = True) -> FieldSet | None:
        if value.__class__ is not dict:
            return LEAF
        out: FieldSet = {}
        for name in sorted(value):
            below = self.fields(value[name])
            out["f:" + name] = {".": LEAF, **below} if below else LEAF
        return out or None

    def merge(self, old: Any, new: Any) -> Any:
        if old.__class__ is not dict or not (new.__class__ is dict or new is None):
            return old if same(old, new) else new
        return _merge_maps(old, new, lambda _: self)

    def without(self, value: Any, gone: FieldSet) -> Any:
        if value.__class__ is dict:
            return _map_without(value, gone, lambda _: self)
        return super().without(value, gone)


Classes: TypeAlias = frozenset[Any]


class _Table(dict[str, tuple[str, bool, Classes | None, Type]]):
    """Field name -> its element, whether the schema declares it, the classes of a scalar (else
    None), and its type. Looked up in the schema once for each declared name."""

    __slots__ = ("_node", "_types")

    def __init__(self, node: Node, types: "Types"):
        super().__init__()
        self._node = node
        self._types = types

    def __missing__(self, name: str) -> tuple[str, bool, Classes | None, Type]:
        declared = self._node.fields.get(name)
        if declared is not None:
            return self.declare(name, self._types[declared])
        if self._node.item is not None:
            found = self._types[self._node.item]
        elif self._node.kind == "map" or not self._node.fields:
            found = self._types.untyped
        else:
            raise Mismatch
        return ("f:" + name, False, found.accepts if isinstance(found, Scalar) else None, found)

    def declare(self, name: str, found: Type) -> tuple[str, bool, Classes | None, Type]:
        accepts = found.accepts if isinstance(found, Scalar) else None
        entry = self[name] = ("f:" + name, True, accepts, found)
        return entry


class Fields(Type):
    """A map or an object. An atomic one is checked, but a leaf for everything else."""

    def __init__(self, node: Node, types: "Types"):
        self.whole = node.map_type == "atomic"
        self.table = _Table(node, types)
        self._places: dict[str, Type | None] = {}

    def of(self, name: str) -> Type:
        """The type of a field's values; Mismatch where there may be no such field."""
        return self.table[name][3]

    def fields(self, value: Any, *, strict: bool = True) -> FieldSet | None:
        if value is None:
            return LEAF if self.whole else None
        if value.__class__ is not dict:
            raise Mismatch
        out: FieldSet = {}
        table = self.table
        for name in sorted(value):
            item = value[name]
            element, declared, accepts, below = table[name]
            if accepts is not None:
                if item.__class__ not in accepts:
                    raise Mismatch
                out[element] = LEAF
                continue
            if item is None:
                out[element] = LEAF
                continue
            found = below.fields(item, strict=strict)
            if found is None:
                if not declared or item == {}:
                    out[element] = LEAF
            elif found and not declared:
                out[element] = {".": LEAF, **found}
            else:
                out[element] = found
        return LEAF if self.whole else out or None

    def merge(self, old: Any, new: Any) -> Any:
        if self.whole:
            return old if old == new else new
        return _merge_maps(old, new, self.of)

    def without(self, value: Any, gone: FieldSet) -> Any:
        if self.whole or value.__class__ is not dict:
            return None
        return _map_without(value, gone, self.of)

    def named(self, found: FieldSet) -> FieldSet:
        out: FieldSet = {}
        for element, node in found.items():
            if node and element[0] == "f":
                try:
                    _, declared, _, below = self.table[element[2:]]
                except Mismatch:
                    out[element] = node
                    continue
                node = below.named(node)
                if declared and "." not in node:
                    node = {".": LEAF, **node}
            out[element] = node
        return out

    def settled(self, found: FieldSet) -> FieldSet:
        out: FieldSet | None = None
        for element, node in found.items():
            if not node:
                continue
            below = self._place(element)
            if below is None:
                continue
            settled = LEAF if below.whole else below.settled(node)
            if settled is not node:
                out = found.copy() if out is None else out
                out[element] = settled
        return found if out is None else out

    def _place(self, element: str) -> Type | None:
        """The type below an element of a set, None where nothing is to be settled there."""
        try:
            return self._places[element]
        except KeyError:
            pass
        try:
            found = self.of(element[2:]) if element[0] == "f" else None
        except Mismatch:
            return None
        if isinstance(found, Scalar):
            found = None
        if element[2:] in self.table:
            self._places[element] = found
        return found


def _merge_maps(old: Any, new: Any, type_of: Callable[[str], Type]) -> Any:
    if not new:
        return old if old else new
    if not old or old.__class__ is not dict:
        return new
    out: dict[str, Any] | None = None
    for name, value in new.items():
        before = old.get(name, ABSENT)
        if before is value:
            continue
        if before is not ABSENT:
            value = type_of(name).merge(before, value)
            if value is before:
                continue
        if out is None:
            out = old.copy()
        out[name] = value
    return old if out is None else out


def _map_without(value: dict[str, Any], gone: FieldSet, type_of: Callable[[str], Type]) -> Any:
    """None for a map of which nothing is left, as for an empty one."""
    out: dict[str, Any] = {}
    for name, item in value.items():
        node = gone.get("f:" + name)
        if node is None:
            out[name] = item
        elif node and "." not in node:
            out[name] = type_of(name).without(item, node)
    return out or None


class Items(Type):
    """A list. An atomic one is checked, but a leaf for everything else."""

    def __init__(self, node: Node, types: "Types"):
        assert node.item is not None
        self.whole = node.list_type == "atomic"
        self.item = types[node.item]
        self.keys = node.list_keys if node.list_type == "map" else ()
        self.element: Callable[[Any], str] = walk.item_elements(node) if self.keys else set_element

    def fields(self, value: Any, *, strict: bool = True) -> FieldSet | None:
        if value.__class__ is not list:
            if value is None:
                return LEAF if self.whole else None
            raise Mismatch
        below = self.item.fields
        if self.whole:
            for item in value:
                below(item, strict=strict)
            return LEAF
        out: FieldSet = {}
        doubled: dict[str, None] = {}
        try:
            for item in value:
                element = self.element(item)
                found = below(item, strict=strict)
                if element in out:
                    doubled[element] = None
                out[element] = {".": LEAF, **found} if found else LEAF
        except Untrackable:
            raise Mismatch from None
        if doubled:
            if strict:
                raise Mismatch
            out.update(dict.fromkeys(doubled, LEAF))
        return (sets.in_order(out) if len(out) > 1 else out) or None

    def merge(self, old: Any, new: Any) -> Any:
        if self.whole:
            return old if old == new else new
        if not new:
            return old if old else new
        if not old or old.__class__ is not list:
            return new
        return merge_lists(old, new, element=self.element, merge=self.item.merge)

    def without(self, value: Any, gone: FieldSet) -> Any:
        if self.whole or value.__class__ is not list:
            return None
        out = []
        for item in value:
            node = gone.get(self.element(item))
            if node is None:
                out.append(item)
            elif node and "." not in node:
                out.append(self.item.without(item, node))
        return out or None

    def named(self, found: FieldSet) -> FieldSet:
        if not self.keys:
            return found
        below = self.item.named
        return {e: below(node) if node and e[0] == "k" else node for e, node in found.items()}

    def settled(self, found: FieldSet) -> FieldSet:
        out: FieldSet | None = None
        for element, node in found.items():
            if not node or element == ".":
                continue
            settled = LEAF if self.item.whole else self.item.settled(node)
            if settled is not node:
                out = found.copy() if out is None else out
                out[element] = settled
        return found if out is None else out


def set_element(item: Any) -> str:
    """The element of a set's item. Untrackable for what cannot be in a set."""
    if item is None or isinstance(item, (dict, list)):
        raise Untrackable
    return elements.value(item)


class Types(dict[Node, Type]):
    """Makes the types of nodes when they are first met.

    `custom` types are those of custom resources, in which untyped JSON is owned field by field.
    """

    def __init__(self, *, custom: bool = False):
        super().__init__()
        self.untyped: Type = Free() if custom else Type()

    def __missing__(self, node: Node) -> Type:
        made: Type
        if node.kind in ("object", "map"):
            made = Fields(node, self)
        elif node.kind == "list" and node.item is not None:
            made = Items(node, self)
        elif node.kind == "scalar":
            made = Scalar(node)
        else:
            made = self.untyped
        self[node] = made
        return made


_builtin = Types()


@functools.cache
def builtin(definition: str) -> Type:
    """The type of the objects of a served kind."""
    return _builtin[schema.node(definition)]


@functools.lru_cache(maxsize=256)
def custom(root: Node) -> Type:
    """The type of custom resources with this schema, which need not declare what every object
    has."""
    types = Types(custom=True)
    made = Fields(root, types)
    text = Scalar(Node("scalar", scalar="string"))
    made.table.declare("apiVersion", text)
    made.table.declare("kind", text)
    made.table.declare("metadata", _builtin[schema.node(_OBJECT_META)])
    return made
