"""A tiny model of everything around a controller's plan: a server, kubelets, users, a clock.

Pods are written to a server that keeps them in a dictionary. What the controller sees are copies,
in the order of the writes, but late: `hear` delivers some of the news. Its calls fail at times,
before or after they have been carried out. One step takes tens of microseconds.
"""

import collections
import random
from collections.abc import Callable
from typing import Any

from miniplane.api.objects import Obj, thaw
from miniplane.clock import VirtualClock
from tests.sim.steps import Steps

NODES = ("node-1", "node-2", "node-3")


class Refused(Exception):
    """A call of the controller's failed: `done` tells whether it was carried out all the same."""

    def __init__(self, done: bool):
        super().__init__("the answer was lost" if done else "the server was not reached")
        self.done = done


class World:
    def __init__(self, seed: Any, steps: Steps, view: Callable[[Obj], Any]):
        self.random = random.Random(seed)
        self.steps = steps
        self.clock = VirtualClock()
        self.pods: dict[str, Obj] = {}
        """By name, as the server has them."""
        self.seen: dict[str, Any] = {}
        """By name, as the controller sees them: `view` of a pod."""
        self.view = view
        self.news: collections.deque[tuple[str, Obj | None]] = collections.deque()
        self.heard: Callable[[Any, Any], None] = lambda old, new: None
        """Told of each change that the controller gets to see: the view before and after."""
        self.weather = 0.15
        """How many of the controller's calls fail."""
        self.made = 0

    @property
    def now(self) -> float:
        return self.clock.time()

    # The server.

    def put(self, pod: Obj) -> None:
        self.steps.take()
        name = pod["metadata"]["name"]
        self.pods[name] = pod
        self.news.append((name, pod))

    def remove(self, name: str) -> None:
        self.steps.take()
        del self.pods[name]
        self.news.append((name, None))

    def change(self, name: str) -> Obj:
        """A copy of a pod that may be changed and put back."""
        return thaw(self.pods[name])

    def create(self, pod: Obj) -> Obj:
        self.made += 1
        pod = thaw(pod)
        meta = pod["metadata"]
        meta["name"] = f"{meta.pop('generateName')}{self.made:04}"
        meta["uid"] = f"uid-{self.made:04}"
        meta["creationTimestamp"] = self.clock.rfc3339()
        pod["status"] = {"phase": "Pending"}
        self.put(pod)
        return pod

    def delete(self, name: str, *, force: bool = False) -> None:
        """Ask for a pod to go; one that no kubelet has, or that has finalizers only, goes then."""
        pod = self.change(name)
        meta = pod["metadata"]
        gone = force or not pod["spec"].get("nodeName") or ended(pod)
        if gone and not meta.get("finalizers"):
            self.remove(name)
        elif "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = self.clock.rfc3339()
            self.put(pod)

    def let_go(self, name: str, finalizer: str) -> None:
        """Take a finalizer off; the pod goes if that was what kept it."""
        pod = self.change(name)
        meta = pod["metadata"]
        if finalizer not in meta.get("finalizers", ()):
            return
        meta["finalizers"].remove(finalizer)
        if "deletionTimestamp" in meta and ended(pod):
            self.remove(name)
        else:
            self.put(pod)

    # The controller's calls and copies.

    def call(self, act: Callable[[], Any]) -> Any:
        """A call of the controller's. Refused, with or without having been carried out."""
        self.steps.take()
        if self.random.random() >= self.weather:
            return act()
        if self.random.random() < 0.4:
            act()
            raise Refused(done=True)
        raise Refused(done=False)

    def hear(self, count: int | None = None) -> None:
        """Deliver that many news, all of them unless told."""
        for _ in range(len(self.news) if count is None else min(count, len(self.news))):
            name, pod = self.news.popleft()
            old = self.seen.get(name)
            new = None if pod is None else self.view(pod)
            if new is None:
                self.seen.pop(name, None)
            else:
                self.seen[name] = new
            self.heard(old, new)

    # Kubelets and users.

    def kubelet(self, name: str, *, whims: bool = True) -> None:
        """A pod takes the next step of its life, or one that nobody wished for."""
        pod, chance = self.change(name), self.random.random()
        spec, status = pod["spec"], pod["status"]
        if "deletionTimestamp" in pod["metadata"]:
            self._stop(pod)
        elif not spec.get("nodeName"):
            spec["nodeName"] = self.random.choice(NODES)
            self.put(pod)
        elif status["phase"] == "Pending":
            status["phase"] = "Running"
            self.put(pod)
        elif status["phase"] == "Running":
            if whims and chance < 0.08:
                self.end(pod, "Failed")
            elif whims and chance < 0.16 and ready(pod):
                self._set_ready(pod, "False")
            elif not ready(pod):
                self._set_ready(pod, "True")

    def _stop(self, pod: Obj) -> None:
        if pod["metadata"].get("finalizers"):
            if not ended(pod):
                self.end(pod, "Failed", code=143)
        else:
            self.remove(pod["metadata"]["name"])

    def _set_ready(self, pod: Obj, status: str) -> None:
        since = self.clock.rfc3339()
        condition = {"type": "Ready", "status": status, "lastTransitionTime": since}
        pod["status"]["conditions"] = [condition]
        self.put(pod)

    def end(self, pod: Obj, phase: str, *, code: int | None = None) -> None:
        code = (0 if phase == "Succeeded" else 1) if code is None else code
        state = {"terminated": {"exitCode": code, "finishedAt": self.clock.rfc3339()}}
        pod["status"] = {
            "phase": phase,
            "containerStatuses": [{"name": "main", "restartCount": 0, "state": state}],
        }
        self.put(pod)

    def lose_a_node(self) -> None:
        """What ran there has failed, and goes at once."""
        node = self.random.choice(NODES)
        for name in list(self.pods):
            pod = self.change(name)
            if pod["spec"].get("nodeName") == node:
                if not ended(pod):
                    self.end(pod, "Failed", code=137)
                self.delete(name, force=True)

    def pass_time(self) -> None:
        self.clock.advance(self.random.choice((0, 0, 0.5, 1, 3, 10)))

    def pick(self) -> str | None:
        return self.random.choice(list(self.pods)) if self.pods else None


def ended(pod: Obj) -> bool:
    return pod["status"]["phase"] in ("Failed", "Succeeded")


def active(pod: Obj) -> bool:
    return not ended(pod) and "deletionTimestamp" not in pod["metadata"]


def ready(pod: Obj) -> bool:
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ())
    )
