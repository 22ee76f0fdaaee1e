"""WATCH: the store's events as a client with selectors is to see them.

An update that brings an object into the selection is an ADDED for this client, one that takes it
out is a DELETED with the object as it last matched:

    labelSelector app=web
    create a {app: web}            ADDED
    update a {app: web, v: 2}      MODIFIED
    update a {app: db}             DELETED   (with {app: web, v: 2}, at the new revision)
    update a {app: cache}          nothing
    delete a                       nothing

The initial state, where it is asked for, comes as ADDED events in the order of a list.
"""

import dataclasses

from miniplane.api import errors
from miniplane.api.options import ListOptions
from miniplane.api.resources import Resource
from miniplane.registry import catalog, reading
from miniplane.registry.context import Context
from miniplane.registry.filters import Filter
from miniplane.registry.forms import served
from miniplane.registry.stored import Stored, seal
from miniplane.store.errors import Compacted
from miniplane.store.events import Event
from miniplane.store.watch import Watcher

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"
BOOKMARK = "BOOKMARK"


@dataclasses.dataclass(slots=True)
class WatchEvent:
    """One event. A bookmark has no object, only a revision."""

    type: str
    stored: Stored | None
    revision: int
    initial_events_end: bool = False


class Watch:
    """A client's view of the writes to one resource. Must be closed."""

    __slots__ = ("_filter", "_initial", "_open", "_skip_to", "_watcher", "resource")

    def __init__(
        self,
        resource: Resource,
        watcher: Watcher[Stored],
        chosen: Filter,
        initial: list[WatchEvent],
        skip_to: int,
        open_watches: "dict[Watch, None] | None" = None,
    ):
        """`open_watches` is where the watch is to be found as long as it is open."""
        self.resource = resource
        self._watcher = watcher
        self._filter = chosen
        self._initial = initial
        self._skip_to = skip_to
        self._open = open_watches
        if open_watches is not None:
            open_watches[self] = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come, for now or for ever, without anything being wrong."""
        return self._watcher.closed and not self._initial

    @property
    def idle(self) -> bool:
        """Whether everything that has been written has also been delivered."""
        return self._watcher.idle and not self._initial

    @property
    def revision(self) -> int:
        """The revision up to which nothing has been missed."""
        return max(self._watcher.seen, self._skip_to)

    async def next(self, timeout: float | None = None) -> list[WatchEvent]:
        """The next events, at least one; none after `timeout` seconds, or when closed.

        StatusError (410 Expired) when the events have left the history.
        """
        while True:
            events = self.poll()
            if events or self._watcher.closed:
                return events
            if not await self._watcher.wait(timeout):
                return []

    def poll(self) -> list[WatchEvent]:
        """The events that are there already."""
        if self._initial:
            initial, self._initial = self._initial, []
            return initial
        watcher = self._watcher
        if watcher.closed:
            return []
        try:
            while not watcher.idle:
                events = self._convert(watcher.read())
                if events:
                    return events
        except Compacted as gone:
            raise errors.expired(
                f"too old resource version: {gone.revision} ({gone.oldest})"
            ) from None
        return []

    def _convert(self, events: list[Event[Stored]]) -> list[WatchEvent]:
        out = []
        chosen = self._filter
        for event in events:
            if event.revision <= self._skip_to:
                continue
            if chosen.everything:
                if event.deleted:
                    kind = DELETED
                else:
                    kind = ADDED if event.previous is None else MODIFIED
                out.append(WatchEvent(kind, self._form(event.value), event.revision))
                continue
            converted = self._selected(event)
            if converted is not None:
                out.append(converted)
        return out

    def _selected(self, event: Event[Stored]) -> WatchEvent | None:
        previous = None if event.previous is None else self._form(event.previous)
        value = self._form(event.value)
        before = previous is not None and self._filter.matches(previous)
        after = not event.deleted and self._filter.matches(value)
        if after:
            return WatchEvent(MODIFIED if before else ADDED, value, event.revision)
        if not before:
            return None
        if event.deleted:
            return WatchEvent(DELETED, value, event.revision)
        assert previous is not None
        last = {**previous.obj, "metadata": dict(previous.obj["metadata"])}
        return WatchEvent(DELETED, seal(self.resource, last, event.revision), event.revision)

    def _form(self, stored: Stored) -> Stored:
        return stored if stored.resource is self.resource else served(stored, self.resource)

    def bookmark(self) -> WatchEvent:
        """A bookmark for now: up to its revision, nothing has been missed."""
        return WatchEvent(BOOKMARK, None, self.revision)

    def end(self) -> None:
        """Let the stream end once the reader has had what is there; wake him if he waits."""
        try:
            self._initial = self._initial + self.poll()
        except errors.StatusError:
            return  # the reader will hear of that
        self.close()

    def close(self) -> None:
        self._watcher.close()
        if self._open is not None:
            self._open.pop(self, None)


def watch(context: Context, resource: Resource, namespace: str, options: ListOptions) -> Watch:
    """Start a watch.

    From no resourceVersion, or 0, or with `send_initial_events`: the present state first.
    """
    store = context.store
    chosen = Filter.parse(resource, options)
    prefix = catalog.prefix(resource, namespace if resource.namespaced else "")
    asked = reading.parse_revision(options.resource_version)
    initial: list[WatchEvent] = []
    after = asked
    skip_to = 0
    if options.send_initial_events:
        reading.check_not_future(context, asked)
    if options.send_initial_events or (asked == 0 and options.send_initial_events is None):
        after = store.revision
        for stored in store.range(prefix):
            form = served(stored, resource)
            if chosen.everything or chosen.matches(form):
                initial.append(WatchEvent(ADDED, form, stored.revision))
        if options.send_initial_events and options.allow_watch_bookmarks:
            initial.append(WatchEvent(BOOKMARK, None, after, initial_events_end=True))
    elif asked == 0:
        after = store.revision
    if after > store.revision:
        # Not written yet: wait for it, as the real server's cache does.
        skip_to, after = after, store.revision
    watcher = store.watch(prefix, after=after)
    custom = resource.custom
    known = None if custom is None else context.watches.setdefault(custom.definition_name, {})
    return Watch(resource, watcher, chosen, initial, skip_to, known)


DRAIN = 1.0
"""How long the watches of a custom resource go on after its definition has changed, in seconds."""


def end_watches(context: Context, definition: str) -> None:
    """End the watches that are open on the resources of a definition: what they would show next
    belongs to another form of it. After `tearDown` in `customresource_handler.go`."""
    watches = list(context.watches.get(definition, ()))

    def end() -> None:
        for open_watch in watches:
            open_watch.end()

    if watches:
        label = ("custom resources", "end watches", definition)
        context.clock.call_later(DRAIN, end, background=True, label=label)
