"""A client that fails on purpose, to see what its users make of it.

A *plan* looks at every call and says what goes wrong with it: nothing, an error before the server
hears of it, or an error after the write has happened (an answer that was lost). Watches can be
broken at any time.

    faults = FaultClient(client, plan=refuse(3, conflict, verbs=("update",)))
    faults.break_watches()                    # every open watch: 410 Expired
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from miniplane.api import errors
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import STRATEGIC_MERGE_PATCH, DeleteOptions, User
from miniplane.api.resources import Resource
from miniplane.client.protocol import Client, ClientEvent, ClientWatch, ObjectList
from miniplane.clock import Clock
from miniplane.ids import Ids

WRITES = ("create", "update", "patch", "delete", "delete_collection")
READS = ("get", "list", "watch")


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One call that is about to be made. `number` counts all calls of this client from 1."""

    number: int
    verb: str
    """`get`, `list`, `create`, `update`, `patch`, `delete`, `delete_collection` or `watch`."""
    resource: Resource
    namespace: str
    name: str
    subresource: str
    manager: str
    body: Any = None
    """The object or patch that is sent."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong. With `after`, the server has done what was asked and the answer is lost.
    `delay` seconds pass first (needs the client to have a clock); without an error, that is all."""

    error: Exception | None = None
    after: bool = False
    delay: float = 0.0


Plan = Callable[[Call], Fault | None]


def conflict(call: Call) -> StatusError:
    """409: somebody else wrote first."""
    return errors.stale_revision(call.resource, call.name)


def unavailable(call: Call) -> StatusError:
    """503, as from a server that is restarting."""
    return StatusError(503, "ServiceUnavailable", "the server is currently unable to handle it")


def timeout(call: Call) -> StatusError:
    """504: no answer in time. Whether it was done is not known."""
    message = "Timeout: request did not complete within the allotted timeout"
    return StatusError(504, "Timeout", message, {})


def refuse(
    count: int,
    error: Callable[[Call], Exception] = unavailable,
    *,
    verbs: Sequence[str] = WRITES,
    matches: Callable[[Call], bool] = lambda call: True,
    after: bool = False,
) -> Plan:
    """A plan that fails the first `count` calls of these verbs for which `matches` is true."""
    left = count

    def plan(call: Call) -> Fault | None:
        nonlocal left
        if left <= 0 or call.verb not in verbs or not matches(call):
            return None
        left -= 1
        return Fault(error(call), after=after)

    return plan


def weather(
    ids: Ids,
    *,
    rate: float,
    verbs: Sequence[str] = WRITES,
    kinds: Sequence[Callable[[Call], Exception]] = (conflict, unavailable, timeout),
    lost_answers: float = 0.5,
    slow: float = 0.0,
) -> Plan:
    """A plan that fails each call with probability `rate`, the same way for the same seed.

    Of the timeouts, the share `lost_answers` happens after the write. `slow` is the most seconds
    that a call is held up before it is made.
    """

    def plan(call: Call) -> Fault | None:
        if call.verb not in verbs:
            return None
        delay = ids.random() * slow if slow else 0.0
        if ids.random() >= rate:
            return Fault(delay=delay) if delay else None
        kind = ids.choice(kinds)
        after = kind is timeout and ids.random() < lost_answers
        return Fault(kind(call), after=after, delay=delay)

    return plan


@dataclasses.dataclass(slots=True)
class _Shared:
    """What a client and those made from it by `with_manager` have in common."""

    plan: Plan | None
    clock: Clock | None
    calls: int = 0
    watches: dict["_FaultWatch", None] = dataclasses.field(default_factory=dict)


