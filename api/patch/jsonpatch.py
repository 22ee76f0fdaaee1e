"""JSON patch (RFC 6902) with the API server's habits.

Follows the library that the server uses (github.com/evanphx/json-patch, version 4) where it departs
from the RFC: `replace` of a member that is missing adds it, negative indices count from the end, a
value that is left out is null, a path need not begin with a slash, and equality of numbers in
`test` is by notation (1 is not 1.0).

>>> json_patch({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}])
{'a': [1, 2, 3]}
"""

import re
from typing import Any

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.api.patch import gotext
from miniplane.api.patch.failures import guarded, not_of_type, rejected, undecodable

MAX_OPERATIONS = 10_000
"""Longer patches are refused."""

MAX_COPIED_BYTES = 3 * 1024 * 1024
"""How much JSON the `copy` operations of one patch may add to the document."""

_MEMBERS = ("op", "path", "from", "value")
_INDEX = re.compile(r"[+-]?[0-9]{1,18}\Z", re.ASCII)
_NOT_AN_OBJECT = (
    "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of "
    'type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)


class _Failed(Exception):
    """An operation does not apply. The server does not tell clients which one or why."""


def json_patch(doc: Obj, ops: Any, *, field_validation: str = "Warn") -> Obj:
    """`doc` after the operations `ops`, all or none of them.

    StatusError 400 for operations of the wrong shape (worded by `field_validation`, as the server
    reads them differently under `Ignore`), 413 for more than `MAX_OPERATIONS`, and 422 when an
    operation does not apply, a `test` fails, or the result is not an object.
    """
    return guarded(_json_patch, doc, ops, field_validation)


def unknown_members(ops: Any) -> list[str]:
    """What strict field validation says of members that operations do not have."""
    found = []
    for i, op in enumerate(ops if isinstance(ops, list) else ()):
        for name in op if isinstance(op, dict) else ():
            if name not in _MEMBERS:
                found.append(f'json patch unknown field "[{i}].{name}"')
    return found


def _json_patch(doc: Obj, ops: Any, field_validation: str) -> Obj:
    if ops is None:
        ops = []
    if field_validation == "Ignore":
        _check_lenient(ops)
    else:
        _check(ops)
    if len(ops) > MAX_OPERATIONS:
        limit = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, "
        message = f"Request entity too large: {limit}got {len(ops)}"
        raise errors.StatusError(413, "RequestEntityTooLarge", message)
    run = _Run(doc)
    try:
        for op in ops:
            run.apply(op or {})
    except _Failed:
        raise rejected() from None
    if not isinstance(run.doc, dict):
        raise undecodable(run.doc, _NOT_AN_OBJECT)
    return run.doc


def _check(ops: Any) -> None:
    why = None
    if not isinstance(ops, list):
        why = not_of_type(ops, "[]handlers.jsonPatchOp")
    else:
        why = next((w for op in ops if (w := _misshapen(op))), None)
    if why:
        raise errors.bad_request(f"error decoding patch: {why}")


def _misshapen(op: Any) -> str | None:
    if op is None:
        return None
    if not isinstance(op, dict):
        return not_of_type(op, "handlers.jsonPatchOp")
    for name, value in op.items():
        if name in ("op", "path", "from") and not isinstance(value, (str, type(None))):
            kind = gotext.json_kind(value)
            return (
                f"json: cannot unmarshal {kind} into Go struct field jsonPatchOp.{name} "
                "of type string"
            )
    return None


def _check_lenient(ops: Any) -> None:
    if not isinstance(ops, list):
        raise errors.bad_request(not_of_type(ops, "jsonpatch.Patch"))
    for op in ops:
        if op is not None and not isinstance(op, dict):
            raise errors.bad_request(not_of_type(op, "jsonpatch.Operation"))


class _Run:
    """One application of a patch: the document so far and what may be written in place.

    Containers are copied when they are first written to. `_own` holds those copies by identity
    (and keeps them alive, so that an identity is never used again); a `copy` operation puts one
    container in two places and therefore gives up all of them.
    """

    def __init__(self, doc: Any):
        self.doc = doc
        self._own: dict[int, Any] = {}
        self._copied = 0

    def apply(self, op: dict[str, Any]) -> None:
        match op.get("op"):
            case "add":
                self._add(_pointer(op, "path"), op.get("value"))
            case "remove":
                self._remove(_pointer(op, "path"))
            case "replace":
                self._replace(_pointer(op, "path"), op)
            case "move":
                source = _pointer(op, "from")
                value = _get(self._parent(source), source[-1])
                self._remove(source)
                self._add(_pointer(op, "path"), value)
            case "test":
                self._test(op)
            case "copy":
                source = _pointer(op, "from")
                value = _get(self._parent(source), source[-1])
                path = _pointer(op, "path")
                self._parent(path)
                self._account_for(value)
                self._add(path, value)
            case _:
                raise _Failed

    def _add(self, path: list[str], value: Any) -> None:
        parent, key = self._writable_parent(path), path[-1]
        if isinstance(parent, dict):
            parent[key] = value
        elif key == "-":
            parent.append(value)
        else:
            parent.insert(_index(key, len(parent) + 1), value)

    def _remove(self, path: list[str]) -> None:
        parent, key = self._writable_parent(path), path[-1]
        if isinstance(parent, list):
            del parent[_index(key, len(parent))]
        elif key in parent:
            del parent[key]
        else:
            raise _Failed

    def _replace(self, path: list[str], op: dict[str, Any]) -> None:
        value = op.get("value")
        if op.get("path") == "":
            if not isinstance(value, (dict, list)):
                raise _Failed
            self.doc = value
            return
        parent, key = self._writable_parent(path), path[-1]
        if isinstance(parent, dict):
            parent[key] = value
        else:
            parent[_index(key, len(parent))] = value

    def _test(self, op: dict[str, Any]) -> None:
        path = _pointer(op, "path")
        found = self.doc if op["path"] == "" else _get(self._parent(path), path[-1])
        if not same(found, op.get("value")):
            raise _Failed

    def _account_for(self, value: Any) -> None:
        self._copied += len(gotext.compact_json(value))
        if self._copied > MAX_COPIED_BYTES:
            raise _Failed
        if isinstance(value, (dict, list)):
            self._own.clear()

    def _parent(self, path: list[str]) -> Any:
        if not path:
            raise _Failed
        at = self.doc
        for key in path[:-1]:
            at = _get(at, key)
            if not isinstance(at, (dict, list)):
                raise _Failed
        return at

    def _writable_parent(self, path: list[str]) -> Any:
        if not path:
            raise _Failed
        at = self.doc = self._owned(self.doc)
        for key in path[:-1]:
            below = _get(at, key)
            if not isinstance(below, (dict, list)):
                raise _Failed
            own = self._owned(below)
            if own is not below:
                at[key if isinstance(at, dict) else _index(key, len(at))] = own
            at = own
        return at

    def _owned(self, container: Any) -> Any:
        if id(container) in self._own:
            return container
        copy = container.copy()
        self._own[id(copy)] = copy
        return copy


def _pointer(op: dict[str, Any], member: str) -> list[str]:
    """The keys of a JSON pointer; empty for one without a slash, which names no member."""
    path = op.get(member)
    if not isinstance(path, str):
        raise _Failed
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _get(container: Any, key: str) -> Any:
    """A member, None where a map does not have it."""
    if isinstance(container, dict):
        return container.get(key)
    return container[_index(key, len(container))]


def _index(key: str, size: int) -> int:
    if not _INDEX.match(key):
        raise _Failed
    index = int(key)
    if not -size <= index < size:
        raise _Failed
    return index + size if index < 0 else index


def same(a: Any, b: Any) -> bool:
    """Equality of JSON values, where 1, 1.0 and true are three different values."""
    if a.__class__ is not b.__class__:
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(k in b and same(v, b[k]) for k, v in a.items())
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b
