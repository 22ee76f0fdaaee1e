"""Events: core/v1 and events.k8s.io/v1 say the same in different words.

Follows `pkg/apis/events/v1/conversion.go`. Times and sources always show, null or empty where
nothing is known, as the API types have no way to leave them out.
"""

from typing import Any

from miniplane.api.objects import Obj

_SHARED = ("reason", "type", "action", "series", "related")


def to_core(event: Obj) -> Obj:
    """An events.k8s.io/v1 Event as core/v1."""
    core: Obj = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": event.get("metadata") or {},
        "involvedObject": event.get("regarding") or {},
        "source": event.get("deprecatedSource") or {},
        "firstTimestamp": event.get("deprecatedFirstTimestamp"),
        "lastTimestamp": event.get("deprecatedLastTimestamp"),
        "eventTime": event.get("eventTime"),
        "reportingComponent": event.get("reportingController") or "",
        "reportingInstance": event.get("reportingInstance") or "",
    }
    _carry(event, core, note="message", deprecatedCount="count")
    return core


def to_events_v1(event: Obj) -> Obj:
    """A core/v1 Event as events.k8s.io/v1."""
    new: Obj = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": event.get("metadata") or {},
        "eventTime": event.get("eventTime"),
        "regarding": event.get("involvedObject") or {},
        "deprecatedSource": event.get("source") or {},
        "deprecatedFirstTimestamp": event.get("firstTimestamp"),
        "deprecatedLastTimestamp": event.get("lastTimestamp"),
    }
    _carry(
        event,
        new,
        message="note",
        count="deprecatedCount",
        reportingComponent="reportingController",
        reportingInstance="reportingInstance",
    )
    return new


def _carry(source: Obj, target: Obj, **renamed: str) -> None:
    """Takes over what is set, under its own name or another."""
    for key in _SHARED:
        _copy(source.get(key), target, key)
    for old, new in renamed.items():
        _copy(source.get(old), target, new)


def _copy(value: Any, target: Obj, key: str) -> None:
    if value is not None and value != "" and value != 0:
        target[key] = value
