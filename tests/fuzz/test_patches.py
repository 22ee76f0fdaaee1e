"""Random patches of every kind: the outcome is that of an independent merge, sent by PUT."""

import contextlib
import copy
import json
from typing import Any

import jsonpatch
import jsonpointer
import pytest

from miniplane.api.options import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from miniplane.api.resources import Resource
from tests.fuzz import laws, naive, published, setting, shapes
from tests.fuzz.api import Api, Obj, collection, place
from tests.fuzz.chance import Chance, fuzz
from tests.fuzz.test_objects import STORED

_KEPT = ("managedFields", "resourceVersion", "name", "namespace", "uid")


def created(api: Api, chance: Chance, row: Resource) -> Obj | None:
    obj = shapes.lively(chance, row)
    setting.rename(obj)
    answer = api("POST", collection(row, setting.NAMESPACE), obj, fieldManager="m")
    return answer.obj if answer.ok else None


def changed(chance: Chance, row: Resource, obj: Obj) -> Obj:
    """The object after some changes, without nulls."""
    schemas, schema = published.of(row)
    out = copy.deepcopy(obj)
    for _ in range(chance.pick((1, 1, 2, 3))):
        shapes.vary(chance, schemas, schema, out)
    if chance.percent(30):
        shapes.adorn(chance, out["metadata"])
    if chance.percent(15):
        shapes.damage(chance, {k: v for k, v in out.items() if k not in ("kind", "apiVersion")})
    meta = out.get("metadata")
    if isinstance(meta, dict):
        meta |= {key: obj["metadata"][key] for key in _KEPT if key in obj["metadata"]}
    else:
        out["metadata"] = copy.deepcopy(obj["metadata"])
    return shapes.without_nulls(out)


def without_ports(row: Resource, obj: Obj) -> Obj:
    """A service without what chance gives it anew each time."""
    if row.plural == "services":
        obj["spec"].pop("healthCheckNodePort", None)
        for port in obj["spec"].get("ports", ()):
            port.pop("nodePort", None)
    return obj


def compare(
    api: Api, row: Resource, obj: Obj, kind: str, patch: Any, expected: Any, *, ordered: bool = True
) -> None:
    """Hold a patch against a PUT of the expected outcome; None: the patch is refused."""
    path = place(row, obj)
    before = api.state
    query = {"dryRun": "All", "fieldManager": "m"}
    got = api("PATCH", path, patch, content=kind, **query)
    assert api.state == before
    if expected is None:
        assert not got.ok, f"should be refused\n{api.story()}"
        return
    wanted = api("PUT", path, expected, **query)
    assert got.ok == wanted.ok, f"PATCH: {got.message}\nPUT: {wanted.message}\n{api.story()}"
    if not got.ok:
        api("PATCH", path, patch, content=kind, fieldManager="m")
        assert api.state == before
        return
    one, two = (without_ports(row, answer.obj) for answer in (got, wanted))
    if not ordered:
        schemas, schema = published.of(row)
        one, two = (naive.unordered(schemas, schema, each) for each in (one, two))
    assert one == two, f"{laws.difference(one, two)}\n{api.story()}"
    answer = api("PATCH", path, patch, content=kind, fieldManager="m")
    assert answer.ok, f"{answer.message}\n{api.story()}"
    if api("GET", path).ok:
        laws.stored(api, row, path)


@pytest.mark.parametrize("name", STORED)
@fuzz(2)
def test_merge_patch(name: str, chance: Chance) -> None:
    row = shapes.NAMED[name]
    with setting.prepared() as api:
        obj = created(api, chance, row)
        if obj is None:
            return
        patch = naive.merge_diff(obj, changed(chance, row, obj))
        if chance.percent(30):
            # What is not there cannot go.
            patch[chance.pick(("spec", "x", "status"))] = chance.pick((None, {"x": None}))
        compare(api, row, obj, MERGE_PATCH, patch, naive.merge(obj, patch))


