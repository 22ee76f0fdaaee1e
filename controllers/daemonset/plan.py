"""What a DaemonSet needs next: a pure function of what was observed and of the time.

First every node is looked at (`N` suits, `K` may only keep what it has, `x` does not suit; pods are
`R` ready, `P` not, `F` failed, `T` terminating):

    node    pods      actions
    N                 create
    N       R         none
    N       T         none: it has to be gone, or at least finished
    N       F         tell, delete; the next plan creates (a failing pod waits: `backoff`)
    N       R R       delete the younger
    K       R         none; counted as misscheduled
    K                 none
    x       R         delete
    none    P         delete a pod that no scheduler can place any more

Only where that leaves nothing to do are pods of an old template replaced: `rollout`.

Follows `pkg/controller/daemon/daemon_controller.go`.
"""

from collections.abc import Iterable, Mapping, Sequence

from miniplane.api.models.daemonset import DaemonSet
from miniplane.controllers.daemonset import rollout
from miniplane.controllers.daemonset.actions import CreatePod, DeletePod, Plan, Tell
from miniplane.controllers.daemonset.placement import NodeView, Placement
from miniplane.controllers.pods import PodView

BURST = 250
"""The most pods that one plan creates, and that it deletes."""


def by_node(pods: Iterable[PodView], *, finished: bool = False) -> dict[str, list[PodView]]:
    """Pods by the node they run on or are pinned to, the oldest first, bound ones before others.

    Terminating pods whose containers have stopped are left out unless `finished`: they take up no
    place any more.
    """
    found: dict[str, list[PodView]] = {}
    for pod in pods:
        if pod.node and (finished or not (pod.terminating and pod.terminal)):
            found.setdefault(pod.node, []).append(pod)
    for on_node in found.values():
        if len(on_node) > 1:
            on_node.sort(key=lambda pod: (not pod.bound, pod.created_at, pod.name))
    return found


def plan(
    daemon: DaemonSet,
    nodes: Sequence[NodeView],
    pods: Iterable[PodView],
    *,
    placement: Placement,
    hash_: str,
    generation: str,
    now: float,
    waits: Mapping[str, float],
) -> Plan:
    """What to do now.

    `pods` are those that the set owns; `hash_` and `generation` are of its present template;
    `waits` says for how many seconds failed pods on a node are left alone.
    """
    found = by_node(pods)
    surging = rollout.allows_surge(daemon)
    tell: list[Tell] = []
    create: list[str] = []
    delete: list[PodView] = []
    failed_on: list[str] = []
    moments: list[float] = []
    for node in nodes:
        verdict = placement.of(node)
        here = found.get(node.name)
        if verdict.should_run and here is None:
            create.append(node.name)
        elif verdict.should_continue:
            running: list[PodView] = []
            for pod in here or ():
                if pod.terminating:
                    continue
                if pod.failed and node.name in waits:
                    moments.append(waits[node.name])
                elif pod.terminal:
                    tell.append(_obituary(pod, node.name))
                    delete.append(pod)
                    if pod.failed:
                        failed_on.append(node.name)
                else:
                    running.append(pod)
            if not surging:
                delete.extend(running[1:])
            elif not running and verdict.should_run:
                create.append(node.name)
            elif len(running) > 1:
                delete.extend(
                    rollout.superfluous(
                        running,
                        hash_=hash_,
                        min_ready_seconds=daemon.spec.min_ready_seconds,
                        now=now,
                    )
                )
        else:
            delete.extend(pod for pod in here or () if not pod.terminating)
    delete.extend(_unplaceable(nodes, found))
    if not create and not delete:
        create, delete = rollout.plan(
            daemon, nodes, found, placement=placement, hash_=hash_, generation=generation, now=now
        )
    if daemon.spec.min_ready_seconds:
        moments += _moments(found, daemon.spec.min_ready_seconds, now)
    return Plan(
        tell=tuple(tell),
        create=tuple(CreatePod(node) for node in create[:BURST]),
        delete=tuple(DeletePod(pod.name, pod.uid) for pod in delete[:BURST]),
        failed_on=tuple(dict.fromkeys(failed_on)),
        retry_after=min(moments, default=None),
    )


def _obituary(pod: PodView, node: str) -> Tell:
    whom = f"daemon pod {pod.namespace}/{pod.name} on node {node}"
    if pod.failed:
        text = f"Found failed {whom}, will try to kill it"
        return Tell("Warning", "FailedDaemonPod", text)
    return Tell("Normal", "SucceededDaemonPod", f"Found succeeded {whom}, will try to delete it")


def _unplaceable(
    nodes: Sequence[NodeView], found: Mapping[str, Sequence[PodView]]
) -> list[PodView]:
    """Pods that wait for a node that is gone. Bound ones are the pod garbage collector's."""
    if len(found) <= len(nodes) and all(n.name in found for n in nodes):
        return []
    known = {node.name for node in nodes}
    return [
        pod for name, here in found.items() if name not in known for pod in here if not pod.bound
    ]


def _moments(
    found: Mapping[str, Sequence[PodView]], min_ready_seconds: int, now: float
) -> list[float]:
    """In how many seconds pods become available."""
    return [
        pod.ready_since + min_ready_seconds - now
        for here in found.values()
        for pod in here
        if pod.ready_since is not None and pod.ready_since + min_ready_seconds > now
    ]
