"""The reconcile loop: keys in, results out.

A controller's `setup` registers informer handlers that put keys into `self.queue`. Workers take a
key and call `reconcile(key)`, which looks at the world as it is, changes what differs, and returns
when to look again. Nothing that happened is ever handed to it, only whose turn it is. What comes
of it:

| reconcile                 | then                                                            |
|---------------------------|-----------------------------------------------------------------|
| returns None              | the key rests until somebody adds it                            |
| returns `Result(after=s)` | it is added in s seconds; a later result replaces this wish     |
| raises                    | it is logged and added after 5 ms, 10 ms, 20 ms... up to 1000 s |
|                           | (`retry_delays`)                                                |

Two workers never have the same key at a time. Conflict, NotFound and AlreadyExists are what a
controller with a copy a moment old must expect, so they are logged for debugging only.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from miniplane.api import identities
from miniplane.api.errors import StatusError, is_namespace_terminating
from miniplane.api.resources import RESOURCES, Resource
from miniplane.client.protocol import Client
from miniplane.clock import Clock, sleeper
from miniplane.ids import Ids
from miniplane.pki.authority import Authority
from miniplane.rounds import Rounds
from miniplane.runtime.events import EventNames, EventRecorder
from miniplane.runtime.informer import Informer, InformerFactory
from miniplane.runtime.queue import BASE_DELAY, MAX_DELAY, WorkQueue

if TYPE_CHECKING:
    from miniplane.config import Config

log = logging.getLogger(__name__)

_QUIET = ("Conflict", "NotFound", "AlreadyExists", "Forbidden")


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """When to reconcile again: in `after` seconds, None for when something happens.

    `background` is for upkeep that comes round for ever and that nobody waits for.
    """

    after: float | None = None
    background: bool = False


@dataclasses.dataclass(slots=True)
class ControllerContext:
    """What controllers are given."""

    client: Client
    informers: InformerFactory
    clock: Clock
    ids: Ids
    config: "Config"
    authority: Authority
    event_names: EventNames = dataclasses.field(default_factory=EventNames)
    served: Callable[[], Sequence[Resource]] = lambda: RESOURCES
    """All resources that the server knows now, custom ones too: what discovery would say."""

    def recorder(
        self, component: str, *, host: str = "", client: Client | None = None
    ) -> EventRecorder:
        """Writes events as `component`, on `host` if it is a kubelet."""
        return EventRecorder(
            client or self.client, self.clock, component, host=host, names=self.event_names
        )


class Controller:
    """Base of all controllers. Subclasses set `name` and write `setup` and `reconcile`.

    What the loop keeps for itself is mangled, so no private name of a subclass can meet it.
    """

    name: ClassVar[str] = ""
    """As kube-controller-manager names it: `statefulset-controller`, `replicaset-controller`..."""
    manager: ClassVar[str] = "kube-controller-manager"
    """The field manager of its writes."""
    component: ClassVar[str] = ""
    """`source.component` of its events; its name unless it says otherwise."""
    essential: ClassVar[bool] = False
    """Whether it belongs to the API server, and so runs whatever is selected."""
    retry_delays: ClassVar[tuple[float, float]] = (BASE_DELAY, MAX_DELAY)
    """The first and the longest delay, in seconds, before a key that failed is tried again."""
    workers: ClassVar[int] = 1
    keys_per_turn: ClassVar[int] = 1
    """How many keys a worker takes before others get their turn. More than one suits those with
    many small jobs that somebody else counts: who counts has to do it less often."""

    def __init__(self, ctx: ControllerContext):
        self.ctx = ctx
        self.client = ctx.client.with_manager(self.manager, user=identities.controller(self.name))
        self.informers = ctx.informers
        self.clock = ctx.clock
        self.ids = ctx.ids.fork(self.name)
        self.config = ctx.config
        first, longest = self.retry_delays
        self.queue = WorkQueue(ctx.clock, self.name, first=first, longest=longest)
        self.reconciles = {"success": 0, "requeue_after": 0, "error": 0}
        """How often `reconcile` was called, by what came of it."""
        self.recorder = ctx.recorder(self.component or self.name, client=self.client)
        self.log = logging.getLogger(f"miniplane.controllers.{self.name}")
        self.__tasks: dict[asyncio.Task[Any], None] = {}
        self.__spawned: dict[asyncio.Task[Any], None] = {}
        self.__rounds: list[Rounds] = []

    # What subclasses write.

    def setup(self) -> None:
        """Ask for informers, add indexes, register handlers. Called once, before anything runs."""

    async def reconcile(self, key: str) -> Result | None:
        """Make the world of `key` as it should be, or a step closer."""
        raise RuntimeError(f"{type(self).__name__} has a queue but no reconcile")

    # What they use.

    def informer(self, resource: Resource) -> Informer:
        return self.informers.of(resource)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` beside the queue. The controller is busy until it ends; errors are logged."""
        task = asyncio.get_running_loop().create_task(self.__guard(work))
        self.__spawned[task] = None
        task.add_done_callback(lambda t: self.__spawned.pop(t, None))
        return task

    def rounds(self, seconds: float, act: Callable[[], float | None]) -> Rounds:
        """Have `act` called at multiples of `seconds`, but only when somebody asks for it.

        For what is to be looked at again and again, while there is something to see. `act` returns
        when the next look is worth while (Unix seconds), None for when somebody asks. It runs
        beside the queue; errors are logged, and the next round comes.
        """

        def guarded() -> float | None:
            try:
                return act()
            except Exception:
                self.log.exception("work beside the queue failed")
                return self.clock.time()

        label = (self.name, "rounds", seconds)
        self.__rounds.append(Rounds(self.clock, seconds, guarded, label=label))
        return self.__rounds[-1]

    # What the manager uses.

    @property
    def idle(self) -> bool:
        return self.queue.idle and not self.__spawned

    def busy_with(self) -> list[str]:
        """What it is at, for messages."""
        return self.queue.busy_with() + [repr(task.get_coro()) for task in self.__spawned]

    async def start(self) -> None:
        """Start the workers. The informers have been synced."""
        for number in range(self.workers):
            work = self.__work()
            task = asyncio.get_running_loop().create_task(work, name=f"{self.name}/{number}")
            self.__tasks[task] = None

    async def stop(self) -> None:
        """Cancel the workers, whatever they are at."""
        for rounds in self.__rounds:
            rounds.stop()
        self.queue.close()
        self.recorder.close()
        tasks = [*self.__tasks, *self.__spawned]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.__tasks.clear()

    async def __work(self) -> None:
        sleeper.set(self)
        keys = 0
        while True:
            key = await self.queue.get()
            try:
                await self.__attempt(key)
            finally:
                self.queue.done(key)
            # Calls in process never wait, so others must be given their turn.
            keys += 1
            if keys % self.keys_per_turn == 0 or not len(self.queue):
                await asyncio.sleep(0)

    async def __attempt(self, key: str) -> None:
        try:
            result = await self.reconcile(key)
        except Exception as error:
            if isinstance(error, StatusError) and (
                error.reason in _QUIET or is_namespace_terminating(error)
            ):
                self.log.debug("%s: %r: again later", key, error)
            elif isinstance(error, StatusError):
                self.log.warning("%s: %r: again later", key, error)
            else:
                self.log.exception("%s: reconcile failed: again later", key)
            self.reconciles["error"] += 1
            self.queue.add_rate_limited(key)
            return
        self.queue.forget(key)
        if result is None:
            self.reconciles["success"] += 1
            self.queue.come_back(key, None)
        else:
            self.reconciles["requeue_after"] += 1
            self.queue.come_back(key, result.after, background=result.background)

    async def __guard(self, work: Coroutine[Any, Any, Any]) -> Any:
        sleeper.set(self)
        try:
            return await work
        except Exception:
            self.log.exception("work beside the queue failed")
            return None
