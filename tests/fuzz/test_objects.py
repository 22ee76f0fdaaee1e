"""Random objects of every kind: what is accepted is right in every form, what is refused leaves
no trace, and nothing is a defect.
"""

import copy
from typing import Any

import pytest

from miniplane.api import protobuf
from miniplane.api.resources import Resource
from tests.fuzz import api as http
from tests.fuzz import laws, setting, shapes
from tests.fuzz.api import Api, Obj, collection, dumps, place
from tests.fuzz.chance import Chance, Seeded, fuzz

STORED = shapes.names(lambda row: row.stored)
REVIEWS = shapes.names(lambda row: not row.stored and bool(shapes.samples(row)))


@pytest.mark.parametrize("name", STORED)
@fuzz(4)
def test_right_objects(name: str, chance: Chance) -> None:
    row = shapes.NAMED[name]
    with setting.prepared() as api:
        obj = shapes.lively(chance, row)
        setting.rename(obj)
        before = api.state
        answer = api("POST", collection(row, setting.NAMESPACE), obj)
        if not answer.ok:
            assert api.state == before, api.story()
            return
        assert answer.status == 201
        kept = laws.stored(api, row, place(row, answer.obj))
        assert kept == answer.obj
        laws.all_owned(api, row, obj, kept)
        changed = copy.deepcopy(kept)
        changed["metadata"].pop("managedFields", None)
        shapes.vary(chance, *shapes.published.of(row), changed)
        written(api, row, "PUT", place(row, kept), changed)


def written(api: Api, row: Resource, method: str, path: str, body: Any, **query: str) -> bool:
    """A write that may be refused; what it leaves is right either way."""
    tracked = not (isinstance(body, dict) and _managed(body))
    before = api.state
    content = query.pop("content", http.JSON)
    dry = api(method, path, body, content=content, dryRun="All", **query)
    assert api.state == before, f"a dry run wrote\n{api.story()}"
    answer = api(method, path, body, content=content, **query)
    assert answer.status == dry.status, f"{dry.message}\n{answer.message}\n{api.story()}"
    if answer.ok:
        if api("GET", path).status == 200:
            laws.stored(api, row, path, tracked=tracked)
    else:
        assert api.state == before, api.story()
    return answer.ok


def _managed(obj: Obj) -> Any:
    meta = obj.get("metadata")
    return meta.get("managedFields") if isinstance(meta, dict) else None


def test_most_right_objects_are_accepted() -> None:
    """Else the laws would be about nothing; `-s` shows the share."""
    accepted = []
    for name in STORED:
        row = shapes.NAMED[name]
        for seed in range(4):
            with setting.prepared() as api:
                obj = shapes.lively(Seeded(seed), row)
                setting.rename(obj)
                accepted.append(api("POST", collection(row, setting.NAMESPACE), obj).ok)
    print(f"\naccepted: {sum(accepted)} of {len(accepted)}")
    assert sum(accepted) > len(accepted) * 0.6


@pytest.mark.parametrize("name", [*STORED, *REVIEWS])
@fuzz(4)
def test_wrong_objects(name: str, chance: Chance) -> None:
    row = shapes.NAMED[name]
    with setting.prepared() as api:
        obj = shapes.damaged(chance, row)
        setting.rename(obj)
        before = api.state
        strict = chance.pick(("", "Strict", "Ignore"))
        query = {"fieldValidation": strict} if strict else {}
        answer = api("POST", collection(row, setting.NAMESPACE), obj, **query)
        if not answer.ok:
            assert api.state == before, api.story()
            return
        if not row.stored:
            return
        laws.stored(api, row, place(row, answer.obj))
        broken = copy.deepcopy(answer.obj)
        if chance.percent(70):
            broken["metadata"].pop("managedFields", None)
        shapes.damage(chance, broken)
        written(api, row, "PUT", place(row, answer.obj), broken)


@pytest.mark.parametrize("name", STORED)
@fuzz(3)
def test_mangled_bytes(name: str, chance: Chance) -> None:
    """Bodies that are almost JSON, YAML or protobuf."""
    row = shapes.NAMED[name]
    with setting.prepared() as api:
        obj = shapes.lively(chance, row)
        setting.rename(obj)
        path = collection(row, setting.NAMESPACE)
        content = chance.pick((http.JSON, http.YAML, http.PROTOBUF))
        data = dumps(obj)
        if content == http.PROTOBUF:
            # What a client sends has no managed fields yet.
            answer = api("POST", path, obj, dryRun="All", accept=http.PROTOBUF)
            if answer.ok:
                made = answer.obj
                made["metadata"].pop("managedFields", None)
                data = protobuf.encode(made)
        before = api.state
        answer = api("POST", path, mangled(chance, data), content=content)
        if not answer.ok:
            assert api.state == before, api.story()
        elif row.stored and answer.obj.get("kind") == row.kind:
            laws.stored(api, row, place(row, answer.obj))


def mangled(chance: Chance, data: bytes) -> bytes:
    for _ in range(chance.pick((1, 1, 2, 5))):
        at = chance.below(len(data) + 1)
        how = chance.below(7)
        if how == 0:
            data = data[:at]
        elif how == 1:
            data = data[:at] + bytes([chance.below(256)]) + data[at + 1 :]
        elif how == 2:
            data = data[:at] + data[max(0, at - 20) :]
        elif how == 3:
            data = data[:at] + chance.pick(SCRAPS) + data[at:]
        elif how == 4:
            # the same key again
            start = data.find(b'"', at)
            end = data.find(b",", start)
            data = data[:end] + b"," + data[start:end] + data[end:] if 0 < start < end else data
        elif how == 5:
            data = data[:at] + data[at + chance.below(40) :]
        else:
            data = data.replace(b":", chance.pick((b": ", b":{", b":[", b":\xff", b":null,")), 1)
    return data


SCRAPS = (
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"NaN",
    b"Infinity",
    b"-",
    b"1e999",
    b"1" * 5000,
    b"[" * 20000,
    b'{"a":' * 12000,
    b"\\ud800",
    b"\\u0000",
    b"&a *a",
    b"!!python/object:os.system ",
    b"---\n",
    b"\t",
    b"<<: *x",
    b"2026-01-01",
    b"0x1f",
    b"yes",
    b"\x80" * 12,
    b"\x0a\xff\xff\xff\xff\x0f",
    b"k8s\x00",
)
