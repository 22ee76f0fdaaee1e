"""Random objects in whole clusters: whatever is stored, no controller stumbles over it.

Controllers meet what validation lets through: here objects come, change and go, time passes, and
nothing may be logged as an error. What is stored in the end is right in every form.
"""

import asyncio
import copy
import logging

from miniplane import testing
from miniplane.api import errors
from miniplane.api.options import MERGE_PATCH, DeleteOptions, ListOptions, WriteOptions
from miniplane.api.resources import Resource
from tests.fuzz import naive, published, setting, shapes, structural
from tests.fuzz.api import Obj
from tests.fuzz.chance import Chance, fuzz

KINDS = [
    shapes.NAMED[name]
    for name in shapes.names(lambda row: row.stored)
    if not name.startswith(("events ", "leases ", "namespaces "))
]
"""What may come and go; namespaces take too much with them."""

FAVOURITES = (
    "pods v1",
    "deployments apps/v1",
    "statefulsets apps/v1",
    "daemonsets apps/v1",
    "replicasets apps/v1",
    "replicationcontrollers v1",
    "jobs batch/v1",
    "services v1",
    "endpointslices discovery.k8s.io/v1",
    "persistentvolumeclaims v1",
    "persistentvolumes v1",
    "poddisruptionbudgets policy/v1",
    "nodes v1",
    "resourcequotas v1",
    "customresourcedefinitions apiextensions.k8s.io/v1",
    "clusterroles rbac.authorization.k8s.io/v1",
    "storageclasses storage.k8s.io/v1",
)
OPTIONS = WriteOptions(field_manager="fuzz")


class Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(logging.Formatter().format(record))


@fuzz(12)
def test_controllers_take_everything(chance: Chance) -> None:
    shapes.pool()  # documents are read on a loop of their own
    for row in KINDS:
        published.of(row)
    seen = Errors()
    logging.getLogger().addHandler(seen)
    trail: list[str] = []
    try:
        asyncio.run(_live(chance, trail))
    except Exception as error:
        raise AssertionError("\n".join(trail)) from error
    finally:
        logging.getLogger().removeHandler(seen)
    assert not seen.told, "\n".join([*trail, *seen.told[:3]])


async def _live(chance: Chance, trail: list[str]) -> None:
    async with testing.cluster(nodes=2) as cluster:
        registry = cluster.registry
        for path, obj in setting.THERE:
            row = setting.row_of(path)
            if obj["metadata"]["name"] != "default":
                registry.create(row, _home(row), copy.deepcopy(obj), OPTIONS)
        await cluster.advance(1)
        for _ in range(chance.between(3, 10)):
            _step(chance, cluster, trail)
            if chance.percent(60):
                await cluster.advance(chance.pick((0.1, 2, 40, 400)))
        await cluster.advance(60)
        for row in KINDS:
            for found in registry.list(row, "", ListOptions()).items:
                problems = published.refused(row, found.obj)
                assert not problems, (found.obj, problems)


def _home(row: Resource) -> str:
    return setting.NAMESPACE if row.namespaced else ""


def _step(chance: Chance, cluster: testing.Harness, trail: list[str]) -> None:
    """One write, which may be refused."""
    registry = cluster.registry
    row = shapes.NAMED[chance.pick(FAVOURITES)] if chance.percent(75) else chance.pick(KINDS)
    how = chance.below(5)
    try:
        if how <= 1:
            obj = new(chance, row)
            trail.append(f"create {row} {obj}")
            registry.create(row, _home(row), obj, OPTIONS)
            return
        there = [one.obj for one in registry.list(row, "", ListOptions()).items]
        if not there:
            return
        old = chance.pick(there)
        name, home = old["metadata"]["name"], old["metadata"].get("namespace", "")
        if how == 2:
            trail.append(f"delete {row} {home}/{name}")
            registry.delete(row, home, name, DeleteOptions())
            return
        part = "status" if how == 3 and row.subresource("status") else ""
        patch = naive.merge_diff(old, changed(chance, row, old, part))
        trail.append(f"patch {row} {home}/{name} {part} {patch}")
        registry.patch(row, home, name, patch, OPTIONS, patch_type=MERGE_PATCH, subresource=part)
    except errors.StatusError as error:
        assert error.code < 500 or "resourceVersion" in error.message, error
        trail.append(f"  refused: {error.message[:300]}")


def new(chance: Chance, row: Resource) -> Obj:
    if row.plural == "customresourcedefinitions" and chance.percent(50):
        return structural.definition(chance)
    obj = shapes.lively(chance, row)
    if row.namespaced:
        obj["metadata"]["namespace"] = setting.NAMESPACE
    if chance.percent(40):
        # Samples go to a node that is not there, and to a scheduler of their own.
        for parent, key in shapes.everything(obj):
            if key in ("schedulerName", "nodeName", "runtimeClassName") and parent is not obj:
                parent[key] = {"schedulerName": "default-scheduler"}.get(key, "node-0")
    if chance.percent(50):
        obj["metadata"]["name"] = chance.pick(("web", "other", "a"))
    return obj


def changed(chance: Chance, row: Resource, old: Obj, part: str) -> Obj:
    schemas, schema = published.of(row)
    out = copy.deepcopy(old)
    if part:
        fields = schemas.resolve(schema)[0]["properties"]
        there = out.setdefault("status", {})
        random = shapes.value(chance, schemas, fields["status"], depth=3)
        there.update(random)
    else:
        for _ in range(chance.pick((1, 1, 3))):
            shapes.vary(chance, schemas, schema, out)
    if chance.percent(20):
        out["metadata"]["finalizers"] = []
    return shapes.without_nulls(out)
