"""Workloads: apps, batch, autoscaling and policy."""

from collections.abc import Sequence
from typing import Any

from miniplane.api import errors
from miniplane.api.objects import Obj, thaw
from miniplane.api.options import DeleteOptions
from miniplane.api.selectors.requirements import parse_int64
from miniplane.registry.context import Context
from miniplane.registry.strategy import Strategy

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


class _Counted(Strategy):
    generation = True
    first_status: dict[str, Any] = {}

    def initial_status(self, obj: Obj) -> None:
        obj["status"] = dict(self.first_status)


class StatefulSetStrategy(_Counted):
    first_status = {"replicas": 0, "availableReplicas": 0}

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        super().prepare_for_create(obj, context)
        _drop_max_unavailable(obj, None, context)

    def prepare_for_update(self, obj: Obj, old: Obj, context: Context) -> None:
        super().prepare_for_update(obj, old, context)
        _drop_max_unavailable(obj, old, context)


def _drop_max_unavailable(obj: Obj, old: Obj | None, context: Context) -> None:
    """maxUnavailable stands behind a gate; a set that has it already keeps it."""
    if context.feature("MaxUnavailableStatefulSet"):
        return
    if old is not None and _max_unavailable(old) is not None:
        return
    strategy = obj["spec"].get("updateStrategy")
    if strategy and _max_unavailable(obj) is not None:
        rolling = dict(strategy["rollingUpdate"])
        del rolling["maxUnavailable"]
        obj["spec"]["updateStrategy"] = {**strategy, "rollingUpdate": rolling}


def _max_unavailable(obj: Obj) -> Any:
    strategy = obj["spec"].get("updateStrategy") or {}
    return (strategy.get("rollingUpdate") or {}).get("maxUnavailable")


class DaemonSetStrategy(_Counted):
    """Counts its template's generations in an annotation, as the API has done since 1.6.

    A new set may say where to begin; afterwards only the server counts.
    """

    first_status = {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    }

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        super().prepare_for_create(obj, context)
        _annotate(obj, max(1, _first_count(obj)))

    def prepare_for_update(self, obj: Obj, old: Obj, context: Context) -> None:
        super().prepare_for_update(obj, old, context)
        annotations = old["metadata"].get("annotations") or {}
        try:
            count = int(annotations.get(TEMPLATE_GENERATION, "0"))
        except ValueError:
            count = 0
        if obj["spec"].get("template") != old["spec"].get("template"):
            count += 1
        if count:
            _annotate(obj, count)


def _first_count(obj: Obj) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "0")
    count = parse_int64(text)
    if count is None:
        # The real server stumbles over it when it reads the object into its internal form.
        problem = "value out of range" if text.lstrip("+-").isdecimal() else "invalid syntax"
        raise errors.bad_request(
            'DaemonSet in version "v1" cannot be handled as a DaemonSet: strconv.ParseInt: '
            f'parsing "{text}": {problem}'
        )
    return count


def _annotate(obj: Obj, count: int) -> None:
    metadata = obj["metadata"]
    annotations = dict(metadata.get("annotations") or {})
    annotations[TEMPLATE_GENERATION] = str(count)
    metadata["annotations"] = annotations


class DeploymentStrategy(_Counted):
    """Its status subresource takes annotations too: that is how the revision gets there."""

    status_keeps_metadata = ("labels",)

    def spec_changed(self, obj: Obj, old: Obj) -> bool:
        before, after = old["metadata"], obj["metadata"]
        return super().spec_changed(obj, old) or (before.get("annotations") or {}) != (
            after.get("annotations") or {}
        )


class ReplicaSetStrategy(_Counted):
    first_status = {"replicas": 0}


class JobStrategy(_Counted):
    """Jobs label their pods with the uid that they get, so that no two share them."""

    default_propagation = "Orphan"

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        super().prepare_for_create(obj, context)
        spec, metadata = obj["spec"], obj["metadata"]
        uid = metadata["uid"]
        if not spec.get("manualSelector"):
            labels = {
                "controller-uid": uid,
                "job-name": metadata.get("name", ""),
                "batch.kubernetes.io/controller-uid": uid,
                "batch.kubernetes.io/job-name": metadata.get("name", ""),
            }
            template = spec["template"] = thaw(spec.get("template") or {})
            template_meta = template.setdefault("metadata", {})
            given = template_meta.get("labels") or {}
            template_meta["labels"] = {**given, **labels}
            if (metadata.get("labels") or {}) == given:
                # A job without labels of its own shares its template's.
                metadata["labels"] = dict(template_meta["labels"])
            selector = thaw(spec.get("selector") or {})
            matched = selector.setdefault("matchLabels", {})
            matched["batch.kubernetes.io/controller-uid"] = uid
            spec["selector"] = selector

    def warnings_on_delete(self, options: DeleteOptions) -> Sequence[str]:
        if options.propagation_policy is not None:
            return ()
        return (
            "child pods are preserved by default when jobs are deleted; set "
            "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to "
            "suppress this warning",
        )


class CronJobStrategy(_Counted):
    pass


class PodDisruptionBudgetStrategy(_Counted):
    unconditional_update = False
    first_status = {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "disruptionsAllowed": 0,
        "expectedPods": 0,
    }


class HorizontalPodAutoscalerStrategy(Strategy):
    def initial_status(self, obj: Obj) -> None:
        if self.resource.version == "v1":
            obj["status"] = {"currentReplicas": 0, "desiredReplicas": 0}
        else:
            obj["status"] = {"desiredReplicas": 0, "currentMetrics": None}


class LeaseStrategy(Strategy):
    create_on_update = True
    unconditional_update = False


class PriorityClassStrategy(Strategy):
    generation = True

    def spec_changed(self, obj: Obj, old: Obj) -> bool:
        return obj.get("value") != old.get("value")


STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("apps", "StatefulSet"): StatefulSetStrategy,
    ("apps", "DaemonSet"): DaemonSetStrategy,
    ("apps", "Deployment"): DeploymentStrategy,
    ("apps", "ReplicaSet"): ReplicaSetStrategy,
    ("batch", "Job"): JobStrategy,
    ("batch", "CronJob"): CronJobStrategy,
    ("policy", "PodDisruptionBudget"): PodDisruptionBudgetStrategy,
    ("autoscaling", "HorizontalPodAutoscaler"): HorizontalPodAutoscalerStrategy,
    ("coordination.k8s.io", "Lease"): LeaseStrategy,
    ("scheduling.k8s.io", "PriorityClass"): PriorityClassStrategy,
}
