"""Deployments, ReplicaSets, ReplicationControllers, DaemonSets and StatefulSets.

Follows `pkg/apis/apps/validation` and, for ReplicationControllers, `pkg/apis/core/validation`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks, claims, govalues, metadata, pods, selectors
from miniplane.api.validation.checks import Errors

_MISMATCH = "`selector` does not match template `labels`"
_TOO_FEW = "cannot be greater than status.replicas"
_SET_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_SET_IMMUTABLE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)
_STRATEGY = (("type", "Type", ""), ("rollingUpdate", "RollingUpdate", None))
_PARTITION = (("partition", "Partition", 0), ("maxUnavailable", "MaxUnavailable", None))
_BUDGET = (("maxUnavailable", "MaxUnavailable", 0), ("maxSurge", "MaxSurge", 0))

Object = Mapping[str, Any]


def _selector(errors: Errors, spec: Object, kind: str, detail: str) -> bool:
    """Whether the selector can be used."""
    selector = spec.get("selector")
    if selector is None:
        errors.append(field.required("spec.selector"))
        return True
    selectors.label_selector(errors, "spec.selector", selector)
    if selectors.is_empty(selector):
        text = f"empty selector is invalid for {kind}"
        errors.append(field.invalid("spec.selector", {}, text))
    if selectors.is_usable(selector):
        return True
    shown = govalues.label_selector(selector)
    errors.append(field.invalid("spec.selector", shown, detail))
    return False


def _template_labels(errors: Errors, spec: Object) -> None:
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if not selectors.matches(spec.get("selector"), labels):
        shown = govalues.string_map(labels)
        errors.append(field.invalid("spec.template.metadata.labels", shown, _MISMATCH))


def _always_restarted(errors: Errors, template: Object, kind: str) -> None:
    spec = template.get("spec") or {}
    policy = spec.get("restartPolicy") or ""
    if policy != "Always":
        path = "spec.template.spec.restartPolicy"
        errors.append(field.not_supported(path, policy, ["Always"]))
    if spec.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(field.forbidden("spec.template.spec.activeDeadlineSeconds", text))


def deployment(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    checks.nonnegative(errors, spec, "spec", "replicas")
    if _selector(errors, spec, "deployment", "invalid label selector"):
        _replica_set_template(errors, spec)
    _deployment_strategy(errors, spec.get("strategy") or {})
    checks.nonnegative(errors, spec, "spec", "minReadySeconds", "revisionHistoryLimit")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        checks.nonnegative(errors, spec, "spec", "progressDeadlineSeconds")
        if deadline <= (spec.get("minReadySeconds") or 0):
            text = "must be greater than minReadySeconds"
            errors.append(field.invalid("spec.progressDeadlineSeconds", deadline, text))


def deployment_update(errors: Errors, obj: Object, old: Object) -> None:
    _same_selector(errors, obj, old)
    deployment(errors, obj)


def _same_selector(errors: Errors, obj: Object, old: Object) -> None:
    selector = (obj.get("spec") or {}).get("selector")
    before = (old.get("spec") or {}).get("selector")
    shown = govalues.label_selector(selector)
    checks.immutable(errors, "spec.selector", selector, before, shown=shown)


def _replica_set_template(errors: Errors, spec: Object) -> None:
    selector = spec.get("selector")
    if selector is None or not selectors.is_empty(selector):
        _template_labels(errors, spec)
    template = spec.get("template") or {}
    pods.template(errors, "spec.template", template)
    _always_restarted(errors, template, "ReplicaSet")


def _shown_strategy(strategy: Object, fields: tuple[tuple[str, str, Any], ...]) -> dict[str, Any]:
    shown = govalues.struct(strategy, *_STRATEGY)
    if shown["RollingUpdate"] is not None:
        shown["RollingUpdate"] = govalues.struct(shown["RollingUpdate"], *fields)
    return shown


def _deployment_strategy(errors: Errors, strategy: Object) -> None:
    path, kind = "spec.strategy", strategy.get("type") or ""
    rolling = strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            text = "may not be specified when strategy `type` is 'Recreate'"
            errors.append(field.forbidden(f"{path}.rollingUpdate", text))
    elif kind != "RollingUpdate":
        shown = _shown_strategy(strategy, _BUDGET)
        choices = ("Recreate", "RollingUpdate")
        errors.append(field.not_supported(path, shown, choices))
    elif rolling is None:
        text = "this should be defaulted and never be nil"
        errors.append(field.required(f"{path}.rollingUpdate", text))
    else:
        path = f"{path}.rollingUpdate"
        unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
        checks.int_or_percent(errors, f"{path}.maxUnavailable", unavailable)
        checks.int_or_percent(errors, f"{path}.maxSurge", surge)
        if not checks.int_value(unavailable) and not checks.int_value(surge):
            text = "may not be 0 when `maxSurge` is 0"
            errors.append(field.invalid(f"{path}.maxUnavailable", unavailable or 0, text))
        checks.at_most_100_percent(errors, f"{path}.maxUnavailable", unavailable)


def deployment_status(errors: Errors, obj: Object, old: Object) -> None:
    status = obj.get("status") or {}
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    more = ("unavailableReplicas", "terminatingReplicas", "collisionCount")
    checks.nonnegative(errors, status, "status", "observedGeneration", *counts, *more)
    _not_above(errors, status, counts[1:])
    _available_are_ready(errors, status, "readyReplicas")
    _not_decremented(errors, status, old.get("status") or {})


def _not_above(errors: Errors, status: Object, keys: tuple[str, ...]) -> None:
    total = status.get("replicas") or 0
    for key in keys:
        value = status.get(key) or 0
        if value > total:
            errors.append(field.invalid(f"status.{key}", value, _TOO_FEW))


def _available_are_ready(errors: Errors, status: Object, shown: str) -> None:
    available = status.get("availableReplicas") or 0
    if available > (status.get("readyReplicas") or 0):
        text = f"cannot be greater than {shown}"
        errors.append(field.invalid("status.availableReplicas", available, text))


def _not_decremented(errors: Errors, status: Object, old: Object) -> None:
    count, before = status.get("collisionCount"), old.get("collisionCount")
    if before is not None and (count is None or count < before):
        text = "cannot be decremented"
        errors.append(field.invalid("status.collisionCount", count or 0, text))


def replica_set(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    checks.nonnegative(errors, spec, "spec", "replicas", "minReadySeconds")
    if _selector(errors, spec, "deployment", "invalid label selector"):
        _replica_set_template(errors, spec)


def replica_set_update(errors: Errors, obj: Object, old: Object) -> None:
    _same_selector(errors, obj, old)
    replica_set(errors, obj)


def replica_set_status(errors: Errors, obj: Object, old: Object) -> None:
    status = obj.get("status") or {}
    counts = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    more = ("observedGeneration", "terminatingReplicas")
    checks.nonnegative(errors, status, "status", "replicas", *counts, *more)
    _not_above(errors, status, counts)
    _available_are_ready(errors, status, "readyReplicas")


def replication_controller(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    checks.nonnegative(errors, spec, "spec", "minReadySeconds")
    selector = spec.get("selector") or {}
    if not selector:
        errors.append(field.required("spec.selector"))
    checks.nonnegative(errors, spec, "spec", "replicas")
    template = spec.get("template")
    if template is None:
        errors.append(field.required("spec.template"))
        return
    labels = (template.get("metadata") or {}).get("labels") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        shown = govalues.string_map(labels)
        errors.append(field.invalid("spec.template.metadata.labels", shown, _MISMATCH))
    pods.template(errors, "spec.template", template)
    _always_restarted(errors, template, "ReplicationController")


def daemon_set(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    selector, template = spec.get("selector"), spec.get("template") or {}
    selectors.label_selector(errors, "spec.selector", selector)
    if selectors.is_usable(selector):
        _template_labels(errors, spec)
    if selector is not None and selectors.is_empty(selector):
        text = "empty selector is invalid for daemonset"
        errors.append(field.invalid("spec.selector", {}, text))
    pods.template(errors, "spec.template", template)
    _always_restarted(errors, template, "DaemonSet")
    checks.nonnegative(errors, spec, "spec", "minReadySeconds")
    _daemon_strategy(errors, spec.get("updateStrategy") or {})
    checks.nonnegative(errors, spec, "spec", "revisionHistoryLimit")


def daemon_set_update(errors: Errors, obj: Object, old: Object) -> None:
    _same_selector(errors, obj, old)
    daemon_set(errors, obj)


def _daemon_strategy(errors: Errors, strategy: Object) -> None:
    path, kind = "spec.updateStrategy", strategy.get("type") or ""
    if kind == "OnDelete":
        return
    if kind != "RollingUpdate":
        shown = _shown_strategy(strategy, _BUDGET)
        choices = ("RollingUpdate", "OnDelete")
        errors.append(field.not_supported(path, shown, choices))
        return
    rolling = strategy.get("rollingUpdate")
    path = f"{path}.rollingUpdate"
    if rolling is None:
        errors.append(field.required(path))
        return
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    checks.int_or_percent(errors, f"{path}.maxUnavailable", unavailable)
    checks.int_or_percent(errors, f"{path}.maxSurge", surge)
    checks.at_most_100_percent(errors, f"{path}.maxUnavailable", unavailable)
    checks.at_most_100_percent(errors, f"{path}.maxSurge", surge)
    if checks.int_value(unavailable) and checks.int_value(surge):
        text = "may not be set when maxUnavailable is non-zero"
        errors.append(field.invalid(f"{path}.maxSurge", surge, text))
    elif not checks.int_value(unavailable) and not checks.int_value(surge):
        text = "cannot be 0 when maxSurge is 0"
        errors.append(field.required(f"{path}.maxUnavailable", text))


def daemon_set_status(errors: Errors, obj: Object, old: Object) -> None:
    status = obj.get("status") or {}
    counts = (
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    )
    checks.nonnegative(errors, status, "status", *counts)
    _not_decremented(errors, status, old.get("status") or {})


def stateful_set(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    policy = spec.get("podManagementPolicy") or ""
    if not policy:
        errors.append(field.required("spec.podManagementPolicy"))
    elif policy not in ("OrderedReady", "Parallel"):
        text = "must be 'OrderedReady' or 'Parallel'"
        errors.append(field.invalid("spec.podManagementPolicy", policy, text))
    _set_strategy(errors, spec.get("updateStrategy") or {})
    retention = spec.get("persistentVolumeClaimRetentionPolicy")
    if retention is not None:
        for key in ("whenDeleted", "whenScaled"):
            where = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
            checks.supported(errors, where, retention.get(key) or "", ("Retain", "Delete"))
    checks.nonnegative(errors, spec, "spec", "replicas", "minReadySeconds")
    checks.nonnegative(errors, spec.get("ordinals") or {}, "spec.ordinals", "start")
    if _selector(errors, spec, "statefulset", ""):
        selector = spec.get("selector")
        if selector is None or not selectors.is_empty(selector):
            _template_labels(errors, spec)
        _set_template(errors, spec)
    _always_restarted(errors, spec.get("template") or {}, "StatefulSet")


def _set_template(errors: Errors, spec: Object) -> None:
    """The pods get a volume for each claim template, in place of one of that name."""
    template = spec.get("template") or {}
    made = spec.get("volumeClaimTemplates") or ()
    if made:
        inner = template.get("spec") or {}
        claimed = [(claim.get("metadata") or {}).get("name") or "" for claim in made]
        volumes = [v for v in inner.get("volumes") or () if v.get("name") not in claimed]
        volumes += [
            {"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claimed
        ]
        template = {**template, "spec": {**inner, "volumes": volumes}}
    pods.template(errors, "spec.template", template)
    for i, claim in enumerate(made):
        path = f"spec.volumeClaimTemplates[{i}]"
        meta = claim.get("metadata") or {}
        checks.labels(errors, f"{path}.metadata.labels", meta.get("labels"))
        metadata.annotations(errors, f"{path}.metadata.annotations", meta.get("annotations"))
        claims.spec(errors, f"{path}.spec", claim.get("spec") or {})


def _set_strategy(errors: Errors, strategy: Object) -> None:
    path, kind = "spec.updateStrategy", strategy.get("type") or ""
    rolling = strategy.get("rollingUpdate")
    if not kind:
        errors.append(field.required(path))
    elif kind == "OnDelete":
        if rolling is not None:
            shown = govalues.struct(rolling, *_PARTITION)
            text = "only allowed for updateStrategy 'RollingUpdate'"
            errors.append(field.invalid(f"{path}.rollingUpdate", shown, text))
    elif kind != "RollingUpdate":
        shown = _shown_strategy(strategy, _PARTITION)
        text = "must be 'RollingUpdate' or 'OnDelete'"
        errors.append(field.invalid(path, shown, text))
    elif rolling is not None:
        path = f"{path}.rollingUpdate"
        checks.nonnegative(errors, rolling, path, "partition")
        unavailable = rolling.get("maxUnavailable")
        if unavailable is not None:
            where = f"{path}.maxUnavailable"
            checks.int_or_percent(errors, where, unavailable)
            if not checks.int_value(unavailable):
                errors.append(field.invalid(where, unavailable, "cannot be 0"))
            checks.at_most_100_percent(errors, where, unavailable)


def stateful_set_update(errors: Errors, obj: Object, old: Object) -> None:
    stateful_set(errors, obj)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    kept = {key: value for key, value in spec.items() if key not in _SET_MUTABLE}
    was = {key: value for key, value in before.items() if key not in _SET_MUTABLE}
    if not checks.equal(kept, was):
        errors.append(field.forbidden("spec", _SET_IMMUTABLE))


def stateful_set_status(errors: Errors, obj: Object, old: Object) -> None:
    status = obj.get("status") or {}
    counts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    more = ("observedGeneration", "collisionCount")
    checks.nonnegative(errors, status, "status", "replicas", *counts, *more)
    _not_above(errors, status, counts)
    _available_are_ready(errors, status, "status.readyReplicas")
    _not_decremented(errors, status, old.get("status") or {})


def controller_revision(errors: Errors, obj: Object) -> None:
    if obj.get("data") is None:
        errors.append(field.required("data", "data is mandatory"))
    checks.nonnegative(errors, obj, "", "revision")


def controller_revision_update(errors: Errors, obj: Object, old: Object) -> None:
    controller_revision(errors, obj)
    checks.immutable(errors, "data", obj.get("data"), old.get("data"))


def pod_template(errors: Errors, obj: Object) -> None:
    pods.template(errors, "template", obj.get("template") or {})
