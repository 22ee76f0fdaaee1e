"""The two resources of the group. They are served as custom resources are, but never stored."""

import dataclasses
import functools
from typing import Any

import orjson

from miniplane.api import quantity
from miniplane.api.customresources.definition import CustomResource, Version
from miniplane.api.objects import Obj
from miniplane.api.tables import parts
from miniplane.api.tables.model import NAME, Column, Printer

GROUP = "metrics.k8s.io"
VERSION = "v1beta1"
VERBS = ("get", "list")

_USAGE: Obj = {
    "description": "What is used of each resource: `cpu` and `memory`.",
    "type": "object",
    "additionalProperties": {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    },
}
_WHEN: Obj = {
    "timestamp": {
        "description": "The end of the time for which the usage was measured.",
        "type": "string",
        "format": "date-time",
    },
    "window": {"description": "The length of that time.", "type": "string"},
}
_NODE: Obj = {
    "description": "What a node uses.",
    "type": "object",
    "required": ["timestamp", "window", "usage"],
    "properties": {**_WHEN, "usage": _USAGE},
}
_POD: Obj = {
    "description": "What a pod uses.",
    "type": "object",
    "required": ["timestamp", "window", "containers"],
    "properties": {
        **_WHEN,
        "containers": {
            "description": "What each container uses.",
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "usage"],
                "properties": {"name": {"type": "string"}, "usage": _USAGE},
            },
        },
    },
}


class Measured(Version):
    """What a kind of the group is, beside its row."""

    @property
    def verbs(self) -> tuple[str, ...]:
        return VERBS

    @functools.cached_property
    def printer(self) -> Printer:
        columns = (
            NAME,
            Column("cpu", "string", "CPU in use.", format="quantity"),
            Column("memory", "string", "Memory in use.", format="quantity"),
            Column("Window", "string", "How long was measured.", format="duration"),
        )
        return Printer(columns, _cells)


def _cells(obj: Obj, now: float) -> list[Any]:
    used = [obj["usage"]] if "usage" in obj else [c["usage"] for c in obj["containers"]]
    sums = [quantity.ZERO, quantity.ZERO]
    for usage in used:
        for index, name in enumerate(("cpu", "memory")):
            sums[index] = sums[index] + quantity.parse(usage[name])
    return [parts.name(obj), *map(str, sums), obj["window"]]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class MeasuredResource(CustomResource):
    """A row whose objects are made when they are asked for."""

    @property
    def stored(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<{self.plural} {self.api_version}>"


def _row(kind: str, plural: str, schema: Obj, *, namespaced: bool) -> MeasuredResource:
    raw = {"name": VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": "", "kind": kind, "listKind": f"{kind}List"}
    definition = {
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "versions": [raw]},
        "status": {"acceptedNames": names},
    }
    version = Measured(definition, raw)
    head = {"kind": kind, "apiVersion": f"{GROUP}/{VERSION}"}
    version.json_head = orjson.dumps(head)[:-1] + b","
    version.openapi_name = f"io.k8s.metrics.pkg.apis.metrics.{VERSION}.{kind}"
    row = MeasuredResource(
        group=GROUP,
        version=VERSION,
        kind=kind,
        plural=plural,
        singular="",
        namespaced=namespaced,
        verbs=VERBS,
        short_names=(),
        categories=(),
        subresources=(),
        definition="",
        preferred=True,
        custom=version,
    )
    version.storage = row
    return row


NODES = _row("NodeMetrics", "nodes", _NODE, namespaced=False)
PODS = _row("PodMetrics", "pods", _POD, namespaced=True)
ROWS = (NODES, PODS)
