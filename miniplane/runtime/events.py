"""Events: what components tell people about objects.

Follows client-go's `tools/record` (core/v1 events of controllers and kubelets) and `tools/events`
(events.k8s.io/v1, the scheduler's). An event that has been told already is not written again: the
first one is patched. How that is decided is in `correlate`, which writes nothing.
"""

import asyncio
import collections
import logging
from collections.abc import Mapping
from typing import Any

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj
from miniplane.api.resources import EVENTS, EVENTS_V1
from miniplane.client.protocol import Client
from miniplane.clock import Clock, Timer, parse_time
from miniplane.runtime.correlate import Correlator

log = logging.getLogger(__name__)

SERIES_ENDS = 360.0
"""Seconds without a repetition after which a series of events.k8s.io/v1 is over."""
MAX_SERIES = 4_096

MAX_NOTE = 1_024
"""Characters of a note; longer ones are cut, as the scheduler cuts its own."""

HOST = "miniplane"


class EventNames:
    """Names of events: `OBJECT.<16 hex digits>`, the nanoseconds of now, never the same twice.

    One for a cluster, so that the events of an object sort by time whoever wrote them.
    """

    def __init__(self) -> None:
        self._last = 0

    def name(self, about: str, now: float) -> str:
        self._last = max(self._last + 1, round(now * 1_000_000) * 1_000)
        return f"{about[:236]}.{self._last:016x}"


def reference(obj: Obj, *, field_path: str = "") -> Obj:
    """The ObjectReference of an object; what is a reference already stays as it is."""
    meta = obj.get("metadata")
    if meta is None:
        return obj
    ref = {
        "kind": obj["kind"],
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "uid": meta.get("uid", ""),
        "apiVersion": obj["apiVersion"],
        "resourceVersion": meta.get("resourceVersion", ""),
        "fieldPath": field_path,
    }
    return {key: value for key, value in ref.items() if value}


