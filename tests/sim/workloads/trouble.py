"""What goes wrong in a cluster beside its clients, for any kind of workload.

`Trouble` is a kubelet with whims, nodes that come and go, and a user who meddles with pods. Pods
from `FIELDS` have a readiness gate, `FIT`, which is what the whims turn: a pod gets ready when it
pleases, and stays so for as long as it pleases.
"""

from collections.abc import Callable, Sequence
from typing import Any

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, annotations_of
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import NODES, PODS, Resource
from miniplane.testing import objects

FIT = "example.com/fit"
FIELDS = {"readinessGates": [{"conditionType": FIT}]}
"""For the spec of a pod."""
STRAY = "stray"
"""The label `app` of pods that were taken away from their owner."""
CASCADES = ("Background", "Foreground", "Orphan")
_RUN_FOR = "sim.miniplane.dev/run-for"
_EXIT_CODE = "sim.miniplane.dev/exit-code"
_HEALTHY = {_RUN_FOR: None, _EXIT_CODE: None}


def alive(pod: Obj) -> bool:
    """Neither ended nor on its way out."""
    phase = (pod.get("status") or {}).get("phase")
    return phase not in ("Failed", "Succeeded") and "deletionTimestamp" not in pod["metadata"]


def name_of(obj: Obj) -> str:
    return obj["metadata"]["name"]


def fit(pod: Obj) -> bool:
    found = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == FIT and c["status"] == "True" for c in found)


def ready(pod: Obj) -> bool:
    found = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in found)


class Trouble:
    def __init__(self, sim: Any, *, moody: bool = True) -> None:
        self.sim = sim
        self.random = sim.random
        self.moody = moody
        """Whether kubelets let pods down that were ready."""
        self._nodes = 3

    # Kubelets.

    async def whims(self) -> None:
        """Some pods get ready, some cease to be, some crash and some recover."""
        for pod in self.sim.all(PODS):
            node = pod["spec"].get("nodeName")
            if not node or node in self.sim.lost or not alive(pod):
                continue
            chance = self.random.random()
            if _RUN_FOR in annotations_of(pod) and chance < 0.5:
                await self._note(pod, _HEALTHY)
            elif not fit(pod) and chance < 0.6:
                await self._turn(pod, "True")
            elif fit(pod) and self.moody and chance < 0.04:
                await self._turn(pod, "False")
            elif fit(pod) and self.moody and chance < 0.07:
                seconds = self.random.integer(0, 3)
                await self._note(pod, {_RUN_FOR: f"{seconds}s", _EXIT_CODE: "1"})

    async def _turn(self, pod: Obj, status: str) -> None:
        patch = {"status": {"conditions": [{"type": FIT, "status": status}]}}
        await self.sim.patch(PODS, name_of(pod), patch, subresource="status", merge=False)

    async def _note(self, pod: Obj, notes: dict[str, str | None]) -> None:
        await self.sim.patch(PODS, name_of(pod), {"metadata": {"annotations": notes}})

    # Nodes.

    async def nodes(self) -> None:
        """A node is lost, comes back, is cordoned, or leaves; or one joins."""
        nodes = self.sim.all(NODES)
        node = self.random.choice(nodes)
        change = self.random.choice(("lose", "return", "return", "cordon", "open", "open", "swap"))
        if change == "lose" and len(self.sim.lost) < 2:
            self.sim.lost[name_of(node)] = None
        elif change == "return":
            self.sim.lost.clear()
        elif change in ("cordon", "open"):
            cordoned = True if change == "cordon" else None
            await self.sim.patch(NODES, name_of(node), {"spec": {"unschedulable": cordoned}})
        elif change == "swap":
            if len(nodes) > 2 and self.random.random() < 0.5:
                self.sim.lost.pop(name_of(node), None)
                await self.sim.user.delete(NODES, name_of(node))
            elif len(nodes) < 4:
                self._nodes += 1
                made = objects.node(f"node-{self._nodes}")
                made["metadata"]["annotations"] = {"miniplane.dev/simulated": "true"}
                await self.sim.user.create(NODES, made)

    # Users.

    async def relabel(self, app: str) -> None:
        """A pod is taken away from its owner, or given back."""
        pods = [pod for pod in self.sim.all(PODS) if alive(pod)]
        if pods:
            pod = self.random.choice(pods)
            there = (pod["metadata"].get("labels") or {}).get("app")
            labels = {"app": app if there == STRAY else STRAY}
            await self.sim.patch(PODS, name_of(pod), {"metadata": {"labels": labels}})

    async def remake(
        self, resource: Resource, made: Obj, cascades: Sequence[str] = CASCADES
    ) -> None:
        """An object is deleted, with any cascade, and made again, at once or a little later."""
        policy = self.random.choice(cascades)
        options = DeleteOptions(propagation_policy=policy)
        await self.sim.user.delete(resource, name_of(made), "default", options=options)
        for _ in range(30):
            if self.random.random() < 0.5:
                await self.sim.pass_time()
            try:
                await self.sim.user.create(resource, made)
            except StatusError as error:
                assert error.code == 409, error
                self.sim.lost.clear()
                await self.sim.harness.advance(60)
            else:
                return
        raise AssertionError(f"{name_of(made)} is deleted, and never goes")

    # The end of it all.

    async def uncordon(self) -> None:
        """Pods may go to any node again."""
        for node in self.sim.all(NODES):
            await self.sim.patch(NODES, name_of(node), {"spec": {"unschedulable": None}})

    async def mend(self, check: Callable[[], None], *, minutes: int = 90) -> None:
        """All nodes are there, all pods well, and no call fails: `check` holds before long, and
        then for good."""
        self.sim.clear()
        await self.uncordon()
        for turn in range(2 * minutes):
            for pod in self.sim.all(PODS):
                if alive(pod) and _RUN_FOR in annotations_of(pod):
                    await self._note(pod, _HEALTHY)
                if alive(pod) and not fit(pod):
                    await self._turn(pod, "True")
            await self.sim.harness.advance(30)
            try:
                nodes = [name_of(node) for node in self.sim.all(NODES)]
                for pod in self.sim.all(PODS):
                    assert ready(pod) or not alive(pod)
                    # Those of a node that has left go a while later.
                    assert pod["spec"].get("nodeName", nodes[0]) in nodes
                check()
            except (AssertionError, LookupError, ValueError):  # Not yet.
                if turn == 2 * minutes - 1:
                    raise
            else:
                break
        await self.sim.rest()
        check()
