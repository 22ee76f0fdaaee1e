"""Each field of each model is a published field, of a type that fits."""

import types
import typing
from typing import Any

import pydantic
import pytest

from miniplane.api import schema
from miniplane.api.models import base, daemonset, meta, statefulset

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
APPS = "io.k8s.api.apps.v1."


def models() -> list[tuple[type[base.Model], str]]:
    found = []
    for module, prefix in ((meta, META), (statefulset, APPS), (daemonset, APPS)):
        for value in vars(module).values():
            own = getattr(value, "__module__", "") == module.__name__
            if own and isinstance(value, type) and issubclass(value, base.Model):
                found.append((value, prefix + value.__name__))
    return found


def fits(annotation: Any, node: schema.Node) -> bool:
    """Whether values of a field's type go into a model's annotation."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        choices = [a for a in typing.get_args(annotation) if a is not type(None)]
        if node.scalar == "int-or-string":
            return set(choices) == {int, str}
        return len(choices) == 1 and fits(choices[0], node)
    if origin is typing.Literal:
        return node.scalar == "string" and all(
            isinstance(a, str) for a in typing.get_args(annotation)
        )
    if origin is tuple:
        item, ellipsis = typing.get_args(annotation)
        return node.kind == "list" and ellipsis is ... and fits(item, node.item)
    if origin is dict:
        key, value = typing.get_args(annotation)
        if value is Any:
            return node.kind == "object"
        return node.kind == "map" and key is str and fits(value, node.item)
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return node.kind == "object" and node.name.endswith("." + annotation.__name__)
    if annotation is int:
        return node.scalar == "integer"
    if annotation is str:
        return node.scalar in ("string", "time")
    return False


@pytest.mark.parametrize(("model", "definition"), models(), ids=lambda v: str(v).split(".")[-1])
def test_fields_are_published(model: type[base.Model], definition: str) -> None:
    node = schema.node(definition)
    for name, field in model.model_fields.items():
        assert field.alias in node.fields, f"{definition} has no {field.alias}"
        published = node.fields[field.alias]
        assert fits(field.annotation, published), f"{name}: {field.annotation} for {published}"
        if field.is_required():
            assert field.alias in node.required or field.alias in ("metadata", "spec", "name")


def test_statuses_show_zeros_as_the_server_does() -> None:
    assert statefulset.StatefulSetStatus().to_obj() == {"replicas": 0, "availableReplicas": 0}
    assert statefulset.StatefulSetStatus(ready_replicas=1, collision_count=0).to_obj() == {
        "replicas": 0,
        "readyReplicas": 1,
        "collisionCount": 0,
        "availableReplicas": 0,
    }
    assert daemonset.DaemonSetStatus(number_unavailable=2).to_obj() == {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
        "numberUnavailable": 2,
    }


def test_models_are_frozen_and_keep_the_template() -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
    obj = {
        "metadata": {"name": "web", "namespace": "a", "managedFields": []},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, "replicas": 3},
    }
    web = statefulset.StatefulSet.of(obj)
    assert web.spec.template == template
    assert (web.start, web.end, web.monotonic) == (0, 3, True)
    assert web.metadata.key == "a/web"
    with pytest.raises(pydantic.ValidationError):
        web.spec.replicas = 1
