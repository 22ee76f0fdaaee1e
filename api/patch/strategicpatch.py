"""Strategic merge patch: maps are merged, lists are merged or replaced as their schema says.

Follows apimachinery's `util/strategicpatch` and the design note "strategic merge patch"
(https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md).
Directives, all of them members of maps in the patch:

- `$patch: replace | delete` on a map; on an item of a merged list also `delete` for the item with
  that key, `replace` for the whole list
- `$retainKeys: [...]`: the map keeps no other keys
- `$setElementOrder/<list>: [...]`: the order of a merged list
- `$deleteFromPrimitiveList/<list>: [...]`: values to take out of a list of scalars

>>> strategic("io.k8s.api.core.v1.ConfigMap", {"data": {"a": "1"}}, {"data": {"b": "2"}})
{'data': {'a': '1', 'b': '2'}}
"""

from typing import Any

from miniplane.api import errors, schema
from miniplane.api.objects import Obj
from miniplane.api.patch import gotext, mergelists
from miniplane.api.patch.failures import guarded, not_of_type, unexpected
from miniplane.api.patch.gotext import MAP_TYPE
from miniplane.api.patch.mergepatch import prune
from miniplane.api.schema import Node

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_PREFIX = "$deleteFromPrimitiveList"
ORDER_PREFIX = "$setElementOrder"

_DROPPED = object()


def strategic(definition: str, doc: Obj, patch: Any) -> Obj:
    """`doc`, an object of the kind `definition`, with `patch` merged in.

    StatusError 400 or 422 for directives that are wrong, and 500 (as the real server does) for
    patches that do not fit the kind's schema, such as list items without their merge key.
    """
    if patch is None:
        return doc
    if not isinstance(patch, dict):
        raise errors.bad_request(not_of_type(patch, MAP_TYPE))
    return guarded(merge_map, schema.node(definition), doc, patch)


