"""JSON-shaped objects and the small questions that everybody asks of them."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Obj: TypeAlias = dict[str, Any]
"""A Kubernetes object, or a part of one, as `json.loads` gives it."""


def thaw(value: Any) -> Any:
    """A deep copy of JSON-shaped data that the caller may change."""
    if isinstance(value, dict):
        return {k: thaw(v) if isinstance(v, (dict, list)) else v for k, v in value.items()}
    if isinstance(value, list):
        return [thaw(v) if isinstance(v, (dict, list)) else v for v in value]
    return value


def name_of(obj: Mapping[str, Any]) -> str:
    return obj["metadata"].get("name", "")


def namespace_of(obj: Mapping[str, Any]) -> str:
    """The object's namespace, `""` for a cluster-scoped one."""
    return obj["metadata"].get("namespace", "")


def uid_of(obj: Mapping[str, Any]) -> str:
    return obj["metadata"].get("uid", "")


def labels_of(obj: Mapping[str, Any]) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def key_of(obj: Mapping[str, Any]) -> str:
    """`namespace/name`, or `name` for a cluster-scoped object: the key of work queues."""
    meta = obj["metadata"]
    namespace = meta.get("namespace")
    return f"{namespace}/{meta['name']}" if namespace else meta["name"]


def split_key(key: str) -> tuple[str, str]:
    """The namespace and name in a work-queue key."""
    namespace, slash, name = key.rpartition("/")
    return (namespace, name) if slash else ("", key)


def is_terminating(obj: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def controller_of(obj: Mapping[str, Any]) -> Obj | None:
    """The owner reference with `controller: true`, or None."""
    for ref in obj["metadata"].get("ownerReferences") or ():
        if ref.get("controller"):
            return ref
    return None


def get_path(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value at `path`, or `default` where a part of the way is missing or null."""
    for part in path:
        try:
            obj = obj[part]
        except (KeyError, IndexError, TypeError):
            return default
    return default if obj is None else obj
