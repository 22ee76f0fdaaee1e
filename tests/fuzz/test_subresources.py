"""Random objects at every subresource, by every verb that it has."""

import copy

import pytest

from miniplane.api.options import APPLY_PATCH, MERGE_PATCH
from miniplane.api.resources import RESOURCES, Resource
from tests.fuzz import laws, naive, published, setting, shapes
from tests.fuzz.api import Api, Obj, collection, place
from tests.fuzz.chance import Chance, fuzz

STREAMS = ("attach", "exec", "log", "portforward", "proxy")
SUBRESOURCES = [
    f"{name}/{sub.name}"
    for name, row in shapes.NAMED.items()
    for sub in row.subresources
    if sub.name not in STREAMS
]
_METHODS = {"create": "POST", "update": "PUT", "patch": "PATCH", "get": "GET"}


def split(name: str) -> tuple[Resource, str]:
    whole, _, sub = name.rpartition("/")
    return shapes.NAMED[whole], sub


def body_of(chance: Chance, row: Resource, name: str, obj: Obj) -> Obj:
    """Something to send to a subresource."""
    sub = row.subresource(name)
    assert sub is not None
    schemas, schema = published.of(row)
    out = copy.deepcopy(obj)
    out["metadata"].pop("managedFields", None)
    if not sub.kind:
        fields = schemas.resolve(schema)[0].get("properties", {})
        part = name if name in fields else "spec"
        if part in fields:
            known = (schemas.resolve(schema)[1], part)
            random = shapes.value(chance, schemas, fields[part], depth=4, known=known)
            mix = chance.below(3)
            there = out.get(part)
            if mix == 0 or not isinstance(there, dict) or not isinstance(random, dict):
                out[part] = random
            else:
                there.update(random)
        return out
    version = sub.version or row.version
    found = published.document(row.path)["components"]["schemas"]
    names = published.names(row.path)
    key = (sub.group, version, sub.kind)
    head = {"apiVersion": f"{sub.group}/{version}" if sub.group else version, "kind": sub.kind}
    if key not in names:
        return head
    schemas = published.Schemas(found)
    random = shapes.value(chance, schemas, {"$ref": f"#/{names[key]}"}, depth=4)
    return {**random, **head, "metadata": {"name": obj["metadata"]["name"]}}


@pytest.mark.parametrize("name", SUBRESOURCES)
@fuzz(4)
def test_subresources(name: str, chance: Chance) -> None:
    row, part = split(name)
    with setting.prepared() as api:
        obj = copy.deepcopy(chance.pick(shapes.samples(row)))
        setting.rename(obj)
        answer = api("POST", collection(row, setting.NAMESPACE), obj)
        assert answer.ok, answer.message
        path = place(row, answer.obj)
        for _ in range(chance.between(1, 3)):
            now = api("GET", path)
            if not now.ok:
                return
            one(api, chance, row, part, path, now.obj)


def one(api: Api, chance: Chance, row: Resource, part: str, path: str, now: Obj) -> None:
    sub = row.subresource(part)
    assert sub is not None
    verb = chance.pick(sub.verbs)
    where = f"{path}/{part}"
    if verb == "get":
        assert api("GET", where).ok
        return
    body = body_of(chance, row, part, now)
    if chance.percent(25):
        shapes.damage(chance, body)
    content, query = "application/json", {}
    if verb == "patch":
        content = chance.pick((MERGE_PATCH, APPLY_PATCH))
        if content == MERGE_PATCH:
            there = api("GET", where)
            body = naive.merge_diff(there.obj, shapes.without_nulls(body)) if there.ok else body
        else:
            meta = body.get("metadata")
            if isinstance(meta, dict):
                meta.pop("managedFields", None)
            query = {"fieldManager": "m", "force": "true"}
    before = api.state
    dry = api(_METHODS[verb], where, body, content=content, dryRun="All", **query)
    assert api.state == before, f"a dry run wrote\n{api.story()}"
    answer = api(_METHODS[verb], where, body, content=content, **query)
    if not answer.ok:
        assert api.state == before, api.story()
        assert not dry.ok, f"{answer.message}\n{api.story()}"
        return
    left = api("GET", path)
    if not left.ok:
        return
    settled = (row.plural, part) not in UNSETTLED
    laws.stored(api, row, path, tracked=False, settled=settled)
    if part == "status":
        spec_stays(api, now, left.obj)


UNSETTLED = frozenset({("customresourcedefinitions", "status")})
"""Subresources by which may be written what a PUT of the whole object refuses: storedVersions are
held against the versions of the spec only there."""


def spec_stays(api: Api, before: Obj, after: Obj) -> None:
    assert before.get("spec") == after.get("spec"), f"a status changed a spec\n{api.story()}"


REVIEWS = [row for row in RESOURCES if not row.stored and shapes.samples(row)]


@pytest.mark.parametrize("row", REVIEWS, ids=lambda row: row.plural)
@fuzz(10)
def test_reviews(row: Resource, chance: Chance) -> None:
    """Reviews answer what they were sent, with a status, and store nothing."""
    with setting.prepared() as api:
        obj = shapes.lively(chance, row)
        if chance.percent(40):
            shapes.damage(chance, obj)
        before = api.state
        answer = api("POST", collection(row, setting.NAMESPACE), obj)
        assert api.state == before
        if answer.ok:
            assert "status" in answer.obj
            assert not laws.protobuf_differs(
                answer.obj,
                api("POST", collection(row, setting.NAMESPACE), obj, accept=laws.http.PROTOBUF).obj,
            )
