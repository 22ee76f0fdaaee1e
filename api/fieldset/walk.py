"""Comparison of two objects, as sets of the paths that differ: compiled once for each schema node.

Follows structured-merge-diff's `typed.Compare`. A *leaf* is a scalar, or a list or map that the
schema calls atomic, or untyped JSON. What is added or removed is listed with everything in it, each
field and each item by its own path; of what is there on both sides only the leaves that differ are
listed. Null and empty lists and maps are leaves too.

`Shape.paths(value)` gives the node of a set for a value that is on one side only, and
`Shape.diff(old, new)` two nodes (or None) for values that are not equal: what the new one adds or
changes, and what it has no more. A Shape without them is that of a leaf. Nodes are those of
`sets`; they are new or `LEAF`, so what is returned may be shared.
"""

from collections.abc import Callable
from typing import Any

from miniplane.api.fieldset import elements, sets
from miniplane.api.fieldset.sets import LEAF, FieldSet
from miniplane.api.schema import Node

Paths = Callable[[Any], FieldSet]
Diff = Callable[[Any, Any], tuple[FieldSet | None, FieldSet | None]]

ABSENT: Any = object()
CHANGED: tuple[FieldSet | None, FieldSet | None] = (LEAF, None)
"""What `diff` says of a leaf that differs."""


class Untrackable(Exception):
    """A value that does not fit its schema, such as a list item without any of the list's keys."""


class Shape:
    """How values at one place of a schema are compared. Leaves have neither function."""

    __slots__ = ("diff", "paths")

    def __init__(self, paths: Paths | None = None, diff: Diff | None = None):
        self.paths = paths
        self.diff = diff


class Shapes(dict[Node, Shape]):
    """Compiles nodes when they are first met. `untyped` stands for JSON without a schema."""

    def __init__(self, *, granular_json: bool = False):
        super().__init__()
        self.untyped = Shape()
        if granular_json:
            self.untyped = Shape(*_deduced())

    def __missing__(self, node: Node) -> Shape:
        shape = self[node] = Shape()
        if node.kind == "any":
            shape.paths, shape.diff = self.untyped.paths, self.untyped.diff
        elif node.kind in ("object", "map"):
            if node.map_type != "atomic":
                shape.paths, shape.diff = fields(node, self)
        elif node.kind == "list" and node.item is not None:
            if node.list_type == "map":
                shape.paths, shape.diff = _keyed_list(node, self)
            elif node.list_type == "set":
                shape.paths, shape.diff = _set_list()
        return shape


class _Fields(dict[str, tuple[str, Paths | None, Diff | None]]):
    """Field name -> its element and functions, looked up in the schema once for each name."""

    __slots__ = ("_node", "_shapes")

    def __init__(self, node: Node, shapes: Shapes):
        super().__init__()
        self._node = node
        self._shapes = shapes

    def __missing__(self, name: str) -> tuple[str, Paths | None, Diff | None]:
        node = self._node.fields.get(name) or self._node.item
        shape = self._shapes[node] if node is not None else self._shapes.untyped
        entry = ("f:" + name, shape.paths, shape.diff)
        if name in self._node.fields:
            self[name] = entry
        return entry


def root_table(node: Node, shapes: Shapes) -> dict[str, tuple[str, Paths | None, Diff | None]]:
    """The top-level fields of an object: name -> element and functions."""
    return _Fields(node, shapes)


def fields(node: Node, shapes: Shapes, skip: frozenset[str] = frozenset()) -> tuple[Paths, Diff]:
    """The functions of a map or an object whose fields are owned one by one, but for `skip`."""
    table: dict[str, tuple[str, Paths | None, Diff | None]] = _Fields(node, shapes)

    def paths(value: Any) -> FieldSet:
        if not value:
            return LEAF
        if value.__class__ is not dict:
            raise Untrackable
        out: FieldSet = {".": LEAF}
        for name in sorted(value):
            if name in skip:
                continue
            element, below, _ = table[name]
            out[element] = LEAF if below is None else below(value[name])
        return out

    def diff(old: Any, new: Any) -> tuple[FieldSet | None, FieldSet | None]:
        if not old:
            if not new:
                return CHANGED
            return _below(paths(new)), None
        if not new:
            return None, _below(paths(old))
        if old.__class__ is not dict or new.__class__ is not dict:
            raise Untrackable
        own: FieldSet | None = None
        gone: FieldSet | None = None
        common = 0
        for name, value in new.items():
            before = old.get(name, ABSENT)
            if before is ABSENT:
                if name in skip:
                    continue
                if own is None:
                    own = {}
                element, below, _ = table[name]
                own[element] = LEAF if below is None else below(value)
                continue
            common += 1
            if before is value or name in skip or before == value:
                continue
            element, _, compare = table[name]
            more, less = CHANGED if compare is None else compare(before, value)
            if more is not None:
                if own is None:
                    own = {}
                own[element] = more
            if less is not None:
                if gone is None:
                    gone = {}
                gone[element] = less
        if common < len(old):
            for name, value in old.items():
                if name not in new and name not in skip:
                    if gone is None:
                        gone = {}
                    element, below, _ = table[name]
                    gone[element] = LEAF if below is None else below(value)
        if own is not None and len(own) > 1:
            own = {element: own[element] for element in sorted(own)}
        return own, gone

    return paths, diff


def _below(node: FieldSet) -> FieldSet | None:
    """What `paths` found, without the place itself."""
    node.pop(".", None)
    return node or None


