"""What the checks have in common: how they walk a pod, and how they name what they find."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from miniplane.api.objects import Obj


class Violation(NamedTuple):
    """What a check found: in a few words, and where."""

    reason: str
    detail: str


class Pod(NamedTuple):
    """A pod, or the template of one."""

    metadata: Mapping[str, Any]
    spec: Obj


Check = Callable[[Pod], Violation | None]


def containers(spec: Obj) -> Iterator[Obj]:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(key) or ()


def security(holder: Obj) -> Obj:
    """The security context of a pod spec or a container."""
    return holder.get("securityContext") or {}


def is_windows(spec: Obj) -> bool:
    return (spec.get("os") or {}).get("name") == "windows"


def quoted(values: Iterable[str]) -> str:
    return ", ".join(json.dumps(value, ensure_ascii=False) for value in values)


def plural(count: int, one: str, many: str = "") -> str:
    return one if count == 1 else many or f"{one}s"


def named(names: list[str], kind: str = "container") -> str:
    """`container "a"` or `containers "a", "b"`."""
    return f"{plural(len(names), kind)} {quoted(names)}"


def setters(pod_too: bool, names: list[str]) -> str:
    """Who set something: `pod`, containers, or both; `""` for nobody."""
    parts = ["pod"] if pod_too else []
    if names:
        parts.append(named(names))
    return " and ".join(parts)
