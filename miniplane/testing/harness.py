"""`cluster()`: a whole control plane for the length of a test."""

import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from miniplane.api import resources
from miniplane.api.objects import Obj
from miniplane.api.resources import NODES, PODS, Resource
from miniplane.client.protocol import Client
from miniplane.clock import Clock, VirtualClock, format_micro_time
from miniplane.controllers.kubelet import faults
from miniplane.ids import Ids
from miniplane.runtime import settle
from miniplane.runtime.manager import Part

if TYPE_CHECKING:
    import ssl

    from miniplane.cluster import Cluster
    from miniplane.registry.registry import Registry
    from miniplane.runtime.logs.podlogs import PodLogs


Objects: TypeAlias = list[Obj]


class Harness:
    """A running cluster and the ways to move it along."""

    def __init__(self, cluster: "Cluster", url: str = "", dns: tuple[str, int] = ("", 0)):
        self.cluster = cluster
        self.url = url
        """Where its HTTP server listens; empty without one."""
        self.dns = dns
        """Where its names are answered: address and port; `("", 0)` for nowhere."""

    @functools.cached_property
    def tls(self) -> "ssl.SSLContext | None":
        """For a client of its HTTPS server that is the administrator; None for plain HTTP."""
        serving = self.cluster.serving
        return None if serving is None else serving.client()

    def kubeconfig(self) -> str:
        """A kubeconfig for its HTTP server, with the administrator's credentials for HTTPS."""
        from miniplane.cli import kubeconfig

        serving = self.cluster.serving
        if serving is None:
            return kubeconfig.render(self.url)
        admin = serving.admin
        access = kubeconfig.Access(serving.authorities, admin.certificate, admin.key)
        return kubeconfig.render(self.url, access)

    @property
    def client(self) -> Client:
        return self.cluster.client

    @property
    def registry(self) -> "Registry":
        return self.cluster.registry

    @property
    def clock(self) -> Clock:
        return self.cluster.clock

    @property
    def logs(self) -> "PodLogs":
        """What the containers say: `logs.read("default", "web")`, `logs.write(...)`."""
        return self.cluster.logs

    @property
    def ids(self) -> Ids:
        return self.cluster.ids

    def resource(self, plural: str, group: str, version: str = "v1") -> Resource:
        """A resource that the cluster serves, a custom one too. KeyError where there is none."""
        found = resources.BY_PATH.get((group, version, plural))
        found = found or self.registry.custom.find(group, version, plural)
        if found is None:
            raise KeyError((group, version, plural))
        return found

    def parts(self) -> Iterable[Part]:
        return self.cluster.manager.parts()

    async def settle(self, *, max_seconds: float = settle.MAX_SECONDS) -> None:
        """Return when nothing is left to do: all controllers idle, no foreground timer pending.

        NotSettled, naming who is busy, when that takes more than `max_seconds` on the clock.
        """
        await self.cluster.settle(max_seconds=max_seconds)

    async def drain(self) -> None:
        """Let everything happen that can happen now, without moving a virtual clock."""
        await settle.drain(self.clock, self.parts)

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass: on a virtual clock at once, leases and resyncs included."""
        if isinstance(self.clock, VirtualClock):
            await self.cluster.advance(seconds)
        else:
            await self.clock.sleep(seconds)
            await self.drain()

    async def until(
        self, check: Callable[[], Any | Awaitable[Any]], *, max_seconds: float = 600.0
    ) -> Any:
        """Move time just so far that `check()`, plain or a coroutine function, gives something
        true, and return that. NotSettled after `max_seconds` on the clock."""
        deadline = self.clock.time() + max_seconds
        while True:
            await self.drain()
            found = check()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            due = self.clock.next_timer(background=True)
            if due is None or due > deadline:
                raise settle.NotSettled(f"not true after {max_seconds:g} s: {check}")
            if isinstance(self.clock, VirtualClock):
                self.clock.step(due)
            else:
                await self.clock.sleep(due - self.clock.time(), background=True)

    async def fail(
        self, pod: str, fault: str, *, namespace: str = "default", container: str = ""
    ) -> None:
        """Let a pod fail, or one of its containers: `crashloop`, `exit=3`, `oom`, `image-pull`,
        `not-ready`, `liveness` or `startup`, as its annotation `sim.miniplane.dev/fail` does."""
        key = f"{faults.FAIL}.{container}" if container else faults.FAIL
        await self._annotate(PODS, pod, {key: fault}, namespace)

    async def heal(self, pod: str, *, namespace: str = "default") -> None:
        """Let a pod be well again, with all of its containers."""
        there = (await self.client.get(PODS, pod, namespace))["metadata"].get("annotations") or {}
        gone = [key for key in there if key == faults.FAIL or key.startswith(f"{faults.FAIL}.")]
        await self._annotate(PODS, pod, dict.fromkeys(gone), namespace)

    async def fail_node(
        self, node: str, fault: str = "stopped", *, seconds: float | None = None
    ) -> None:
        """Put a simulated node out of reach, or short of something (`memory-pressure`,
        `disk-pressure`, `pid-pressure`), for so many seconds or until it is healed."""
        key = f"{faults.PREFIX}{fault}"
        if key not in (faults.STOPPED, *faults.PRESSURES):
            raise ValueError(f"nodes do not fail by {fault!r}")
        until = "true" if seconds is None else format_micro_time(self.clock.time() + seconds)
        await self._annotate(NODES, node, {key: until})

    async def heal_node(self, node: str) -> None:
        """Let a node be well again."""
        await self._annotate(NODES, node, dict.fromkeys((faults.STOPPED, *faults.PRESSURES)))

    async def _annotate(
        self, resource: Resource, name: str, notes: Mapping[str, str | None], namespace: str = ""
    ) -> None:
        body: Obj = {"metadata": {"annotations": dict(notes)}}
        await self.client.patch(resource, name, body, namespace)

    async def list(
        self, resource: Resource, namespace: str = "default", *, label_selector: str = ""
    ) -> Objects:
        """The objects of a namespace (`""`: of all), by name."""
        found = await self.client.list(resource, namespace, label_selector=label_selector)
        return [handle.obj for handle in found.items]

    async def pods(self, namespace: str = "default", *, label_selector: str = "") -> Objects:
        return await self.list(PODS, namespace, label_selector=label_selector)


@contextlib.asynccontextmanager
async def cluster(
    *,
    nodes: int = 3,
    seed: int | None = 0,
    clock: Clock | None = None,
    http: bool = False,
    https: bool = False,
    wrap_client: Callable[[Client], Client] | None = None,
    **settings: Any,
) -> AsyncIterator[Harness]:
    """A cluster with `nodes` simulated nodes, settled before it is handed over.

    `clock` is a VirtualClock unless given; `seed` None makes every run different; `http` serves it
    on a free loopback port (`Harness.url`), `https` serves HTTPS (`Harness.tls`); `wrap_client`
    comes between the controllers and the registry, as `testing.FaultClient` does. `**settings` are
    those of `miniplane.config.Config`: `controllers="*,-kubelet"` switches parts off. Pods start
    without delay unless `pod_startup` says otherwise.
    """
    from miniplane.cluster import Cluster
    from miniplane.config import Config

    settings = {"pod_startup": 0.0, "port": 0, "https": https, **settings}
    config = Config(nodes=nodes, seed=seed, **settings)
    made = Cluster(
        config,
        clock=clock or VirtualClock(),
        ids=Ids(seed),
        wrap_client=wrap_client or (lambda client: client),
    )
    async with contextlib.AsyncExitStack() as stack:
        await made.start()
        stack.push_async_callback(made.stop)
        url = ""
        if http or https:
            url = (await stack.enter_async_context(made.server())).url
        dns = ("", 0)
        if (names := made.names()) is not None:
            dns = (await stack.enter_async_context(names)).address
        harness = Harness(made, url, dns)
        await harness.settle()
        yield harness
