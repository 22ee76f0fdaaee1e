"""Random configurations, applied: once is as good as twice, values that two managers agree on
belong to both, and what nobody applies any more goes."""

import copy
from typing import Any

import pytest

from miniplane.api.options import APPLY_PATCH, MERGE_PATCH
from miniplane.api.resources import Resource
from tests.fuzz import laws, naive, published, setting, shapes
from tests.fuzz.api import Answer, Api, Obj, place
from tests.fuzz.chance import Chance, fuzz
from tests.fuzz.test_objects import STORED
from tests.fuzz.test_patches import changed

HEAD = ("apiVersion", "kind", "metadata")


def apply(api: Api, row: Resource, config: Obj, manager: str, **query: str) -> Answer:
    config["metadata"].setdefault("name", "x")
    path = place(row, {"metadata": {"namespace": setting.NAMESPACE, **config["metadata"]}})
    return api("PATCH", path, config, content=APPLY_PATCH, fieldManager=manager, **query)


def configuration(chance: Chance, row: Resource) -> Obj:
    obj = shapes.lively(chance, row)
    setting.rename(obj)
    obj.pop("status", None)
    # A subset of it is a configuration too; it may not say who it is.
    for key in ("uid", "finalizers", "ownerReferences"):
        obj["metadata"].pop(key, None)
    spec = obj.get("spec", {})
    if row.plural == "nodes":
        spec.pop("taints", None)  # a new node gets another one, in a list that is one value
    elif row.plural == "jobs":
        spec.pop("selector", None)  # these are made for each job, and then stay
        spec.get("template", {}).pop("metadata", None)
    return shapes.pruned(obj)


def smaller(chance: Chance, row: Resource, config: Obj) -> Obj:
    """A configuration that says less."""
    schemas, schema = published.of(row)
    out = copy.deepcopy(config)
    for _ in range(chance.pick((1, 2, 4))):
        found, of, _ = chance.pick(shapes.places(schemas, schema, out))
        free = [k for k in found if k not in of.get("required", ()) and k not in (*HEAD, "name")]
        if free and found is not out["metadata"]:
            del found[chance.pick(free)]
    for key in ("labels", "annotations"):
        if chance.percent(50):
            out["metadata"].pop(key, None)
    return shapes.pruned(out)


def content(obj: Obj) -> Obj:
    """An object without what tells when and by whom it was written."""
    meta = {
        key: value
        for key, value in obj["metadata"].items()
        if key in ("name", "namespace", "labels", "annotations")
    }
    return {**obj, "metadata": meta}


def managers(obj: Obj) -> list[str]:
    return [entry["manager"] for entry in obj["metadata"].get("managedFields", [])]


def unchanged(api: Api, one: Obj, answer: Answer) -> None:
    assert answer.ok, f"{answer.message}\n{api.story()}"
    assert answer.obj == one, f"{laws.difference(one, answer.obj)}\n{api.story()}"


@pytest.mark.parametrize("name", STORED)
@fuzz(3)
def test_apply(name: str, chance: Chance) -> None:
    row = shapes.NAMED[name]
    with setting.prepared() as api:
        config = configuration(chance, row)
        before = api.state
        dry = apply(api, row, config, "a", dryRun="All")
        assert api.state == before, api.story()
        first = apply(api, row, config, "a")
        assert first.ok == dry.ok
        if not first.ok:
            assert api.state == before, api.story()
            return
        path = place(row, first.obj)
        laws.stored(api, row, path)
        api.world.clock.advance(10)
        if not first.obj["metadata"].get("managedFields"):
            # Nobody owns anything: the next apply gives all that is there to `before-first-apply`.
            first = apply(api, row, config, "a")
        unchanged(api, first.obj, apply(api, row, config, "a"))
        if managers(first.obj) != ["a"]:
            return  # a configuration that says nothing
        shared(api, row, path, config, first.obj)
        api.world.clock.advance(10)
        dropped(api, chance, row, path, config)


def shared(api: Api, row: Resource, path: str, config: Obj, once: Obj) -> None:
    """Another manager who applies the same has no conflict, and owns the same.

    A list or map that is one value is not the same once the server has filled in its defaults: who
    applies it again must say what is there now.
    """
    second = apply(api, row, config, "b")
    if second.status == 409:
        config = {**config, **{key: once[key] for key in config if key not in HEAD and key in once}}
        second = apply(api, row, config, "b")
    assert second.ok, f"{second.message}\n{api.story()}"
    assert content(second.obj) == content(once), api.story()
    assert sorted(managers(second.obj)) == ["a", "b"], api.story()
    by = {entry["manager"]: entry["fieldsV1"] for entry in second.obj["metadata"]["managedFields"]}
    assert set(laws.parsed(by["a"])) <= set(laws.parsed(by["b"])), api.story()
    unchanged(api, second.obj, apply(api, row, config, "b"))
    laws.stored(api, row, path)


