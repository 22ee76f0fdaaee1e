"""What holds of every object that is stored, whoever made it and how."""

import json
from collections.abc import Iterator
from typing import Any

from miniplane.api.resources import Resource
from tests.fuzz import api as http
from tests.fuzz import published
from tests.fuzz.api import Api, Obj
from tests.fuzz.published import Schema, Schemas


def stored(
    api: Api,
    row: Resource,
    path: str,
    *,
    refused: Any = None,
    tracked: bool = True,
    settled: bool = True,
) -> Obj:
    """Hold a stored object against everything that can be said of it; answers the object.

    `refused(obj)` is what the published schema has against it. Not `tracked`: somebody sent
    managed fields of their own, which may say what they like. Not `settled`: a write of a part has
    left what a PUT of the whole would refuse.
    """
    obj = _read(api, path, http.JSON)
    head = obj["apiVersion"], obj["kind"]
    assert head == (row.api_version, row.kind)
    problems = (refused or (lambda found: published.refused(row, found)))(obj)
    assert not problems, f"stored, but the schema refuses it: {problems}\n{api.story()}"
    forms(api, row, path, obj)
    if tracked:
        owners(api, row, obj)
    heads = identities(obj)
    if settled and len(set(heads)) == len(heads):
        again(api, path, obj)
    return obj


def identities(obj: Obj) -> list[tuple[Any, ...]]:
    """By what the entries of managed fields are told apart. A write of a scale may leave the same
    one twice, as in a real server; the next write of the object itself makes one of them."""
    return [
        (e.get("manager"), e["operation"], e["apiVersion"], e.get("subresource", ""))
        for e in obj["metadata"].get("managedFields", [])
    ]


def _read(api: Api, path: str, accept: str, **query: str) -> Any:
    answer = api("GET", path, accept=accept, **query)
    assert answer.status == 200, f"{answer.message}\n{api.story()}"
    return answer.obj


def forms(api: Api, row: Resource, path: str, obj: Obj) -> None:
    """All forms of an object say the same."""
    told = _read(api, path, http.YAML)
    assert _without_times(told) == _without_times(obj), f"YAML\n{api.story()}"
    if row.definition:
        found = _read(api, path, http.PROTOBUF)
        difference = protobuf_differs(obj, found)
        assert not difference, f"protobuf: {difference}\n{api.story()}"
    for version in ("v1", "v1beta1"):
        table = _read(api, path, http.TABLE.format(version))
        width = len(table["columnDefinitions"])
        assert [len(line["cells"]) for line in table["rows"]] == [width], api.story()
        partial = _read(api, path, http.PARTIAL.format(version))
        assert partial["metadata"] == obj["metadata"]
    listed = _read(api, path.rpartition("/")[0], http.TABLE.format("v1"), includeObject="Object")
    assert any(
        line["object"]["metadata"]["name"] == obj["metadata"]["name"] for line in listed["rows"]
    )


def _without_times(value: Any) -> Any:
    """YAML readers make times of text that looks like it; text says the same."""
    return json.loads(json.dumps(value, default=str, sort_keys=True))


def protobuf_differs(value: Any, found: Any, path: str = "") -> str:
    """Where a decoded protobuf message says something else than JSON. Messages hold the zero of
    each plain field, where JSON leaves them out; and cannot tell an empty list from none."""
    if isinstance(value, dict) and isinstance(found, dict):
        for key in dict.fromkeys([*value, *found]):
            below = f"{path}.{key}"
            if key not in found:
                if value[key] not in (None, [], {}) and not _of_embedded(path, key):
                    return f"{below}: {value[key]!r} is not in the message"
            elif key not in value:
                if not _zero(found[key]):
                    return f"{below}: {found[key]!r} is only in the message"
            elif difference := protobuf_differs(value[key], found[key], below):
                return difference
        return ""
    if isinstance(value, list) and isinstance(found, list) and len(value) == len(found):
        pairs = enumerate(zip(value, found, strict=True))
        return next(
            filter(None, (protobuf_differs(a, b, f"{path}[{i}]") for i, (a, b) in pairs)), ""
        )
    return "" if value == found or (not value and _zero(found)) else f"{path}: {value!r}, {found!r}"


def _of_embedded(path: str, key: str) -> bool:
    """Kind and apiVersion of an object within an object: conversion writes them back."""
    return ".volumeClaimTemplates[" in path and key in ("kind", "apiVersion")


def _zero(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_zero, value.values()))
    return value in ("", 0, False, None, "0") or value == []


def again(api: Api, path: str, obj: Obj) -> None:
    """A PUT of what was read changes nothing, in any form."""
    revision = obj["metadata"]["resourceVersion"]
    manager = next(
        (e["manager"] for e in obj["metadata"].get("managedFields", ()) if e.get("manager")), "m"
    )
    for content, body in ((http.JSON, obj), (http.PROTOBUF, None)):
        if body is None:
            answer = api("GET", path, accept=http.PROTOBUF)
            if answer.status == 406:
                continue
            body = answer.body
        answer = api("PUT", path, body, content=content, fieldManager=manager)
        assert answer.status == 200, f"PUT of what was read: {answer.message}\n{api.story()}"
        assert answer.obj["metadata"]["resourceVersion"] == revision, (
            f"PUT of what was read is a change: {difference(obj, answer.obj)}\n{api.story()}"
        )


