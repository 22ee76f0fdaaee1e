"""Core kinds: namespaces, nodes, pods, and the rest of `v1` that is not storage or networking."""

from typing import Any

from miniplane.api import quantity
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.registry.context import Context
from miniplane.registry.strategy import Strategy, restore


class PodStrategy(Strategy):
    """pkg/registry/core/pod/strategy.go."""

    generation = True
    returns_deleted = True
    status_keeps_metadata = ("ownerReferences", "deletionTimestamp")

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        status: Obj = {"phase": "Pending", "qosClass": qos_class(obj["spec"])}
        obj["status"] = status
        if obj["spec"].get("schedulingGates"):
            status["conditions"] = [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "lastProbeTime": None,
                    "lastTransitionTime": context.clock.rfc3339(),
                    "reason": "SchedulingGated",
                    "message": "Scheduling is blocked due to non-empty scheduling gates",
                }
            ]

    def prepare_for_update(self, obj: Obj, old: Obj, context: Context) -> None:
        restore(obj, old, "status")
        if "schedulingGates" in old["spec"] and not obj["spec"].get("schedulingGates"):
            status = dict(obj.get("status") or {})
            kept = [c for c in status.get("conditions") or () if not _is_gated(c)]
            status["conditions"] = kept
            if not kept:
                del status["conditions"]
            obj["status"] = status

    def prepare_for_status(self, obj: Obj, old: Obj, context: Context) -> None:
        super().prepare_for_status(obj, old, context)
        status = obj.setdefault("status", {})
        if not status.get("qosClass"):
            status["qosClass"] = old.get("status", {}).get("qosClass") or qos_class(obj["spec"])

    def grace_period(self, obj: Obj, options: DeleteOptions) -> int | None:
        spec = obj["spec"]
        grace = options.grace_period_seconds
        if grace is None:
            grace = spec.get("terminationGracePeriodSeconds", 30)
        if grace < 0:
            grace = 1
        finished = obj.get("status", {}).get("phase") in ("Failed", "Succeeded")
        return 0 if not spec.get("nodeName") or finished else grace


def _is_gated(condition: dict[str, Any]) -> bool:
    return condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated"


def qos_class(spec: dict[str, Any]) -> str:
    """The quality-of-service class that a pod's cpu and memory resources amount to.

    Pod-level resources, where given, decide alone (pkg/apis/core/v1/helper/qos).
    """
    own = spec.get("resources")
    holders = [*spec.get("containers", ()), *spec.get("initContainers", ())]
    all_resources = [own] if own else [c.get("resources") or {} for c in holders]
    some = False
    guaranteed = True
    for resources in all_resources:
        requests = resources.get("requests") or {}
        limits = resources.get("limits") or {}
        for name in ("cpu", "memory"):
            request, limit = requests.get(name), limits.get(name)
            nothing = (not request or _zero(request)) and (not limit or _zero(limit))
            some = some or not nothing
            if not limit or (request or limit) != limit or _zero(limit):
                guaranteed = False
    if not some:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _zero(amount: str) -> bool:
    return quantity.to_milli(amount) == 0


class NamespaceStrategy(Strategy):
    """pkg/registry/core/namespace: phases, and a finalizer list of its own in the spec."""

    returns_deleted = True
    terminates = True

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        obj["status"] = {"phase": "Active"}
        finalizers = list(obj.get("spec", {}).get("finalizers") or ())
        if "kubernetes" not in finalizers:
            finalizers.append("kubernetes")
        obj["spec"] = {"finalizers": finalizers}

    def prepare_for_update(self, obj: Obj, old: Obj, context: Context) -> None:
        restore(obj, old, "spec")
        restore(obj, old, "status")

    def should_delete_during_update(self, obj: Obj, old: Obj) -> bool:
        return (
            "deletionTimestamp" in old["metadata"]
            and not obj.get("spec", {}).get("finalizers")
            and not obj["metadata"].get("finalizers")
        )


class NodeStrategy(Strategy):
    """pkg/registry/core/node: a new node keeps the status that it was posted with."""

    keep_status_on_create = True


class ReplicationControllerStrategy(Strategy):
    generation = True
    default_propagation = "Orphan"

    def initial_status(self, obj: Obj) -> None:
        obj["status"] = {"replicas": 0}


class EventStrategy(Strategy):
    create_on_update = True
    owns = False


class CreateOnUpdate(Strategy):
    create_on_update = True


class ReturnsDeleted(Strategy):
    returns_deleted = True


class SecretStrategy(Strategy):
    """A Secret keeps its type when an update does not name one."""

    def prepare_for_update(self, obj: Obj, old: Obj, context: Context) -> None:
        super().prepare_for_update(obj, old, context)
        if not obj.get("type"):
            restore(obj, old, "type")


class PodTemplateStrategy(Strategy):
    generation = True
    returns_deleted = True

    def spec_changed(self, obj: Obj, old: Obj) -> bool:
        return obj.get("template") != old.get("template")


STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("", "Pod"): PodStrategy,
    ("", "Namespace"): NamespaceStrategy,
    ("", "Node"): NodeStrategy,
    ("", "ReplicationController"): ReplicationControllerStrategy,
    ("", "Event"): EventStrategy,
    ("events.k8s.io", "Event"): EventStrategy,
    ("", "LimitRange"): CreateOnUpdate,
    ("", "ServiceAccount"): ReturnsDeleted,
    ("", "Secret"): SecretStrategy,
    ("", "ResourceQuota"): ReturnsDeleted,
    ("", "PodTemplate"): PodTemplateStrategy,
    ("rbac.authorization.k8s.io", "Role"): CreateOnUpdate,
    ("rbac.authorization.k8s.io", "RoleBinding"): CreateOnUpdate,
    ("rbac.authorization.k8s.io", "ClusterRole"): CreateOnUpdate,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): CreateOnUpdate,
}