def merge_map(node: Node | None, original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """`original` after `patch`; `node` is the schema of both, None where there is none."""
    if DIRECTIVE in patch:
        return _whole_map(patch)
    merged = original.copy()
    patch = patch.copy()
    _retain_keys(merged, patch)
    _set_element_orders(node, merged, patch)
    for key, value in patch.items():
        deletes = key.startswith(DELETE_PREFIX)
        if deletes:
            key = _list_name(key, DELETE_PREFIX, "invalid patch format of primitive list")
        if value is None:
            merged.pop(key, None)
            continue
        current: Any = merged.get(key)
        if current.__class__ is value.__class__:
            if isinstance(value, dict):
                merged[key] = _merge_child(node, key, current, value)
                continue
            if isinstance(value, list):
                merged[key] = _merge_list(list_node(node, key), current, value, deletes=deletes)
                continue
        if deletes:
            continue
        fresh = without_directives(prune(value))
        if fresh is _DROPPED:
            merged.pop(key, None)
        else:
            merged[key] = fresh
    return merged


def _whole_map(patch: dict[str, Any]) -> dict[str, Any]:
    directive = patch[DIRECTIVE]
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    if directive == "delete":
        return {}
    raise unknown_directive(directive, patch)


def unknown_directive(directive: Any, where: dict[str, Any]) -> errors.StatusError:
    verb = gotext.string_verb(directive)
    return unexpected(f"unknown patch type: {verb} in map: {gotext.text(where)}")


def _retain_keys(merged: dict[str, Any], patch: dict[str, Any]) -> None:
    if RETAIN_KEYS not in patch:
        return
    listed = patch.pop(RETAIN_KEYS)
    keep = {k for k in listed if isinstance(k, str)} if isinstance(listed, list) else None
    if keep is None or any(
        key not in keep and value is not None and not key.startswith((DELETE_PREFIX, ORDER_PREFIX))
        for key, value in patch.items()
    ):
        raise errors.bad_request("invalid patch format of retainKeys")
    for key in [key for key in merged if key not in keep]:
        del merged[key]


def _set_element_orders(node: Node | None, merged: dict[str, Any], patch: dict[str, Any]) -> None:
    """Merges the lists that come with an order, and takes them and their orders out of `patch`."""
    for directive in [key for key in patch if key.startswith(ORDER_PREFIX)]:
        order = patch.pop(directive)
        _want_list(order)
        key = _list_name(directive, ORDER_PREFIX, "invalid patch format of setElementOrder list")
        for side in (merged, patch):
            if key in side:
                _want_list(side[key])
        live, wanted = merged.get(key), patch.get(key)
        child = list_node(node, key)
        merge_key = child.patch_merge_key if child else ""
        mergelists.check_order(wanted or [], order, merge_key)
        if live is None and wanted is None:
            continue
        before = live or []
        if live is None:
            together = without_directives(wanted)
        elif wanted is None:
            together = live
        else:
            together = _merge_list(child, live, wanted)
            if child and "merge" in child.patch_strategy:
                before = mergelists.reused(live, wanted, merge_key)
        merged[key] = mergelists.ordered(
            together,
            by=order,
            live=before,
            merge_key=merge_key,
            maps=mergelists.element_class(live or [], wanted or []) is dict,
        )
        patch.pop(key, None)


def _want_list(value: Any) -> None:
    if not isinstance(value, list):
        got = gotext.type_name(value)
        raise unexpected(f"expected a {gotext.LIST_TYPE}, but received a {got}")


def _list_name(directive: str, prefix: str, why: str) -> str:
    head, slash, name = directive.partition("/")
    if not slash or head != prefix:
        raise errors.bad_request(why)
    return name


def _merge_child(
    node: Node | None, key: str, current: dict[str, Any], value: dict[str, Any]
) -> dict[str, Any]:
    child = field_node(node, key)
    if child is not None and "replace" in child.patch_strategy:
        return value
    return merge_map(child, current, value)


def _merge_list(
    node: Node | None, live: list[Any], patch: list[Any], *, deletes: bool = False
) -> list[Any]:
    """Two lists merged, or the patch's where the schema does not ask for merging."""
    if not deletes and not (node and "merge" in node.patch_strategy):
        return patch
    if not live and not patch:
        return live
    merge_key = node.patch_merge_key if node else ""
    if mergelists.element_class(live, patch) is not dict:
        if deletes:
            return mergelists.subtract(live, patch)
        merged = mergelists.unique([*live, *patch])
        return mergelists.ordered(merged, by=patch, live=live, merge_key=merge_key, maps=False)
    if not merge_key:
        raise unexpected(f"cannot merge lists without merge key for {_go_kind(node)}")
    live, patch = _item_directives(live, patch, merge_key)
    merged = _merge_items(node.item if node else None, live, patch, merge_key)
    return mergelists.ordered(merged, by=patch, live=live, merge_key=merge_key, maps=True)


def _item_directives(
    live: list[Any], patch: list[Any], merge_key: str
) -> tuple[list[Any], list[Any]]:
    """The live items and the patch's after `$patch: delete` and `$patch: replace` items."""
    plain, gone, replace = [], {}, False
    for item in patch:
        if DIRECTIVE not in item:
            plain.append(item)
            continue
        directive = item[DIRECTIVE]
        if directive == "delete":
            if merge_key not in item:
                raise mergelists.no_merge_key(item, merge_key)
            gone[mergelists.identity(item[merge_key])] = True
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise unexpected("merging lists cannot yet be specified in the patch")
        else:
            raise unknown_directive(directive, item)
    if replace:
        return plain, []
    if gone:
        live = [
            item
            for item in live
            if merge_key not in item or mergelists.identity(item[merge_key]) not in gone
        ]
    return live, plain


def _merge_items(node: Node | None, live: list[Any], patch: list[Any], merge_key: str) -> list[Any]:
    merged = list(live)
    places: dict[Any, int] = {}
    for i, item in enumerate(merged):
        if merge_key in item:
            places.setdefault(mergelists.identity(item[merge_key]), i)
    for item in patch:
        if merge_key not in item:
            raise mergelists.no_merge_key(item, merge_key)
        value = mergelists.identity(item[merge_key])
        place = places.get(value)
        if place is None:
            places[value] = len(merged)
            merged.append(item)
        else:
            merged[place] = merge_map(node, merged[place], item)
    return merged


def without_directives(value: Any) -> Any:
    """`value` without the maps in it that carry `$patch`: what a patch adds where nothing was."""
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return _DROPPED
        kept = {k: without_directives(v) for k, v in value.items()}
        if all(kept[k] is v for k, v in value.items()):
            return value
        return {k: v for k, v in kept.items() if v is not _DROPPED}
    if isinstance(value, list):
        items = [without_directives(item) for item in value]
        if all(a is b for a, b in zip(items, value, strict=True)):
            return value
        return [item for item in items if item is not _DROPPED]
    return value


def field_node(node: Node | None, key: str) -> Node | None:
    """The schema of a member that is a map on both sides. 500 where the kind has no such field."""
    if node is None:
        return None
    if node.kind == "object" or node.kind == "any":
        child = node.fields.get(key)
        if child is None:
            struct = node.name.rpartition(".")[2]
            quoted = f'unable to find api field in struct {struct} for the json field "{key}"'
            raise unexpected(quoted)
        return child
    raise unexpected(
        f"merging an object in json but data type is not struct, instead is: {_go_kind(node)}"
    )


def list_node(node: Node | None, key: str) -> Node | None:
    """The schema of a member that is a list."""
    child = field_node(node, key)
    if child is None:
        return None
    if child.kind != "list":
        raise unexpected(f"expected slice or array type, but got: {_go_kind(node)}")
    if child.item is not None and child.item.kind == "list":
        raise unexpected("unexpected slice of slice")
    return child


def _go_kind(node: Node | None) -> str:
    if node is None or node.kind in ("object", "any") or node.scalar in ("time", "quantity"):
        return "struct"
    return {"map": "map", "list": "slice"}.get(node.kind, node.scalar)