@pytest.mark.parametrize("name", STORED)
@fuzz(3)
def test_json_patch(name: str, chance: Chance) -> None:
    row = shapes.NAMED[name]
    with setting.prepared() as api:
        obj = created(api, chance, row)
        if obj is None:
            return
        new = changed(chance, row, obj)
        patch = json.loads(jsonpatch.make_patch(obj, new).to_string())
        for _ in range(chance.pick((0, 0, 1, 2))):
            patch.insert(chance.below(len(patch) + 1), operation(chance, obj))
        expected: Any = copy.deepcopy(obj)
        try:
            for step in patch:
                expected = jsonpatch.apply_patch(expected, [lenient(expected, step)])
        except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
            expected = None
        if isinstance(expected, dict):
            meta = expected.get("metadata")
            if isinstance(meta, dict) and "resourceVersion" not in meta:
                # A patch is of the revision that it finds.
                meta["resourceVersion"] = obj["metadata"]["resourceVersion"]
        compare(api, row, obj, JSON_PATCH, patch, expected)


def lenient(doc: Any, step: Obj) -> Obj:
    """An operation as Kubernetes' library reads it, for which every object has every member: one
    that is not there can be replaced, and copied as null (evanphx/json-patch, version 4)."""
    if step["op"] == "replace" and _absent_member(doc, step["path"]):
        return {**step, "op": "add"}
    if step["op"] == "copy" and _absent_member(doc, step["from"]):
        return {"op": "add", "path": step["path"], "value": None}
    return step


def _absent_member(doc: Any, path: str) -> bool:
    parent, _, key = path.rpartition("/")
    found = jsonpointer.resolve_pointer(doc, parent, None)
    return isinstance(found, dict) and key.replace("~1", "/").replace("~0", "~") not in found


def operation(chance: Chance, obj: Obj) -> Obj:
    """An operation on what is there, mostly."""
    paths = [p for p in pointers(obj) if not p.startswith("/metadata/managed")]
    path = chance.pick(paths)
    kind = chance.pick(("test", "add", "replace", "remove", "copy", "move", "test"))
    out = {"op": kind, "path": path}
    if kind == "test":
        right = jsonpointer.resolve_pointer(obj, path)
        out["value"] = right if chance.percent(70) else chance.pick(("x", 1, {}))
    elif kind in ("add", "replace"):
        out["value"] = chance.pick(("x", 1, {}, [], {"a": "b"}, True))
        if chance.percent(30):
            out["path"] = f"{path}/{chance.pick(('a', '0', '-', 'a~1b'))}"
    elif kind in ("copy", "move"):
        out["from"] = chance.pick(paths)
    return out


def pointers(value: Any, prefix: str = "") -> list[str]:
    out = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in pairs:
        path = f"{prefix}/{str(key).replace('~', '~0').replace('/', '~1')}"
        out.append(path)
        if isinstance(item, (dict, list)):
            out += pointers(item, path)
    return out


@pytest.mark.parametrize("name", STORED)
@fuzz(3)
def test_strategic_merge_patch(name: str, chance: Chance) -> None:
    row = shapes.NAMED[name]
    with setting.prepared() as api:
        obj = created(api, chance, row)
        if obj is None:
            return
        schemas, schema = published.of(row)
        patch = naive.strategic_diff(schemas, schema, obj, changed(chance, row, obj))
        if chance.percent(25):
            direct(chance, patch)
        expected = None
        with contextlib.suppress(naive.Refused):
            expected = naive.strategic(schemas, schema, obj, patch)
        compare(api, row, obj, STRATEGIC_MERGE_PATCH, patch, expected, ordered=False)


def direct(chance: Chance, patch: Obj) -> None:
    """Put a directive somewhere."""
    found = [patch, *(p[k] for p, k in shapes.everything(patch) if isinstance(p[k], dict))]
    place_ = chance.pick([each for each in found[1:] if "$patch" not in each] or [{}])
    if place_ is patch.get("metadata"):
        return
    how = chance.below(2)
    if how == 0:
        place_["$patch"] = chance.pick(("replace", "delete", "merge"))
    else:
        place_["$retainKeys"] = list(place_)
