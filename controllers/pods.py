"""What controllers ask of pods: phases, readiness, availability, and pods from templates.

Pure predicates over JSON-shaped pods, after `k8s.io/kubernetes/pkg/api/v1/pod/util.go` and
`pkg/controller/controller_utils.go`. Times are unix seconds.

`PodView` is the same knowledge taken out of a pod once: controllers of many pods keep views, which
cost a few hundred bytes, instead of asking a decoded pod again at every sync.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from miniplane.api import objects
from miniplane.api.objects import Obj
from miniplane.clock import parse_time

POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
REVISION_LABEL = "controller-revision-hash"


def phase(pod: Mapping[str, Any]) -> str:
    """`Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`; `""` before the server has it."""
    return (pod.get("status") or {}).get("phase", "")


def is_pending(pod: Mapping[str, Any]) -> bool:
    return phase(pod) == "Pending"


def is_running(pod: Mapping[str, Any]) -> bool:
    return phase(pod) == "Running"


def is_failed(pod: Mapping[str, Any]) -> bool:
    return phase(pod) == "Failed"


def is_succeeded(pod: Mapping[str, Any]) -> bool:
    return phase(pod) == "Succeeded"


def is_terminal(pod: Mapping[str, Any]) -> bool:
    """Whether the pod's containers have stopped for good."""
    return phase(pod) in ("Succeeded", "Failed")


def is_terminating(pod: Mapping[str, Any]) -> bool:
    return objects.is_terminating(pod)


def is_active(pod: Mapping[str, Any]) -> bool:
    """Neither finished nor on its way out: the pods that replica counts are about."""
    return not is_terminal(pod) and not is_terminating(pod)


def node_name(pod: Mapping[str, Any]) -> str:
    """The node that the pod is bound to, or `""`."""
    return (pod.get("spec") or {}).get("nodeName", "")


def condition(pod: Mapping[str, Any], kind: str) -> Obj | None:
    """The entry of `status.conditions` with that type."""
    for entry in (pod.get("status") or {}).get("conditions") or ():
        if entry.get("type") == kind:
            return entry
    return None


def is_ready(pod: Mapping[str, Any]) -> bool:
    entry = condition(pod, "Ready")
    return entry is not None and entry.get("status") == "True"


def ready_since(pod: Mapping[str, Any]) -> float | None:
    """When the pod last became ready; None if it is not, or does not say since when."""
    entry = condition(pod, "Ready")
    if entry is None or entry.get("status") != "True":
        return None
    moment = entry.get("lastTransitionTime")
    return parse_time(moment) if moment else None


def is_available(pod: Mapping[str, Any], min_ready_seconds: int, now: float) -> bool:
    """Whether the pod has been ready for `min_ready_seconds`.

    Ready at 10 s with 5 s to stay so: available from 15 s on, that second included.
    """
    if not min_ready_seconds:
        return is_ready(pod)
    since = ready_since(pod)
    return since is not None and since + min_ready_seconds <= now


def seconds_to_available(
    pod: Mapping[str, Any], min_ready_seconds: int, now: float
) -> float | None:
    """How long until a ready pod becomes available; None if it is, or if time alone won't do it."""
    since = ready_since(pod)
    if since is None or since + min_ready_seconds <= now:
        return None
    return since + min_ready_seconds - now


def revision_of(pod: Mapping[str, Any]) -> str:
    """The value of the `controller-revision-hash` label."""
    return objects.labels_of(pod).get(REVISION_LABEL, "")


def target_node(pod: Mapping[str, Any]) -> str:
    """The node that the pod is bound to or, before that, pinned to; `""` if there is none.

    A pod is pinned by a required node affinity on the field `metadata.name` with one value, which
    is how DaemonSets place theirs (`pkg/controller/daemon/util`, GetTargetNodeName).
    """
    bound = node_name(pod)
    if bound:
        return bound
    terms = objects.get_path(
        pod,
        "spec",
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
        default=(),
    )
    for term in terms:
        for field in term.get("matchFields") or ():
            if field.get("key") == "metadata.name" and field.get("operator") == "In":
                values: list[str] = field.get("values") or []
                return values[0] if len(values) == 1 else ""
    return ""


def name_prefix(owner: str) -> str:
    """The generateName of an owner's pods: its name and a dash."""
    return f"{owner}-"


def from_template(template: Mapping[str, Any], *, owner: str, owner_ref: Obj) -> Obj:
    """A new pod of a pod template: a private object that shares the template's parts.

    Its metadata may be changed by the caller, the spec's members may be replaced but not changed.
    """
    meta = template.get("metadata") or {}
    metadata: Obj = {"generateName": name_prefix(owner), "labels": dict(meta.get("labels") or {})}
    if meta.get("annotations"):
        metadata["annotations"] = dict(meta["annotations"])
    if meta.get("finalizers"):
        metadata["finalizers"] = list(meta["finalizers"])
    metadata["ownerReferences"] = [owner_ref]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": dict(template.get("spec") or {}),
    }


@dataclasses.dataclass(frozen=True, slots=True)
class PodView:
    """One revision of one pod, as far as controllers of many pods look at it.

    `node` is where it runs or is pinned to (`target_node`), `bound` whether the scheduler agreed.
    `claims` holds the pairs (volume, claim name) of its claim volumes. Where a pod runs makes no
    difference to most owners: views that differ in that alone are equal.
    """

    namespace: str
    name: str
    uid: str
    created_at: str
    labels: Mapping[str, str]
    phase: str
    ready: bool
    ready_since: float | None
    terminating: bool
    bound: bool = dataclasses.field(compare=False)
    node: str = dataclasses.field(compare=False)
    claims: tuple[tuple[str, str], ...]
    controller: Obj | None

    @classmethod
    def of(cls, pod: Mapping[str, Any]) -> Self:
        meta = pod["metadata"]
        spec = pod.get("spec") or {}
        since = ready_since(pod)
        return cls(
            namespace=meta.get("namespace", ""),
            name=meta["name"],
            uid=meta.get("uid", ""),
            created_at=meta.get("creationTimestamp", ""),
            labels=meta.get("labels") or {},
            phase=phase(pod),
            ready=since is not None or is_ready(pod),
            ready_since=since,
            terminating="deletionTimestamp" in meta,
            bound=bool(spec.get("nodeName")),
            node=target_node(pod),
            claims=tuple(
                (volume["name"], volume["persistentVolumeClaim"].get("claimName", ""))
                for volume in spec.get("volumes") or ()
                if "persistentVolumeClaim" in volume
            ),
            controller=objects.controller_of(pod),
        )

    @property
    def failed(self) -> bool:
        return self.phase == "Failed"

    @property
    def succeeded(self) -> bool:
        return self.phase == "Succeeded"

    @property
    def terminal(self) -> bool:
        return self.phase == "Failed" or self.phase == "Succeeded"

    @property
    def running_and_ready(self) -> bool:
        return self.ready and self.phase == "Running"

    @property
    def revision(self) -> str:
        return self.labels.get(REVISION_LABEL, "")

    def available(self, min_ready_seconds: int, now: float) -> bool:
        """`is_available` of the pod."""
        if not min_ready_seconds:
            return self.ready
        return self.ready_since is not None and self.ready_since + min_ready_seconds <= now