def _deduced() -> tuple[Paths, Diff]:
    """The functions of JSON without a schema: maps field by field, lists as leaves."""
    free = Node("map")
    free.item = Node("any")
    shapes: Any = {free.item: Shape()}
    map_paths, map_diff = fields(free, shapes)

    def paths(value: Any) -> FieldSet:
        return map_paths(value) if isinstance(value, dict) else LEAF

    def diff(old: Any, new: Any) -> tuple[FieldSet | None, FieldSet | None]:
        if isinstance(old, dict) and isinstance(new, dict):
            return map_diff(old, new)
        if old is None and new and isinstance(new, dict):
            return _below(paths(new)), None
        if new is None and old and isinstance(old, dict):
            return None, _below(paths(old))
        if isinstance(old, dict) or isinstance(new, dict):
            return paths(new), _below(dict(paths(old)))
        return CHANGED

    shapes[free.item].paths, shapes[free.item].diff = paths, diff
    return paths, diff


def _set_list() -> tuple[Paths, Diff]:
    def paths(value: Any) -> FieldSet:
        if not value:
            return LEAF
        return {".": LEAF, **dict.fromkeys(_members(value), LEAF)}

    def diff(old: Any, new: Any) -> tuple[FieldSet | None, FieldSet | None]:
        before = _members(old or ())
        after = _members(new or ())
        if not before and not after:
            return CHANGED
        own = {e: LEAF for e, times in after.items() if before.get(e) != times}
        gone = {e: LEAF for e in before if e not in after}
        return own or None, gone or None

    return paths, diff


def _members(items: Any) -> dict[str, int]:
    """The elements of a set's items, in order, with how often each is there."""
    if isinstance(items, (str, dict)):
        raise Untrackable
    counted: dict[str, int] = {}
    for item in items:
        if item is None or isinstance(item, (dict, list)):
            raise Untrackable
        element = elements.value(item)
        counted[element] = counted.get(element, 0) + 1
    return sets.in_order(counted) if len(counted) > 1 else counted


def _keyed_list(node: Node, shapes: Shapes) -> tuple[Paths, Diff]:
    assert node.item is not None
    indexed = _indexer(node, node.item)
    item_shape = shapes[node.item]

    def paths(value: Any) -> FieldSet:
        if not value:
            return LEAF
        below = item_shape.paths
        out: FieldSet = {".": LEAF}
        for element, items in indexed(value).items():
            out[element] = LEAF if below is None or items.__class__ is list else below(items)
        return out

    def diff(old: Any, new: Any) -> tuple[FieldSet | None, FieldSet | None]:
        before, after = indexed(old or ()), indexed(new or ())
        if not before and not after:
            return CHANGED
        below, compare = item_shape.paths, item_shape.diff
        own: FieldSet = {}
        gone: FieldSet = {}
        for element, item in after.items():
            was = before.get(element, ABSENT)
            if was is ABSENT:
                own[element] = LEAF if below is None or item.__class__ is list else below(item)
            elif was is item or was == item:
                continue
            elif was.__class__ is list or item.__class__ is list:
                _repeated(element, was, item, below, own, gone)
            elif compare is None:
                own[element] = LEAF
            else:
                more, less = compare(was, item)
                if more is not None:
                    own[element] = more
                if less is not None:
                    gone[element] = less
        for element, item in before.items():
            if element not in after:
                gone[element] = LEAF if below is None or item.__class__ is list else below(item)
        return own or None, gone or None

    return paths, diff


def _repeated(
    element: str, was: Any, item: Any, below: Paths | None, own: FieldSet, gone: FieldSet
) -> None:
    """Items that share their key with others count as one leaf."""
    if item.__class__ is not list:
        own[element] = LEAF if below is None else below(item)
        return
    own[element] = LEAF
    if was.__class__ is not list:
        gone[element] = LEAF if below is None else below(was)


def item_elements(node: Node) -> Callable[[Any], str]:
    """A function from an item of a keyed list to its element; Untrackable for one without keys.

    A key that an item leaves out has the default that the schema publishes for it.
    """
    assert node.item is not None
    names = sorted(node.list_keys)
    defaults = [getattr(node.item.fields.get(name), "default", None) for name in names]
    heads = [f"{elements.quote(name)}:" for name in names]
    columns = list(zip(names, heads, defaults, strict=True))
    quote = elements.quote

    def element_of(item: Any) -> str:
        if item.__class__ is not dict:
            raise Untrackable
        parts = []
        for name, head, default in columns:
            found = item.get(name, default)
            if found is None:
                continue
            text = quote(found) if found.__class__ is str else elements.literal(found)
            parts.append(head + text)
        if not parts:
            raise Untrackable
        return "k:{" + ",".join(parts) + "}"

    if len(names) > 1 or defaults[0] is not None:
        return element_of
    name, head = names[0], "k:{" + heads[0]

    def element_of_named(item: Any) -> str:
        try:
            found = item[name]
        except (KeyError, TypeError):
            return element_of(item)
        return f"{head}{quote(found)}}}" if found.__class__ is str else element_of(item)

    return element_of_named


def _indexer(node: Node, item_node: Node) -> Callable[[Any], dict[str, Any]]:
    """A function from a list to its items by element, in order; repeated ones as a list."""
    element_of = item_elements(node)
    quote = elements.quote
    only = node.list_keys[0] if len(node.list_keys) == 1 else ""
    if only and getattr(item_node.fields.get(only), "default", None) is not None:
        only = ""
    only_head = "k:{" + f"{quote(only)}:" if only else ""

    def indexed(items: Any) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for item in items:
            try:
                value = item[only]
            except (KeyError, TypeError):
                element = element_of(item)
            else:
                if value.__class__ is str:
                    element = f"{only_head}{quote(value)}}}"
                else:
                    element = element_of(item)
            if element in out:
                others = out[element]
                out[element] = [*others, item] if others.__class__ is list else [others, item]
            else:
                out[element] = item
        return sets.in_order(out) if len(out) > 1 else out

    return indexed
