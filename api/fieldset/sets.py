"""Sets of field paths, and their algebra.

A set is the JSON object that stands in `fieldsV1`: a nested dictionary from path elements to what
is below them. `{}` as a value means that the path itself is a member and nothing below it is; `.`
beside other elements says that a path with members below it is a member too. A set without members
is `{}`. These forms are canonical (no `{".": {}}`, no empty branches), so `==` compares sets.

>>> spec = from_paths([("f:spec",), ("f:spec", "f:replicas")])
>>> spec
{'f:spec': {'.': {}, 'f:replicas': {}}}
>>> difference(spec, {"f:spec": {}})
{'f:spec': {'f:replicas': {}}}

Follows structured-merge-diff's `fieldpath.Set` and its serialization. Nothing here changes its
arguments; results share with them what they have in common, and are the argument itself where the
operation changes nothing. So treat all of them as frozen.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from miniplane.api.fieldset import elements
from miniplane.api.fieldset.elements import Malformed

FieldSet: TypeAlias = dict[str, Any]
Path: TypeAlias = Sequence[str]

LEAF: FieldSet = {}
"""The node of a path that is a member without members below it. Never change it."""


def union(a: FieldSet, b: FieldSet) -> FieldSet:
    """The paths of either set."""
    if not b or a is b:
        return a
    if not a:
        return b
    out: FieldSet | None = None
    grown = False
    for element, theirs in b.items():
        mine = a.get(element)
        if mine is None:
            both = theirs
            grown = True
        else:
            both = _either(mine, theirs)
            if both is mine:
                continue
        if out is None:
            out = a.copy()
        out[element] = both
    if out is None:
        return a
    return in_order(out) if grown else out


def _either(mine: FieldSet, theirs: FieldSet) -> FieldSet:
    if not theirs:
        return mine if not mine or "." in mine else {".": LEAF, **mine}
    if not mine:
        return theirs if "." in theirs else {".": LEAF, **theirs}
    return union(mine, theirs)


def difference(a: FieldSet, b: FieldSet) -> FieldSet:
    """The paths of `a` that are not in `b`. Paths below a member of `b` stay."""
    if not a or not b:
        return a
    out: FieldSet | None = None
    for element, theirs in b.items():
        mine = a.get(element)
        if mine is None:
            continue
        rest = _without(mine, theirs)
        if rest is mine:
            continue
        if out is None:
            out = a.copy()
        if rest is None:
            del out[element]
        else:
            out[element] = rest
    return a if out is None else out


def _without(mine: FieldSet, theirs: FieldSet) -> FieldSet | None:
    """A node after a difference, None when nothing is left of it."""
    if not theirs:
        if not mine:
            return None
        if "." not in mine:
            return mine
        return {element: node for element, node in mine.items() if element != "."}
    if not mine:
        return None if "." in theirs else mine
    return _tidy(difference(mine, theirs))


def _tidy(node: FieldSet) -> FieldSet | None:
    if not node:
        return None
    return LEAF if len(node) == 1 and "." in node else node


def intersection(a: FieldSet, b: FieldSet) -> FieldSet:
    """The paths of both sets."""
    out: FieldSet = {}
    for element, mine in a.items():
        theirs = b.get(element)
        if theirs is None:
            continue
        if not mine or not theirs:
            if (not mine or "." in mine) and (not theirs or "." in theirs):
                out[element] = LEAF
            continue
        both = _tidy(intersection(mine, theirs))
        if both is not None:
            out[element] = both
    return out


def without_prefixes(a: FieldSet, prefixes: FieldSet) -> FieldSet:
    """The paths of `a` that neither are in `prefixes` nor lie below a member of it."""
    out: FieldSet | None = None
    for element, theirs in prefixes.items():
        mine = a.get(element)
        if mine is None:
            continue
        rest: FieldSet | None
        if not theirs or "." in theirs:
            rest = None
        elif not mine:
            continue
        else:
            rest = _tidy(without_prefixes(mine, theirs))
            if rest is mine:
                continue
        if out is None:
            out = a.copy()
        if rest is None:
            del out[element]
        else:
            out[element] = rest
    return a if out is None else out


def only_prefixes(a: FieldSet, patterns: Iterable[Path]) -> FieldSet:
    """The paths of `a` that start like one of `patterns`; `*` in a pattern is any element.

    A path that is itself the start of a pattern stays too.
    """
    kept: FieldSet = {}
    for pattern in patterns:
        kept = union(kept, _matching(a, pattern))
    return kept


def _matching(node: FieldSet, pattern: Path) -> FieldSet:
    if not pattern:
        return node
    first, rest = pattern[0], pattern[1:]
    out: FieldSet = {}
    for element, below in node.items():
        if element == "." or first not in ("*", element):
            continue
        found = _tidy(_matching(below, rest)) if below and rest else below
        if below and "." in below and rest:
            found = _either(found or LEAF, LEAF)
        if found is not None:
            out[element] = found
    return out


def has(a: FieldSet, path: Path) -> bool:
    node = a
    for element in path:
        below = node.get(element)
        if below is None:
            return False
        node = below
    return bool(path) and (not node or "." in node)


def from_paths(paths: Iterable[Path]) -> FieldSet:
    out: FieldSet = {}
    for path in paths:
        node = LEAF
        for element in reversed(path):
            node = {element: node}
        out = union(out, node)
    return out


def paths(a: FieldSet) -> Iterator[tuple[str, ...]]:
    """Every member, parents first."""
    for element, below in a.items():
        if element == ".":
            continue
        if not below or "." in below:
            yield (element,)
        for path in paths(below):
            yield (element, *path)


def in_order(node: FieldSet) -> FieldSet:
    """One level with its elements in order; the very dictionary if they are."""
    names = sorted(node)
    if names and names[-1][0] > "f":  # keys, values or indices, whose order is one of its own
        names.sort(key=elements.order)
    if names == list(node):
        return node
    return {name: node[name] for name in names}


def from_json(document: Any) -> FieldSet:
    """The set that a `fieldsV1` value stands for, in canonical form.

    Unknown kinds of elements are dropped, as the real server drops them. Malformed for anything
    that is no such document.
    """
    try:
        found, _ = _read(document)
    except RecursionError:
        raise Malformed("nested too deep") from None
    return found


def _read(document: Any) -> tuple[FieldSet, bool]:
    """The members below a node, and whether the node is a member itself."""
    if document is None:
        return LEAF, True
    if not isinstance(document, dict):
        raise Malformed(str(document)[:80])
    out: FieldSet = {}
    member = False
    for name, below in document.items():
        if name == ".":
            member = True
            continue
        element = elements.parse(name)
        if element is None:
            continue
        children, is_member = _read(below)
        if not children:
            out[element] = LEAF
        elif is_member:
            out[element] = {".": LEAF, **children}
        else:
            out[element] = children
    return in_order(out), member or not out
