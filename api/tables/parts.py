"""Small questions to JSON-shaped objects, answered for every shape, and texts that many tables
share.

Tables must render whatever was stored, so nothing here raises on a missing or odd part.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from miniplane.api import durations
from miniplane.api.selectors import labels as label_selectors

NONE, UNKNOWN, UNSET = "<none>", "<unknown>", "<unset>"
_EMPTY: Mapping[str, Any] = {}


def value(obj: Any, *path: str) -> Any:
    """What is at the path, or None."""
    for step in path:
        if obj.__class__ is not dict:
            return None
        obj = obj.get(step)
    return obj


def part(obj: Any, *path: str) -> Mapping[str, Any]:
    """The mapping at the path, or an empty one."""
    found = value(obj, *path)
    return found if isinstance(found, dict) else _EMPTY


def listed(obj: Any, *path: str) -> Sequence[Any]:
    """The list at the path, or an empty one."""
    found = value(obj, *path)
    return found if found.__class__ is list else ()


def parts(obj: Any, *path: str) -> list[Mapping[str, Any]]:
    """The mappings in the list at the path."""
    found = value(obj, *path)
    if not found or found.__class__ is not list:
        return []
    return [item for item in found if item.__class__ is dict]


def text(obj: Any, *path: str) -> str:
    """The scalar at the path as text, or the empty string."""
    return as_text(value(obj, *path))


def as_text(found: Any) -> str:
    if found.__class__ is str:
        return found
    if found is None or isinstance(found, (dict, list)):
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found)


def texts(obj: Any, *path: str) -> list[str]:
    return [as_text(item) for item in listed(obj, *path)]


def number(obj: Any, *path: str, default: int = 0) -> int:
    """The integer at the path, or the default."""
    found = value(obj, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def flag(obj: Any, *path: str, default: bool = False) -> bool:
    found = value(obj, *path)
    return found if isinstance(found, bool) else default


def name(obj: Any) -> str:
    return text(obj, "metadata", "name")


def age(obj: Any, now: float) -> str:
    """How long ago the object was created."""
    return durations.since(value(obj, "metadata", "creationTimestamp"), now)


def deleted(obj: Any) -> bool:
    return bool(value(obj, "metadata", "deletionTimestamp"))


def annotation(obj: Any, key: str) -> str | None:
    found = part(obj, "metadata", "annotations").get(key)
    return found if isinstance(found, str) else None


def format_labels(labels: Any) -> str:
    """`a=b,c=d`, sorted, or `<none>`."""
    if not isinstance(labels, dict) or not labels:
        return NONE
    return ",".join(f"{key}={as_text(labels[key])}" for key in sorted(labels))


def format_selector(selector: Any) -> str:
    """A LabelSelector as `a=b,c in (d)`, or `<none>`."""
    return label_selectors.format_selector(selector if isinstance(selector, dict) else None)


def containers(pod_spec: Any) -> tuple[str, str]:
    """The names and the images of a pod spec's containers, comma separated."""
    found = parts(pod_spec, "containers")
    return ",".join(text(c, "name") for c in found), ",".join(text(c, "image") for c in found)


def condition_status(obj: Any, kind: str) -> str:
    """The status of the first condition of this type, or the empty string."""
    for condition in parts(obj, "status", "conditions"):
        if condition.get("type") == kind:
            return text(condition, "status")
    return ""


def shortened(items: Iterable[str], *, limit: int = 3, empty: str = UNSET) -> str:
    """The first few items and how many more there are: `a,b,c + 2 more...`."""
    found = list(items)
    shown = ",".join(found[:limit])
    if len(found) > limit:
        return f"{shown} + {len(found) - limit} more..."
    return shown or empty


def load_balancer(obj: Any) -> str:
    """The addresses that a load balancer gave to a Service or an Ingress."""
    found: dict[str, None] = {}
    for ingress in parts(obj, "status", "loadBalancer", "ingress"):
        if address := text(ingress, "ip") or text(ingress, "hostname"):
            found[address] = None
    return ",".join(sorted(found))
