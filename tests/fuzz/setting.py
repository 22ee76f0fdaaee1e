"""The world in which samples are right: what they refer to is there."""

from typing import Any

from miniplane.api.resources import RESOURCES, Resource
from tests.fuzz.api import Api, Obj, collection

NAMESPACE = "shop"

THERE: tuple[tuple[str, Obj], ...] = (
    ("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}),
    (f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "builder"}}),
    (f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}}),
    ("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "high"}, "value": 1000}),
    (
        "/apis/node.k8s.io/v1/runtimeclasses",
        {
            "metadata": {"name": "kata"},
            "handler": "kata",
            "overhead": {"podFixed": {"cpu": "10m"}},
        },
    ),
)
_ALSOTHERE = {"priorityclass": "high", "runtimeclass": "kata", "serviceaccount": "builder"}


def prepared(**settings: Any) -> Api:
    """A server with the objects that samples speak of. The samples' own names are free but for
    those objects: give a new one another name."""
    api = Api(**settings)
    for path, obj in THERE:
        answer = api("POST", path, obj)
        assert answer.ok, answer
    api.trail.clear()
    return api


def row_of(path: str) -> Resource:
    """The kind of a path in THERE."""
    return next(
        row for row in RESOURCES if path in (collection(row, NAMESPACE), collection(row, ""))
    )


def rename(obj: Obj) -> None:
    """Give a sample a name of its own where its name is taken."""
    meta = obj.get("metadata")
    if isinstance(meta, dict) and obj.get("kind") in (
        "Namespace",
        "ServiceAccount",
        "PriorityClass",
        "RuntimeClass",
    ):
        meta["name"] = "other-one"