def difference(one: Any, two: Any, path: str = "") -> list[str]:
    """Where two JSON values differ."""
    if isinstance(one, dict) and isinstance(two, dict):
        out = []
        for key in dict.fromkeys([*one, *two]):
            if key not in one or key not in two:
                out.append(f"{path}.{key}: only in {'the first' if key in one else 'the second'}")
            else:
                out += difference(one[key], two[key], f"{path}.{key}")
        return out
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        return [
            text
            for at, (a, b) in enumerate(zip(one, two, strict=True))
            for text in difference(a, b, f"{path}[{at}]")
        ]
    return [] if one == two and type(one) is type(two) else [f"{path}: {one!r:.300}, {two!r:.300}"]


# -- managed fields

Path = tuple[str, ...]


def parsed(fields: Obj, prefix: Path = ()) -> Iterator[Path]:
    """The paths of a FieldsV1; AssertionError for what is none."""
    for element, below in fields.items():
        assert isinstance(below, dict), fields
        if element == ".":
            assert not below
            yield prefix
            continue
        kind, colon, rest = element.partition(":")
        assert colon and kind in ("f", "k", "v", "i"), element
        if kind == "k":
            assert isinstance(json.loads(rest), dict), element
        elif kind == "v":
            json.loads(rest)
        elif kind == "i":
            int(rest)
        if below:
            yield from parsed(below, (*prefix, element))
        else:
            yield (*prefix, element)


NOTHING = object()


def at(value: Any, path: Path) -> Any:
    """What a path of a FieldsV1 leads to in an object; NOTHING if it is not there."""
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            value = value.get(rest, NOTHING) if isinstance(value, dict) else NOTHING
        elif not isinstance(value, list):
            return NOTHING
        elif kind == "i":
            value = value[int(rest)]
        else:
            wanted = json.loads(rest)
            found = [one for one in value if (_has(one, wanted) if kind == "k" else one == wanted)]
            value = found[0] if found else NOTHING
    return value


def _worth(obj: Obj, path: Path) -> Any:
    """A value; items of maps may be found by defaults that were not sent, those count as there."""
    found = at(obj, path)
    return True if found is NOTHING else found


def _has(item: Any, wanted: Obj) -> bool:
    return isinstance(item, dict) and all(item.get(k, "") == v for k, v in wanted.items())


DROPPED = frozenset(
    {
        ("persistentvolumeclaims", ("f:spec", "f:dataSource")),
        ("statefulsets", ("f:spec", "f:updateStrategy", "f:rollingUpdate", "f:maxUnavailable")),
    }
)
"""Fields that a kind's strategy takes away after it was noted who sent them, as in a real server:
their owners stay."""

NOBODYS_SPEC = frozenset({"certificatesigningrequests"})
"""Resources whose spec never changes once it is there, so that nobody owns it."""


def owners(api: Api, row: Resource, obj: Obj) -> None:
    """Managed fields can be read, nobody is there twice, and what somebody owns is there."""
    entries = obj["metadata"].get("managedFields", [])
    heads = identities(obj)
    assert len(set(heads)) == len(heads), heads
    for entry in entries:
        assert entry["fieldsType"] == "FieldsV1"
        if entry["apiVersion"] != row.api_version:
            continue
        for path in parsed(entry["fieldsV1"]):
            if (row.plural, path) in DROPPED or (row.plural, path[:2]) in DROPPED:
                continue
            assert at(obj, path) is not NOTHING, (
                f"{entry.get('manager')} owns {path}, which is not there\n{api.story()}"
            )


_NOBODYS = (
    *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"),
)
"""Metadata that nobody owns."""


def leaves(schemas: Schemas, schema: Schema, value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths to all that can be owned in a value, as its published schema says."""
    schema, _ = schemas.resolve(schema)
    if isinstance(value, dict) and value and schema.get("x-kubernetes-map-type") != "atomic":
        fields, more = schema.get("properties", {}), schema.get("additionalProperties")
        if fields or more:
            for key, item in value.items():
                yield from leaves(schemas, fields.get(key) or more or {}, item, (*path, f"f:{key}"))
            return
    kind = schema.get("x-kubernetes-list-type")
    if not isinstance(value, list) or kind not in ("set", "map"):
        yield path
        return
    items = schema["items"]
    fields = schemas.resolve(items)[0].get("properties", {})
    for item in value:
        if kind == "set":
            yield (*path, f"v:{_compact(item)}")
            continue
        keys = sorted(schema["x-kubernetes-list-map-keys"])
        named = {key: item.get(key, fields[key].get("default")) for key in keys}
        yield from leaves(schemas, items, item, (*path, f"k:{_compact(named)}"))


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def all_owned(api: Api, row: Resource, sent: Obj, kept: Obj) -> None:
    """Whoever creates an object owns all of it that has come to be what it sent.

    But for zeros: an object of which nothing is known yet has those already.
    """
    if "managedFields" not in kept["metadata"]:
        return
    schemas, schema = published.of(row)
    theirs, there = owned(kept), set(leaves(schemas, schema, sent))
    nobodys = {("f:metadata", f"f:{name}") for name in _NOBODYS}
    for path in leaves(schemas, schema, kept):
        reset = path[0] == "f:status" and row.subresource("status") is not None
        reset = reset or (path[0] == "f:spec" and row.plural in NOBODYS_SPEC)
        head = path[0] in ("f:apiVersion", "f:kind") or path[:2] in nobodys
        if path in there and not reset and not head and _worth(sent, path) == _worth(kept, path):
            if not _worth(kept, path):
                continue
            assert path in theirs, f"nobody owns {path}\n{api.story()}"


def owned(obj: Obj) -> dict[Path, list[str]]:
    """Who owns which paths."""
    out: dict[Path, list[str]] = {}
    for entry in obj["metadata"].get("managedFields", []):
        for path in parsed(entry["fieldsV1"]):
            out.setdefault(path, []).append(entry["manager"])
    return out
