"""Starting and stopping controllers together."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from miniplane.runtime.controller import Controller, ControllerContext


class Part(Protocol):
    """Something of a cluster that can be busy: an informer, a controller, a server."""

    @property
    def name(self) -> str:
        """How messages call it."""

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do until something happens or a timer fires."""

    def busy_with(self) -> list[str]:
        """What it is at, for messages."""


def select(
    names: Sequence[str], selection: str, aliases: Mapping[str, str] | None = None
) -> list[str]:
    """The controllers that a `--controllers` value switches on, in the order of `names`.

    `*` is all of them, `x` is x, `-x` is not x; what is said of one by name outweighs `*`, and what
    is said first the rest. `aliases` are other names of some. ValueError for a name that there is
    none of.

    >>> select(["deployment", "statefulset", "kubelet"], "*,-kubelet")
    ['deployment', 'statefulset']
    """
    words = [word.strip() for word in selection.split(",") if word.strip()]
    said: dict[str, bool] = {}
    for word in words:
        off, name = word.startswith("-"), word.removeprefix("-")
        name = (aliases or {}).get(name, name)
        if word != "*" and name not in names:
            known = ", ".join(names)
            raise ValueError(f"{name!r} is not in the list of known controllers: {known}")
        said.setdefault(name, not off)
    return [name for name in names if said.get(name, "*" in words)]


class ControllerManager:
    """The controllers of a cluster and the informers that they share."""

    def __init__(
        self,
        ctx: ControllerContext,
        controllers: Sequence[type[Controller]],
        selection: str = "*",
        aliases: Mapping[str, str] | None = None,
    ):
        by_name = {controller.name: controller for controller in controllers}
        self.ctx = ctx
        chosen = dict.fromkeys(select(list(by_name), selection, aliases))
        self.controllers = [
            controller(ctx)
            for name, controller in by_name.items()
            if controller.essential or name in chosen
        ]
        self._running = False

    async def start(self) -> None:
        """Set all up, fill the informers, start the workers. Returns when they run."""
        for controller in self.controllers:
            controller.setup()
        self.ctx.informers.start()
        await self.ctx.informers.wait_synced()
        for controller in self.controllers:
            await controller.start()
        self._running = True

    async def stop(self) -> None:
        for controller in self.controllers:
            await controller.stop()
        await self.ctx.informers.stop()
        self._running = False

    def find(self, name: str) -> Controller:
        """The running controller of that name. KeyError where there is none."""
        for controller in self.controllers:
            if controller.name == name:
                return controller
        raise KeyError(name)

    def parts(self) -> Iterator[Part]:
        """What `settle` has to ask."""
        yield from self.ctx.informers.informers
        yield from self.controllers

    @property
    def idle(self) -> bool:
        return all(part.idle for part in self.parts())
