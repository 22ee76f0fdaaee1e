"""Custom resources at the registry: writes, subresources, selectors, managed fields."""

from typing import Any

import pytest

from miniplane.api import resources
from miniplane.api.customresources.definition import CustomResource
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import MERGE_PATCH, STRATEGIC_MERGE_PATCH, ListOptions
from tests.registry.conftest import World

DEFINITIONS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")
TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {"replicas": {"type": "integer"}, "color": TEXT},
        },
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}, "text": TEXT}},
    },
}
SCALE = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.text",
}


def define(world: World, **version: Any) -> CustomResource:
    """A served kind, as the controller would leave it."""
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    made = world.create(
        DEFINITIONS,
        {
            "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": names,
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": SCHEMA},
                        **version,
                    }
                ],
            },
        },
    )
    conditions = [
        {"type": kind, "status": "True", "reason": "x", "message": "", "lastTransitionTime": None}
        for kind in ("NamesAccepted", "Established")
    ]
    status = {**made["status"], "acceptedNames": names, "conditions": conditions}
    world.put(DEFINITIONS, {**made, "status": status}, subresource="status")
    row = world.registry.custom.find("example.com", "v1", "widgets")
    assert row is not None
    return row


def widget(**fields: Any) -> Obj:
    head = {"apiVersion": "example.com/v1", "kind": "Widget"}
    return {**head, "metadata": {"name": "a", "namespace": "default"}, **fields}


def merge(world: World, row: CustomResource, patch: Obj, subresource: str = "") -> Obj:
    result = world.registry.patch(
        row,
        "default",
        "a",
        patch,
        world.options(),
        patch_type=MERGE_PATCH,
        subresource=subresource,
    )
    return result.status or result.stored.obj


def test_the_status_is_a_part_of_its_own(world: World) -> None:
    row = define(world, subresources={"status": {}})
    made = world.create(row, widget(spec={"color": "red"}, status={"text": "mine"}))
    assert "status" not in made
    changed = merge(
        world,
        row,
        {"metadata": {"labels": {"x": "y"}}, "spec": {"color": "blue"}, "status": {"text": "t"}},
        "status",
    )
    assert (changed["spec"], changed["status"]) == ({"color": "red"}, {"text": "t"})
    assert "labels" not in changed["metadata"]
    assert changed["metadata"]["generation"] == 1
    changed = merge(world, row, {"spec": {"color": "blue"}, "status": {"text": "no"}})
    assert (changed["status"], changed["metadata"]["generation"]) == ({"text": "t"}, 2)


def test_without_the_subresource_the_status_is_a_field_like_others(world: World) -> None:
    row = define(world)
    made = world.create(row, widget(status={"text": "mine"}))
    assert made["status"] == {"text": "mine"}
    (entry,) = made["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:status": {".": {}, "f:text": {}}}
    assert merge(world, row, {"status": {"text": "x"}})["metadata"]["generation"] == 2


def test_scale_reads_and_writes_where_the_definition_says(world: World) -> None:
    row = define(world, subresources={"status": {}, "scale": SCALE})
    world.create(row, widget(spec={"replicas": 2}))
    merge(world, row, {"status": {"replicas": 1, "text": "app=a"}}, "status")
    found = world.registry.get(row, "default", "a", subresource="scale").obj
    assert (found["spec"], found["status"]) == (
        {"replicas": 2},
        {"replicas": 1, "selector": "app=a"},
    )
    assert merge(world, row, {"spec": {"replicas": 5}}, "scale")["spec"] == {"replicas": 5}
    stored = world.registry.get(row, "default", "a").obj
    assert (stored["spec"]["replicas"], stored["metadata"]["generation"]) == (5, 2)
    with pytest.raises(StatusError, match=r"\.spec\.replicas: Invalid value: -1: should be a non-"):
        merge(world, row, {"spec": {"replicas": -1}}, "scale")


def test_a_scale_without_replicas_is_an_error(world: World) -> None:
    row = define(world, subresources={"scale": SCALE})
    world.create(row, widget())
    with pytest.raises(StatusError, match=r'the spec replicas field ".spec.replicas" does not'):
        world.registry.get(row, "default", "a", subresource="scale")


def test_what_is_wrong_is_refused(world: World) -> None:
    row = define(world)
    with pytest.raises(StatusError) as caught:
        world.create(row, widget(spec={"replicas": "x"}))
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")
    assert caught.value.details is not None
    assert caught.value.details["causes"] == [
        {
            "reason": "FieldValueTypeInvalid",
            "message": 'Invalid value: "string": spec.replicas in body must be of type integer: '
            '"string"',
            "field": "spec.replicas",
        }
    ]
    with pytest.raises(StatusError, match=r'strict decoding error: unknown field "spec.size"'):
        world.post(row, widget(spec={"size": 1}), field_validation="Strict")
    result = world.post(row, widget(spec={"size": 1}), field_validation="Warn")
    assert result.warnings == ['unknown field "spec.size"']
    with pytest.raises(StatusError) as caught:
        world.registry.patch(
            row, "default", "a", {}, world.options(), patch_type=STRATEGIC_MERGE_PATCH
        )
    assert caught.value.code == 415
    unconditional = widget(spec={"color": "red"})
    with pytest.raises(StatusError, match=r"metadata\.resourceVersion: Invalid value: 0"):
        world.put(row, unconditional)


def test_selectable_fields(world: World) -> None:
    row = define(world, selectableFields=[{"jsonPath": ".spec.color"}])
    for name, color in (("a", "red"), ("b", "blue")):
        obj = widget(spec={"color": color})
        world.create(row, {**obj, "metadata": {**obj["metadata"], "name": name}})
    found = world.registry.list(row, "default", ListOptions(field_selector="spec.color=blue"))
    assert [stored.obj["metadata"]["name"] for stored in found.items] == ["b"]
    with pytest.raises(StatusError, match=r"field label not supported: spec\.replicas"):
        world.registry.list(row, "default", ListOptions(field_selector="spec.replicas=1"))


def test_the_table_follows_the_definitions(world: World) -> None:
    row = define(world)
    assert list(world.registry.custom.rows()) == [row]
    assert world.registry.custom.everything()[-1] is row
    assert world.registry.custom.of_kind("example.com/v1", "Widget") is row
    definition = world.registry.get(DEFINITIONS, "", "widgets.example.com").obj
    versions = [{**definition["spec"]["versions"][0], "served": False}]
    world.put(DEFINITIONS, {**definition, "spec": {**definition["spec"], "versions": versions}})
    assert world.registry.custom.find("example.com", "v1", "widgets") is None
    assert not world.registry.custom.has_group("example.com")


def test_finalizers_need_no_domain(world: World) -> None:
    row = define(world)
    made = world.create(
        row, widget(metadata={"name": "a", "finalizers": ["x"]}), namespace="default"
    )
    assert made["metadata"]["finalizers"] == ["x"]