class FaultClient:
    """A `Client` that asks a plan before it passes a call on."""

    def __init__(self, inner: Client, plan: Plan | None = None, *, clock: Clock | None = None):
        self._inner = inner
        self._shared = _Shared(plan, clock)

    @property
    def manager(self) -> str:
        return self._inner.manager

    @property
    def calls(self) -> int:
        """How many calls were made, failed ones included."""
        return self._shared.calls

    def set_plan(self, plan: Plan | None) -> None:
        """Follow another plan from now on, or none; for all clients made from this one."""
        self._shared.plan = plan

    def break_watches(self, error: Exception | None = None) -> None:
        """Have every open watch raise `error`, 410 Expired unless given, at its next event or now
        if somebody waits for one."""
        for watch in list(self._shared.watches):
            watch.fail(error or errors.expired("too old resource version"))

    def with_manager(self, manager: str, *, user: User | None = None) -> "FaultClient":
        client = FaultClient(self._inner.with_manager(manager, user=user))
        client._shared = self._shared
        return client

    async def get(
        self, resource: Resource, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Obj:
        fault = await self._before("get", resource, namespace, name, subresource)
        found = await self._inner.get(resource, name, namespace, subresource=subresource)
        return _after(fault, found)

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList:
        fault = await self._before("list", resource, namespace)
        found = await self._inner.list(
            resource, namespace, label_selector=label_selector, field_selector=field_selector
        )
        return _after(fault, found)

    async def create(
        self,
        resource: Resource,
        obj: Obj,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
    ) -> Obj:
        meta = obj.get("metadata") or {}
        where = namespace or meta.get("namespace", "")
        who = name or meta.get("name", "")
        fault = await self._before("create", resource, where, who, subresource, obj)
        made = await self._inner.create(
            resource, obj, namespace=namespace, name=name, subresource=subresource
        )
        return _after(fault, made)

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "") -> Obj:
        meta = obj["metadata"]
        where = meta.get("namespace", "")
        fault = await self._before("update", resource, where, meta["name"], subresource, obj)
        return _after(fault, await self._inner.update(resource, obj, subresource=subresource))

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        patch_type: str = STRATEGIC_MERGE_PATCH,
        subresource: str = "",
    ) -> Obj:
        fault = await self._before("patch", resource, namespace, name, subresource, patch)
        made = await self._inner.patch(
            resource, name, patch, namespace, patch_type=patch_type, subresource=subresource
        )
        return _after(fault, made)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
    ) -> None:
        fault = await self._before("delete", resource, namespace, name)
        await self._inner.delete(resource, name, namespace, options=options)
        _after(fault, None)

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
        label_selector: str = "",
        field_selector: str = "",
    ) -> None:
        fault = await self._before("delete_collection", resource, namespace)
        await self._inner.delete_collection(
            resource,
            namespace,
            options=options,
            label_selector=label_selector,
            field_selector=field_selector,
        )
        _after(fault, None)

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        allow_bookmarks: bool = True,
    ) -> "ClientWatch":
        fault = await self._before("watch", resource, namespace)
        inner = await self._inner.watch(
            resource,
            namespace,
            resource_version=resource_version,
            label_selector=label_selector,
            field_selector=field_selector,
            allow_bookmarks=allow_bookmarks,
        )
        watch = _FaultWatch(inner, self._shared)
        if fault is not None and fault.error is not None:
            watch.fail(fault.error)
        return watch

    async def _before(
        self,
        verb: str,
        resource: Resource,
        namespace: str,
        name: str = "",
        subresource: str = "",
        body: Any = None,
    ) -> Fault | None:
        shared = self._shared
        shared.calls += 1
        if shared.plan is None:
            return None
        fault = shared.plan(
            Call(shared.calls, verb, resource, namespace, name, subresource, self.manager, body)
        )
        if fault is None:
            return None
        if fault.delay and shared.clock is not None:
            await shared.clock.sleep(fault.delay)
        if fault.error is not None and not fault.after:
            raise fault.error
        return fault


class _FaultWatch:
    """A watch that can be made to fail from outside."""

    def __init__(self, inner: ClientWatch, shared: _Shared):
        self._inner = inner
        self._shared = shared
        self._error: Exception | None = None
        shared.watches[self] = None

    @property
    def pending(self) -> bool:
        return self._error is not None or self._inner.pending

    async def next(self, timeout: float | None = None) -> Sequence[ClientEvent]:
        if self._error is None:
            try:
                events = await self._inner.next(timeout)
            except Exception:
                # Closing the inner watch is what wakes it when this one is made to fail.
                if self._error is None:
                    raise
            else:
                if self._error is None:
                    return events
        error, self._error = self._error, None
        self.close()
        assert error is not None
        raise error

    def fail(self, error: Exception) -> None:
        self._error = error
        self._inner.close()

    def close(self) -> None:
        self._shared.watches.pop(self, None)
        self._inner.close()


def _after(fault: Fault | None, answer: Any) -> Any:
    if fault is not None and fault.error is not None:
        raise fault.error
    return answer
