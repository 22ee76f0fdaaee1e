"""Random definitions of custom resources and random instances.

The schema that is published for a custom resource is the definition's own, so it must refuse
nothing that is stored. What CEL rules say is not in it; they may only refuse more.
"""

import copy
import functools
from typing import Any

from miniplane.api import resources
from miniplane.api.options import APPLY_PATCH, MERGE_PATCH
from miniplane.api.resources import Resource
from tests.fuzz import laws, naive, setting, shapes, structural
from tests.fuzz.api import Api, Obj, collection, place
from tests.fuzz.chance import Chance, Seeded, fuzz
from tests.fuzz.published import Schemas

DEFINITIONS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")
PATH = f"/apis/{structural.GROUP}/{structural.VERSION}"


def define(api: Api, crd: Obj) -> Resource | None:
    """The kind of a definition, established as its controller would do it; None if refused."""
    before = api.state
    answer = api("POST", f"{DEFINITIONS.path}/{DEFINITIONS.plural}", crd)
    if not answer.ok:
        assert api.state == before, api.story()
        return None
    made = answer.obj
    moment = "2026-01-01T00:00:00Z"
    made["status"]["acceptedNames"] = made["spec"]["names"]
    made["status"]["conditions"] = [
        {"type": kind, "status": "True", "reason": "x", "message": "", "lastTransitionTime": moment}
        for kind in ("NamesAccepted", "Established")
    ]
    answer = api("PUT", f"{place(DEFINITIONS, made)}/status", made)
    assert answer.ok, answer.message
    laws.stored(api, DEFINITIONS, place(DEFINITIONS, made))
    return api.registry.custom.find(structural.GROUP, structural.VERSION, structural.PLURAL)


def refused(api: Api) -> Any:
    found = api("GET", f"/openapi/v3{PATH}").obj["components"]["schemas"]
    name = next(
        name
        for name, schema in found.items()
        if schema.get("x-kubernetes-group-version-kind", [{}])[0].get("kind") == structural.KIND
    )
    schemas = Schemas(found, strict=True)
    return functools.partial(schemas.problems, {"$ref": f"#/{name}"})


@fuzz(80)
def test_instances(chance: Chance) -> None:
    with setting.prepared() as api:
        crd = structural.definition(chance)
        row = define(api, crd)
        if row is None:
            return
        check = refused(api)
        obj = structural.thing(chance, crd)
        if chance.percent(30):
            shapes.damage(chance, obj)
        before = api.state
        answer = api("POST", collection(row, "shop"), obj)
        if not answer.ok:
            assert api.state == before, api.story()
            return
        path = place(row, answer.obj)
        kept = laws.stored(api, row, path, refused=check)
        patched(api, chance, row, path, crd, kept, check)


def patched(
    api: Api, chance: Chance, row: Resource, path: str, crd: Obj, obj: Obj, check: Any
) -> None:
    """A merge patch does what a PUT of the merged object does."""
    other = structural.thing(chance, crd, obj["metadata"]["name"])
    new = {**copy.deepcopy(obj), **{k: v for k, v in other.items() if k != "metadata"}}
    patch = naive.merge_diff(obj, shapes.without_nulls(new))
    query = {"dryRun": "All", "fieldManager": "m"}
    got = api("PATCH", path, patch, content=MERGE_PATCH, **query)
    wanted = api("PUT", path, naive.merge(obj, patch), **query)
    assert got.ok == wanted.ok, f"PATCH: {got.message}\nPUT: {wanted.message}\n{api.story()}"
    if got.ok:
        assert got.obj == wanted.obj, f"{laws.difference(got.obj, wanted.obj)}\n{api.story()}"
        assert api("PATCH", path, patch, content=MERGE_PATCH, fieldManager="m").ok
        laws.stored(api, row, path, refused=check)


@fuzz(40)
def test_apply(chance: Chance) -> None:
    with setting.prepared() as api:
        crd = structural.definition(chance)
        row = define(api, crd)
        if row is None:
            return
        check = refused(api)
        first, second = (shapes.pruned(structural.thing(chance, crd)) for _ in range(2))
        path = place(row, first)
        for config, manager in ((first, "a"), (second, "b"), (second, "a")):
            before = api.state
            query = {"fieldManager": manager, "force": chance.pick(("true", "false"))}
            answer = api("PATCH", path, config, content=APPLY_PATCH, **query)
            if not answer.ok:
                assert api.state == before, api.story()
                continue
            laws.stored(api, row, path, refused=check)
            api.world.clock.advance(5)
            again = api("PATCH", path, config, content=APPLY_PATCH, **query)
            assert again.ok, f"{again.message}\n{api.story()}"
            if answer.obj["metadata"].get("managedFields"):
                assert again.obj == answer.obj, (
                    f"{laws.difference(answer.obj, again.obj)}\n{api.story()}"
                )


@fuzz(50)
def test_damaged_definitions(chance: Chance) -> None:
    with setting.prepared() as api:
        crd = structural.definition(chance)
        for _ in range(chance.pick((1, 1, 3))):
            shapes.damage(chance, crd["spec"])
        row = define(api, crd)
        if row is None:
            return
        whole = structural.definition(chance)
        answer = api("POST", collection(row, "shop"), structural.thing(chance, whole))
        if answer.ok:
            laws.stored(api, row, place(row, answer.obj), refused=refused(api))


def test_most_definitions_and_instances_are_accepted() -> None:
    """Else the laws would be about nothing; `-s` shows the shares."""
    defined, stored = [], []
    for seed in range(60):
        chance = Seeded(seed)
        with setting.prepared() as api:
            crd = structural.definition(chance)
            row = define(api, crd)
            defined.append(row is not None)
            if row is not None:
                obj = structural.thing(chance, crd)
                stored.append(api("POST", collection(row, "shop"), obj).ok)
    print(f"\naccepted: {sum(defined)} of {len(defined)} definitions,", end=" ")
    print(f"{sum(stored)} of {len(stored)} instances")
    assert sum(defined) > len(defined) * 0.5
    assert sum(stored) > len(stored) * 0.5