def dropped(api: Api, chance: Chance, row: Resource, path: str, config: Obj) -> None:
    """What one of two managers drops stays the other's; what both drop is gone, or is what it is
    in an object that is new."""
    less = smaller(chance, row, config)
    before = api("GET", path).obj
    answer = apply(api, row, less, "a")
    if not answer.ok:
        assert api("GET", path).obj == before
        return
    assert content(answer.obj) == content(before), (
        f"{laws.difference(content(before), content(answer.obj))}\n{api.story()}"
    )
    last = apply(api, row, less, "b")
    if not last.ok:
        return
    kept = laws.stored(api, row, path)
    with setting.prepared() as other:
        fresh = apply(other, row, less, "a")
    if not fresh.ok:
        return
    for gone in leaves(config):
        if at(less, gone) is MISSING:
            left, new = at(kept, gone), at(fresh.obj, gone)
            assert left is MISSING or left == new or stays(row, gone), (
                f"{gone} is {left!r}, not {new!r}\n{api.story()}"
            )


STAYS: dict[str, tuple[str, ...]] = {"certificatesigningrequests": ("spec",)}
"""Fields that a kind keeps, whoever lets go of them: they are set once."""


def stays(row: Resource, path: tuple[Any, ...]) -> bool:
    return any(name in path for name in STAYS.get(row.plural, ()))


MISSING = object()


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all values that are not in lists: those move when others go."""
    if not isinstance(value, dict) or not value:
        return [path]
    return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return MISSING
        value = value[key]
    return value


@pytest.mark.parametrize("name", STORED)
@fuzz(2)
def test_many_writers(name: str, chance: Chance) -> None:
    """Whatever the order of applies, updates and patches: who owns a field is told once for each,
    nothing is owned that is not there, and whatever anybody sent is owned by somebody."""
    row = shapes.NAMED[name]
    with setting.prepared() as api:
        config = configuration(chance, row)
        answer = apply(api, row, config, "a")
        if not answer.ok:
            return
        path = place(row, answer.obj)
        now = answer.obj
        for _ in range(chance.between(2, 5)):
            manager = chance.pick("abc")
            how = chance.below(4)
            if how == 0:
                some = smaller(chance, row, config)
                answer = apply(api, row, some, manager, force=chance.pick(("true", "false")))
            elif how == 1:
                new = changed(chance, row, now)
                new["metadata"].pop("managedFields", None)
                answer = api("PUT", path, new, fieldManager=manager)
            elif how == 2:
                patch = naive.merge_diff(now, changed(chance, row, now))
                answer = api("PATCH", path, patch, content=MERGE_PATCH, fieldManager=manager)
            else:
                label = {"metadata": {"labels": {"a": chance.pick("xyz")}}}
                answer = api("PATCH", path, label, content=MERGE_PATCH, fieldManager=manager)
            found = api("GET", path)
            if not found.ok:
                return
            if answer.ok:
                assert found.obj == answer.obj, api.story()
                laws.owners(api, row, found.obj)
                if now["metadata"].get("managedFields") and row.plural not in FROM_TEMPLATE:
                    everything_owned(api, found.obj)
            else:
                assert found.obj == now, api.story()
            now = found.obj
            api.world.clock.advance(chance.between(0, 5))
        laws.stored(api, row, path)


FROM_TEMPLATE = ("replicationcontrollers", "jobs")
"""Kinds that get the labels of their template where they have none."""

SERVERS_OWN = ("controller-uid", "job-name", "deprecated.daemonset.template.generation")


def everything_owned(api: Api, obj: Obj) -> None:
    """Each label and annotation has an owner: these, no server sets by itself. Once nobody owns
    anything any more, a server stops counting, and this is no law."""
    owned = laws.owned(obj)
    for part in ("labels", "annotations"):
        for key in obj["metadata"].get(part, ()):
            if "kubernetes.io" in key or key in SERVERS_OWN:
                continue
            path = ("f:metadata", f"f:{part}", f"f:{key}")
            assert owned.get(path), f"nobody owns {path}\n{api.story()}"