class EventRecorder:
    """Writes the events of one component. A refused write is logged, never raised.

    `host` is the node, for kubelets.
    """

    def __init__(
        self, client: Client, clock: Clock, component: str, *, names: EventNames, host: str = ""
    ):
        self.component = component
        self.host = host
        self._client = client
        self._clock = clock
        self._names = names
        self._correlator = Correlator()
        self._series: collections.OrderedDict[Any, Obj] = collections.OrderedDict()
        self._finish_timer: Timer | None = None
        self._finishing: asyncio.Task[None] | None = None

    async def event(
        self,
        obj: Obj,
        type: str,
        reason: str,
        message: str,
        *,
        field_path: str = "",
        times: int = 1,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Tell of `obj` (an object or an ObjectReference) as a core/v1 event.

        `type` is `Normal` or `Warning`. The same again raises `count`; the tenth message of a kind
        within ten minutes, and all after it, go into one "(combined from similar events)".
        `times` says how often it has happened since it was told last; `annotations` are the
        event's own.
        """
        ref = reference(obj, field_path=field_path)
        now = self._clock.time()
        namespace = ref.get("namespace") or "default"
        source = (self.component, self.host)
        verdict = self._correlator.see(source, ref, type, reason, message, now=now, times=times)
        if verdict is None:
            return
        if not verdict.name:
            verdict.name = self._names.name(ref["name"], now)
            verdict.first = self._clock.rfc3339()
        try:
            if verdict.count > times:
                patch = {
                    "count": verdict.count,
                    "lastTimestamp": self._clock.rfc3339(),
                    "message": verdict.message,
                }
                try:
                    await self._client.patch(EVENTS, verdict.name, patch, namespace)
                    return
                except StatusError as error:
                    if not is_not_found(error):
                        raise
            source_of = {"component": self.component}
            if self.host:
                source_of["host"] = self.host
            metadata: Obj = {"name": verdict.name, "namespace": namespace}
            if annotations:
                metadata["annotations"] = dict(annotations)
            event = {
                "kind": "Event",
                "apiVersion": "v1",
                "metadata": metadata,
                "involvedObject": ref,
                "reason": reason,
                "message": verdict.message,
                "source": source_of,
                "firstTimestamp": verdict.first,
                "lastTimestamp": self._clock.rfc3339(),
                "count": verdict.count,
                "type": type,
                "eventTime": None,
                # A combined event does not say who reports it: so it is in client-go.
                "reportingComponent": "" if verdict.combined else self.component,
                "reportingInstance": "" if verdict.combined else self.host,
            }
            await self._client.create(EVENTS, event, namespace=namespace)
        except Exception as error:
            log.debug("event %s of %s not written: %r", reason, ref["name"], error)

    async def note(
        self,
        obj: Obj,
        type: str,
        reason: str,
        action: str,
        message: str,
        *,
        related: Obj | None = None,
    ) -> None:
        """Tell of `obj` as an events.k8s.io/v1 event, which says what was done (`action`) to it.

        The second of a series (same object revision, type, action and reason) adds `series` to the
        first; later ones are counted, and the count is written when the series is over.
        """
        regarding = reference(obj)
        also = reference(related) if related is not None else None
        now = self._clock.micro()
        if len(message) > MAX_NOTE:
            message = message[: MAX_NOTE - 4] + " ..."
        key = (
            type,
            action,
            reason,
            tuple(regarding.items()),
            tuple(also.items()) if also is not None else None,
        )
        event = self._series.get(key)
        if event is not None and event.get("series") is not None:
            event["series"] = {"count": event["series"]["count"] + 1, "lastObservedTime": now}
            return
        if event is not None:
            event["series"] = {"count": 2, "lastObservedTime": now}
        else:
            namespace = regarding.get("namespace") or "default"
            name = self._names.name(regarding["name"], self._clock.time())
            event = {
                "kind": "Event",
                "apiVersion": "events.k8s.io/v1",
                "metadata": {"name": name, "namespace": namespace},
                "eventTime": now,
                "reportingController": self.component,
                "reportingInstance": f"{self.component}-{self.host or HOST}",
                "action": action,
                "reason": reason,
                "regarding": regarding,
                "note": message,
                "type": type,
            }
            if also is not None:
                event["related"] = also
            self._series[key] = event
            if len(self._series) > MAX_SERIES:
                self._series.popitem(last=False)
            if self._finish_timer is None:
                self._arm()
        await self._write_series(event)

    def close(self) -> None:
        """Stop waiting for series to end; their last counts are not written."""
        if self._finish_timer is not None:
            self._finish_timer.cancel()
            self._finish_timer = None
        if self._finishing is not None:
            self._finishing.cancel()
        self._series.clear()

    async def _write_series(self, event: Obj) -> None:
        meta = event["metadata"]
        try:
            if event.get("series") is not None:
                patch = {"series": event["series"]}
                try:
                    await self._client.patch(EVENTS_V1, meta["name"], patch, meta["namespace"])
                    return
                except StatusError as error:
                    if not is_not_found(error):
                        raise
            await self._client.create(EVENTS_V1, dict(event), namespace=meta["namespace"])
        except Exception as error:
            log.debug("event %s of %s not written: %r", event["reason"], meta["name"], error)

    def _arm(self) -> None:
        def fire() -> None:
            self._finish_timer = None
            self._finishing = asyncio.get_running_loop().create_task(self._finish_series())

        self._finish_timer = self._clock.call_later(
            SERIES_ENDS, fire, background=True, label=(self.component, "end of event series")
        )

    async def _finish_series(self) -> None:
        """Forget what was not repeated for a while; write the final count of what was."""
        before = self._clock.time() - SERIES_ENDS
        for key, event in list(self._series.items()):
            series = event.get("series")
            last = series["lastObservedTime"] if series is not None else event["eventTime"]
            if parse_time(last) > before:
                continue
            del self._series[key]
            if series is not None:
                await self._write_series(event)
        if self._series and self._finish_timer is None:
            self._arm()
