"""What simulated pods and nodes use: made up, but always alike.

A container uses a good half of what it requests, or a little where it requests nothing, never more
than its limits. How much exactly depends on the pod's uid, and drifts a little with the time.

Annotations of a pod say otherwise: `metrics.miniplane.dev/cpu` and `metrics.miniplane.dev/memory`
for the pod as a whole, `metrics.miniplane.dev/cpu.NAME` and `.../memory.NAME` for one container.
Those of a node, without a name, do the same for the node.

>>> spec = {"containers": [{"name": "a"}, {"name": "b"}]}
>>> notes = {"metrics.miniplane.dev/cpu": "1", "metrics.miniplane.dev/memory": "64Mi"}
>>> metadata = {"name": "p", "namespace": "default", "uid": "u", "annotations": notes}
>>> made = of_pod({"metadata": metadata, "spec": spec, "status": {"phase": "Running"}}, 0.0)
>>> [container["usage"] for container in made["containers"]]
[{'cpu': '500m', 'memory': '32Mi'}, {'cpu': '500m', 'memory': '32Mi'}]
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from miniplane.api import durations, quantity
from miniplane.api.objects import Obj

PREFIX = "metrics.miniplane.dev/"
SCRAPE = 15
"""How often usage is measured, in seconds."""

_PERIOD = 600
_NANO = -9
_Usage = dict[str, int]
"""Nanocores and bytes by the name of the resource."""


def of_pod(pod: Obj, now: float) -> Obj | None:
    """The PodMetrics of a pod, None while nothing runs in it."""
    if (pod.get("status") or {}).get("phase") != "Running":
        return None
    metadata = pod["metadata"]
    measured = list(_containers(pod, now))
    if not measured:
        return None
    containers = [{"name": name, "usage": _shown(used)} for name, used in measured]
    named = {"name": metadata["name"], "namespace": metadata["namespace"]}
    return {**_head(named, metadata, now), "containers": containers}


def of_node(node: Obj, pods: Iterable[Obj], now: float) -> Obj | None:
    """The NodeMetrics of a node on which these pods are, None while the node is not ready."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    if not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
        return None
    metadata = node["metadata"]
    key = metadata.get("uid", "") + "/node"
    total = {
        "cpu": int(_between(key, "cpu", 50, 150, now) * 10**6),
        "memory": int(_between(key, "memory", 300, 600, now)) * 2**20,
    }
    for pod in pods:
        if (pod.get("status") or {}).get("phase") == "Running":
            for _, used in _containers(pod, now):
                for name, amount in used.items():
                    total[name] += amount
    total |= _noted(metadata.get("annotations"), "")
    return {**_head({"name": metadata["name"]}, metadata, now), "usage": _shown(total)}


def _head(named: Obj, metadata: Obj, now: float) -> Obj:
    when = durations.format_time(now // SCRAPE * SCRAPE)
    made: Obj = {**named, "creationTimestamp": durations.format_time(now)}
    if metadata.get("labels"):
        made["labels"] = metadata["labels"]
    return {"metadata": made, "timestamp": when, "window": f"{SCRAPE}s"}


def _shown(used: _Usage) -> dict[str, str]:
    return {
        "cpu": quantity.canonical(f"{used['cpu']}n"),
        "memory": quantity.canonical(f"{used['memory'] // 1024}Ki"),
    }


def _containers(pod: Obj, now: float) -> Iterator[tuple[str, _Usage]]:
    metadata = pod["metadata"]
    annotations = metadata.get("annotations") or {}
    running = list(_running(pod))
    whole = _noted(annotations, "")
    for index, container in enumerate(running):
        name = container["name"]
        used = _made_up(f"{metadata.get('uid', '')}/{name}", container, now)
        for resource, amount in whole.items():
            share, rest = divmod(amount, len(running))
            used[resource] = share + (rest if index == 0 else 0)
        yield name, used | _noted(annotations, f".{name}")


def _running(pod: Obj) -> Iterator[Obj]:
    """The containers in which something runs: sidecars too."""
    spec, status = pod["spec"], pod.get("status") or {}
    known = {
        entry["name"]: "running" in (entry.get("state") or {})
        for key in ("containerStatuses", "initContainerStatuses")
        for entry in status.get(key) or ()
    }
    for container in spec.get("containers") or ():
        if known.get(container["name"], True):
            yield container
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always" and known.get(container["name"], True):
            yield container


def _made_up(key: str, container: Obj, now: float) -> _Usage:
    resources = container.get("resources") or {}
    used = {}
    for name, share, idle, unit, scale in (
        ("cpu", (0.35, 0.75), (1, 20), 10**6, _NANO),
        ("memory", (0.5, 0.85), (16, 96), 2**20, 0),
    ):
        request = _amount((resources.get("requests") or {}).get(name), scale)
        limit = _amount((resources.get("limits") or {}).get(name), scale)
        if request:
            amount = int(_between(key, name, *share, now) * request)
        else:
            amount = int(_between(key, name, *idle, now) * unit)
        used[name] = min(amount, limit) if limit else amount
    return used


def _noted(annotations: Mapping[str, Any] | None, ending: str) -> _Usage:
    """What the annotations say of usage. What cannot be read says nothing."""
    if not annotations:
        return {}
    found = {}
    for name, scale in (("cpu", _NANO), ("memory", 0)):
        amount = _amount(annotations.get(f"{PREFIX}{name}{ending}"), scale)
        if amount is not None:
            found[name] = amount
    return found


def _amount(text: Any, scale: int) -> int | None:
    if text is None:
        return None
    try:
        return max(0, quantity.parse(text).scaled(scale))
    except ValueError:
        return None


def _between(key: str, name: str, low: float, high: float, now: float) -> float:
    """A number between the two that belongs to the key, and wanders by some percent of them."""
    digest = zlib.crc32(f"{key}/{name}".encode())
    place, phase = (digest & 0xFFFF) / 0x10000, (digest >> 16) % _PERIOD
    turn = (now // SCRAPE * SCRAPE + phase) % _PERIOD / _PERIOD
    wave = 4 * abs(turn - 0.5) - 1  # from 1 to -1 and back
    middle = 0.1 + 0.8 * place
    return low + (high - low) * (middle + 0.1 * wave)
