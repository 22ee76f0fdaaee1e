"""Which nodes suit a DaemonSet.

A node should run a pod if the template's node selector and required node affinity match it, and
its taints are tolerated. One that has a pod already keeps it as long as the node matches and no
NoExecute taint drives it out: a NoSchedule taint that comes later does not.

                                      should run    should continue
    no taint, or all tolerated        yes           yes
    NoSchedule, not tolerated         no            yes
    NoExecute, not tolerated          no            no
    selector or affinity differs      no            no

Follows NodeShouldRunDaemonPod of `pkg/controller/daemon/daemon_controller.go`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from miniplane.api import objects
from miniplane.api.objects import Obj
from miniplane.api.selectors import nodes as node_rules


@dataclasses.dataclass(frozen=True, slots=True)
class NodeView:
    """What decides whether a node suits. Made anew only when that changes, not at heartbeats."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Obj, ...]

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> "NodeView":
        taints = (node.get("spec") or {}).get("taints") or ()
        return cls(objects.name_of(node), objects.labels_of(node), tuple(taints))


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    should_run: bool
    should_continue: bool


_YES = Verdict(True, True)
_KEEP = Verdict(False, True)
_NO = Verdict(False, False)

_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_TOLERATED_BY_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")


def tolerations(spec: Mapping[str, Any]) -> list[Obj]:
    """A pod spec's tolerations together with those that every daemon pod has.

    An own toleration that says the same but for how long is replaced where it stands.
    """
    found: list[Obj] = list(spec.get("tolerations") or ())
    wanted = [*_TOLERATED]
    if spec.get("hostNetwork"):
        wanted.append(_TOLERATED_BY_HOST_NETWORK)
    for key, effect in wanted:
        daemon = {"key": key, "operator": "Exists", "effect": effect}
        same = [_without_time(own) == daemon for own in found]
        if any(same):
            found = [daemon if is_same else own for own, is_same in zip(found, same, strict=True)]
        else:
            found.append(daemon)
    return found


def _without_time(toleration: Obj) -> Obj:
    return {k: v for k, v in toleration.items() if k != "tolerationSeconds" and v}


class Placement:
    """The verdicts of one template, remembered for each node until the node changes."""

    def __init__(self, template: Mapping[str, Any]):
        self._spec: Mapping[str, Any] = template.get("spec") or {}
        self._tolerations = tolerations(self._spec)
        self._verdicts: dict[str, tuple[NodeView, Verdict]] = {}

    def of(self, node: NodeView) -> Verdict:
        known = self._verdicts.get(node.name)
        if known is not None and known[0] is node:
            return known[1]
        verdict = self._judge(node)
        self._verdicts[node.name] = (node, verdict)
        return verdict

    def forget(self, name: str) -> None:
        """The node is gone."""
        self._verdicts.pop(name, None)

    def _judge(self, node: NodeView) -> Verdict:
        if self._spec.get("nodeName") not in (None, "", node.name):
            return _NO
        as_node = {"metadata": {"name": node.name, "labels": node.labels}}
        if not node_rules.required_affinity_matches(self._spec, as_node):
            return _NO
        against = node_rules.untolerated(node.taints, self._tolerations)
        if not against:
            return _YES
        driven_out = any(taint["effect"] == node_rules.NO_EXECUTE for taint in against)
        return _NO if driven_out else _KEEP
