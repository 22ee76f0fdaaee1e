"""What is counted of every request: how many, with which answer, and how long they took.

The names and labels are those of apiserver's `pkg/endpoints/metrics`. Counting is one look into a
dict and a few additions; labels are made when somebody reads them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from miniplane import metrics
from miniplane.api.resources import Resource
from miniplane.metrics import Family, Histogram, Labels
from miniplane.server.options import boolean

if TYPE_CHECKING:
    from miniplane.server.call import Call

BOUNDS = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5),
    *(2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
)
"""Upper bounds of the buckets of durations, in seconds."""

_FASTEST = BOUNDS[0]
_METHODS = dict.fromkeys(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
_CONNECT = ("attach", "exec", "log", "portforward", "proxy")
_APPLY = ("application/apply-patch+yaml", "application/apply-patch+cbor")


class _Count:
    """One series of requests."""

    __slots__ = ("buckets", "labels", "seconds")

    def __init__(self, labels: dict[str, str]):
        self.labels = labels
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class Meter:
    """The counters of one server."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Any, ...], _Count] = {}
        self._events: dict[Resource, int] = {}
        self._health: dict[str, int] = {}

    def note(self, call: "Call", status: int, seconds: float) -> None:
        """Count an answered request."""
        info, resource, method = call.info, call.resource, call.request.method
        if resource is None:
            key: tuple[Any, ...] = ("", _page(call), method in _METHODS and method, status)
        elif resource.custom is None:
            key = (resource, info.subresource, info.name != "", info.namespace != "", method)
            key = (*key, status, _special(call) if call.query_string or method == "PATCH" else "")
        else:
            # The rows of custom resources come and go.
            row = (resource.group, resource.version, resource.plural)
            key = (row, info.subresource, info.name != "", info.namespace != "", method)
            key = (*key, status, _special(call))
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = _Count(_labels(call, status))
        count.seconds += seconds
        if seconds <= _FASTEST:
            count.buckets[0] += 1
        else:
            count.buckets[bisect_left(BOUNDS, seconds)] += 1

    def sent(self, resource: Resource, events: int) -> None:
        """Count the events that a watch has sent."""
        self._events[resource] = self._events.get(resource, 0) + events

    def checked(self, name: str) -> None:
        """Count a health check, by the name of its page."""
        self._health[name] = self._health.get(name, 0) + 1

    @property
    def health(self) -> dict[str, int]:
        return self._health

    def families(self, watches: Iterable["Call"]) -> Iterator[Family]:
        """Everything that has been counted, and the `watches` that are going on."""
        total: dict[Labels, float] = {}
        durations: dict[Labels, tuple[list[int], float]] = {}
        for count in self._counts.values():
            where = metrics.labels(**count.labels)
            total[where] = total.get(where, 0) + sum(count.buckets)
            rest = metrics.labels(**{k: v for k, v in count.labels.items() if k != "code"})
            buckets, seconds = durations.get(rest, ([0] * len(count.buckets), 0.0))
            buckets = [a + b for a, b in zip(buckets, count.buckets, strict=True)]
            durations[rest] = buckets, seconds + count.seconds
        yield metrics.counter(
            "apiserver_request_total", "Requests that were answered, with their codes.", total
        )
        yield metrics.histogram(
            "apiserver_request_duration_seconds",
            "How long requests took until their answer was sent.",
            {
                where: Histogram(BOUNDS, buckets, seconds)
                for where, (buckets, seconds) in durations.items()
            },
        )
        going: dict[Labels, float] = {}
        for call in watches:
            where = metrics.labels(**_series(call, _verb(call)))
            going[where] = going.get(where, 0) + 1
        yield metrics.gauge("apiserver_longrunning_requests", "Watches that are going on.", going)
        sent: dict[Labels, float] = {}
        for row, number in self._events.items():
            where = metrics.labels(group=row.group, resource=row.plural, version=row.version)
            sent[where] = sent.get(where, 0) + number
        yield metrics.counter(
            "apiserver_watch_events_total", "Events that were sent to watchers.", sent
        )


def _special(call: "Call") -> str:
    """What a request's query and headers make of its verb, and whether it is a dry run."""
    return f"{_verb(call)} {_dry_run(call)}"


def _dry_run(call: "Call") -> str:
    if "dryRun" not in call.query_string:
        return ""
    return "All" if {*call.query.get("dryRun", ())} <= {"All"} else "invalid"


def _verb(call: "Call") -> str:
    info, method = call.info, call.request.method
    if info.subresource in _CONNECT:
        return "CONNECT"
    if method in ("GET", "HEAD"):
        if info.watch or ("watch" in call.query and boolean(call.query["watch"])):
            return "WATCH"
        return "LIST" if call.resource is not None and not info.name else "GET"
    if method == "PATCH" and call.request.content_type in _APPLY:
        return "APPLY"
    return method if method in _METHODS else "other"


def _page(call: "Call") -> str:
    """What a page that is not about a resource is counted under: not the paths of mistakes."""
    head = call.info.parts[:1]
    if head in (("healthz",), ("livez",), ("readyz",), ("metrics",)):
        return f"/{head[0]}"
    return ""


def _series(call: "Call", verb: str) -> dict[str, str]:
    row, info = call.resource, call.info
    if row is None:
        scope, group, version, plural, subresource = "", "", "", "", _page(call)
    else:
        group, version, plural, subresource = row.group, row.version, row.plural, info.subresource
        single = info.name or (verb == "POST" and not info.subresource)
        scope = "resource" if single else "namespace" if info.namespace else "cluster"
    return {
        "component": "apiserver",
        "group": group,
        "resource": plural,
        "scope": scope,
        "subresource": subresource,
        "verb": verb,
        "version": version,
    }


def _labels(call: "Call", status: int) -> dict[str, str]:
    return {**_series(call, _verb(call)), "code": str(status), "dry_run": _dry_run(call)}
