"""What pods use, out of the objects of `metrics.k8s.io` (pure).

After `pkg/controller/podautoscaler/metrics`. Amounts are thousandths, of cores or of bytes.
"""

import dataclasses
import re
from collections.abc import Iterable

from miniplane.api import quantity
from miniplane.api.objects import Obj
from miniplane.clock import parse_time

DEFAULT_WINDOW = 60.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PIECE = re.compile(r"([\d.]+)(h|ms|m|us|µs|ns|s)")


class MetricError(Exception):
    """Why an amount or a proposal cannot be had, in the words of the real controller."""


@dataclasses.dataclass(frozen=True, slots=True)
class Usage:
    """What a pod used until `time` (Unix seconds), over `window` seconds."""

    amount: int
    time: float
    window: float = DEFAULT_WINDOW


Usages = dict[str, Usage]
"""By name of the pod."""


def of_pods(items: Iterable[Obj], resource: str, container: str = "") -> Usages:
    """What each pod, or one container of each, uses of `resource`. MetricError when nothing is
    known, or when a pod has no such container.

    A pod of which one container is not known is left out.
    """
    found: Usages = {}
    empty = True
    for item in items:
        empty = False
        amount = _amount(item, resource, container)
        if amount is not None:
            window = _seconds(item.get("window", ""))
            name = item["metadata"]["name"]
            found[name] = Usage(amount, parse_time(item["timestamp"]), window)
    if empty:
        raise MetricError("no metrics returned from resource metrics API")
    return found


def _amount(item: Obj, resource: str, container: str) -> int | None:
    containers = item.get("containers") or ()
    if container:
        containers = [c for c in containers if c["name"] == container]
        if not containers:
            meta = item["metadata"]
            raise MetricError(
                f"failed to get container metrics: container {container} not present in metrics "
                f"for pod {meta['namespace']}/{meta['name']}"
            )
    total = None
    for entry in containers:
        amount = (entry.get("usage") or {}).get(resource)
        if amount is None:
            return None
        total = (total or 0) + quantity.to_milli(amount)
    return total


def _seconds(duration: str) -> float:
    """The seconds of a Go duration: `1m30s` is 90."""
    return sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(duration))
