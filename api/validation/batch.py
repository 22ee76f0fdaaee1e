"""Jobs and CronJobs (`pkg/apis/batch/validation`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import cron, field, names
from miniplane.api.validation import checks, failurepolicy, govalues, pods, selectors
from miniplane.api.validation.checks import Errors

_LEGACY_UID, _LEGACY_NAME = "controller-uid", "job-name"
_UID, _NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
_PARALLELISM_LIMIT = 100000
_COMPLETIONS_SOFT_LIMIT = 100000
_PARALLELISM_LIMIT_OF_MANY = 10000
_FAILED_LIMIT = 100000
_FAILED_LIMIT_OF_MANY = 10000
_NAME_LIMIT = 52

Object = Mapping[str, Any]


def job(errors: Errors, obj: Object) -> None:
    _generated_selector(errors, obj)
    spec = obj.get("spec") or {}
    _whole_spec(errors, "spec", spec)
    completions = spec.get("completions")
    if spec.get("completionMode") == "Indexed" and completions is not None and completions > 0:
        name = (obj.get("metadata") or {}).get("name") or ""
        host = f"{name}-{completions - 1}"
        if names.dns1123_label(host):
            text = f"will not able to create pod with invalid DNS label: {host}"
            errors.append(field.invalid("metadata.name", name, text))


def _generated_selector(errors: Errors, obj: Object) -> None:
    """The selector and labels that the server made up have to be the ones it made up."""
    spec, meta = obj.get("spec") or {}, obj.get("metadata") or {}
    if spec.get("manualSelector") or spec.get("selector") is None:
        return
    uid, name = meta.get("uid") or "", meta.get("name") or ""
    if not uid:
        errors.append(field.required("metadata.uid"))
    expected = {_LEGACY_UID: uid, _LEGACY_NAME: name, _UID: uid, _NAME: name}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    for key, value in expected.items():
        where = f"spec.template.metadata.labels[{key}]"
        if key not in labels:
            errors.append(field.required(where, f"must be '{value}'"))
        elif labels[key] != value:
            shown = govalues.string_map(labels)
            errors.append(field.invalid(where, shown, f"must be '{value}'"))
    selector = spec["selector"]
    if selectors.is_usable(selector) and not selectors.matches(selector, expected):
        shown = govalues.label_selector(selector)
        errors.append(field.invalid("spec.selector", shown, "`selector` not auto-generated"))


def _whole_spec(errors: Errors, path: str, spec: Object) -> None:
    _spec(errors, path, spec)
    selector = spec.get("selector")
    if selector is None:
        errors.append(field.required(f"{path}.selector"))
    else:
        selectors.label_selector(errors, f"{path}.selector", selector)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if selectors.is_usable(selector) and not selectors.matches(selector, labels):
        text = "`selector` does not match template `labels`"
        shown = govalues.string_map(labels)
        errors.append(field.invalid(f"{path}.template.metadata.labels", shown, text))


def _spec(errors: Errors, path: str, spec: Object) -> None:
    checks.nonnegative(
        errors,
        spec,
        path,
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    )
    per_index, failed = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    if failed is not None and per_index is None:
        text = "when maxFailedIndexes is specified"
        errors.append(field.required(f"{path}.backoffLimitPerIndex", text))
    manager = spec.get("managedBy")
    if manager is not None:
        checks.domain_prefixed_path(errors, f"{path}.managedBy", manager)
        if names.size(manager) > 63:
            errors.append(field.too_long(f"{path}.managedBy", "", 63))
    mode = spec.get("completionMode")
    checks.supported(errors, f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))
    if mode == "Indexed":
        _indexed(errors, path, spec)
    elif mode in (None, "NonIndexed"):
        text = "requires indexed completion mode"
        for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(key) is not None:
                errors.append(field.invalid(f"{path}.{key}", spec[key], text))
    template = spec.get("template") or {}
    inner = template.get("spec") or {}
    failure = spec.get("podFailurePolicy")
    if failure is not None:
        failurepolicy.pod_failure(errors, f"{path}.podFailurePolicy", failure, spec)
    success = spec.get("successPolicy")
    if success is not None:
        failurepolicy.success(errors, f"{path}.successPolicy", success, spec)
    replacement = spec.get("podReplacementPolicy")
    if replacement is not None:
        choices = ["Failed"] if failure is not None else ["Failed", "TerminatingOrFailed"]
        checks.supported(errors, f"{path}.podReplacementPolicy", replacement, choices)
    pods.template(errors, f"{path}.template", template)
    _restart_policy(errors, f"{path}.template.spec.restartPolicy", inner, failure)


def _restart_policy(errors: Errors, path: str, spec: Object, failure: Object | None) -> None:
    policy = spec.get("restartPolicy") or ""
    if policy == "Always":
        errors.append(field.required(path, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        errors.append(field.not_supported(path, policy, ("OnFailure", "Never")))
    elif failure is not None and policy != "Never":
        text = 'only "Never" is supported when podFailurePolicy is specified'
        errors.append(field.invalid(path, policy, text))


def _indexed(errors: Errors, path: str, spec: Object) -> None:
    completions, parallelism = spec.get("completions"), spec.get("parallelism")
    failed = spec.get("maxFailedIndexes")
    if completions is None:
        text = "when completion mode is Indexed"
        errors.append(field.required(f"{path}.completions", text))
    if parallelism is not None and parallelism > _PARALLELISM_LIMIT:
        text = f"must be less than or equal to {_PARALLELISM_LIMIT} when completion mode is Indexed"
        errors.append(field.invalid(f"{path}.parallelism", parallelism, text))
    where = f"{path}.maxFailedIndexes"
    if completions is not None and failed is not None and failed > completions:
        text = "must be less than or equal to completions"
        errors.append(field.invalid(where, failed, text))
    if failed is not None and failed > _FAILED_LIMIT:
        errors.append(
            field.invalid(where, failed, f"must be less than or equal to {_FAILED_LIMIT}")
        )
    if completions is None or completions <= _COMPLETIONS_SOFT_LIMIT:
        return
    if spec.get("backoffLimitPerIndex") is None:
        return
    reason = (
        f"when completions are above {_COMPLETIONS_SOFT_LIMIT} and used with backoff limit per "
        "index"
    )
    if failed is None:
        text = f"must be specified {reason}"
        errors.append(field.required(where, text))
    if parallelism is not None and parallelism > _PARALLELISM_LIMIT_OF_MANY:
        text = f"must be less than or equal to {_PARALLELISM_LIMIT_OF_MANY} {reason}"
        errors.append(field.invalid(f"{path}.parallelism", parallelism, text))
    if failed is not None and failed > _FAILED_LIMIT_OF_MANY:
        text = f"must be less than or equal to {_FAILED_LIMIT_OF_MANY} {reason}"
        errors.append(field.invalid(where, failed, text))


def job_update(errors: Errors, obj: Object, old: Object) -> None:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    _whole_spec(errors, "spec", spec)
    _completions(errors, spec, before)
    selector = spec.get("selector")
    shown = govalues.label_selector(selector)
    checks.immutable(errors, "spec.selector", selector, before.get("selector"), shown=shown)
    _template_update(errors, obj, old)
    for key in (
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ):
        checks.immutable(errors, f"spec.{key}", spec.get(key), before.get(key))


def _completions(errors: Errors, spec: Object, before: Object) -> None:
    path, completions = "spec.completions", spec.get("completions")
    if spec.get("completionMode") != "Indexed":
        checks.immutable(errors, path, completions, before.get("completions"))
    elif completions not in (None, before.get("completions"), spec.get("parallelism")):
        text = "can only be modified in tandem with spec.parallelism"
        errors.append(field.invalid(path, completions, text))


def _template_update(errors: Errors, obj: Object, old: Object) -> None:
    """A Job that is suspended, and whose pods are gone, may be told where to run, and with how much
    (KEP-2926, KEP-5440)."""
    template = (obj.get("spec") or {}).get("template") or {}
    before = (old.get("spec") or {}).get("template") or {}
    if not _is_at_rest(old):
        checks.immutable(errors, "spec.template", template, before)
        return
    template, before = _without_directives(template), _without_directives(before)
    checks.immutable(errors, "spec.template.metadata", template["metadata"], before["metadata"])
    checks.immutable(errors, "spec.template.spec", template["spec"], before["spec"])


def _is_at_rest(job: Object) -> bool:
    status = job.get("status") or {}
    if not (job.get("spec") or {}).get("suspend") or status.get("active"):
        return False
    return not status.get("startTime") or any(
        condition.get("type") == "Suspended" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )


def _without_directives(template: Object) -> dict[str, Any]:
    """The template without what may be changed: labels and annotations, where the scheduler may
    place the pods, and what their containers request."""
    meta, spec = dict(template.get("metadata") or {}), dict(template.get("spec") or {})
    for key in ("labels", "annotations"):
        meta.pop(key, None)
    for key in ("nodeSelector", "tolerations", "schedulingGates"):
        spec.pop(key, None)
    affinity = {k: v for k, v in (spec.pop("affinity", None) or {}).items() if k != "nodeAffinity"}
    if affinity:
        spec["affinity"] = affinity
    for kind in ("containers", "initContainers"):
        if spec.get(kind):
            spec[kind] = [_without_amounts(container) for container in spec[kind]]
    return {"metadata": meta, "spec": spec}


def _without_amounts(container: Object) -> Object:
    resources = container.get("resources") or {}
    kept = {k: v for k, v in resources.items() if k not in ("requests", "limits")}
    return {**container, "resources": kept}


def cron_job(errors: Errors, obj: Object) -> None:
    _cron_spec(errors, obj.get("spec") or {}, None)
    name = (obj.get("metadata") or {}).get("name") or ""
    if names.size(name) > _NAME_LIMIT:
        text = names.at_most_characters(_NAME_LIMIT)
        errors.append(field.invalid("metadata.name", name, text))


def cron_job_update(errors: Errors, obj: Object, old: Object) -> None:
    _cron_spec(errors, obj.get("spec") or {}, old.get("spec") or {})


def _cron_spec(errors: Errors, spec: Object, before: Object | None) -> None:
    schedule, zone = spec.get("schedule") or "", spec.get("timeZone")
    if not schedule:
        errors.append(field.required("spec.schedule"))
    else:
        zone_was_inside = before is not None and "TZ" in (before.get("schedule") or "")
        _schedule(errors, schedule, zone, zone_inside=zone_was_inside)
    checks.nonnegative(errors, spec, "spec", "startingDeadlineSeconds")
    if before is None or before.get("timeZone") != zone:
        _time_zone(errors, zone)
    policies = ("Allow", "Forbid", "Replace")
    checks.one_of(errors, "spec.concurrencyPolicy", spec.get("concurrencyPolicy"), policies)
    inner = (spec.get("jobTemplate") or {}).get("spec") or {}
    _spec(errors, "spec.jobTemplate.spec", inner)
    selector = inner.get("selector")
    if selector is not None:
        shown, text = govalues.label_selector(selector), "`selector` will be auto-generated"
        errors.append(field.invalid("spec.jobTemplate.spec.selector", shown, text))
    if inner.get("manualSelector"):
        path = "spec.jobTemplate.spec.manualSelector"
        errors.append(field.not_supported(path, True, ("nil", "false")))
    checks.nonnegative(errors, spec, "spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")


def _schedule(errors: Errors, schedule: str, zone: str | None, *, zone_inside: bool) -> None:
    """`zone_inside`: whether the object was stored with its zone in the schedule."""
    path = "spec.schedule"
    if problem := cron.schedule_problem(schedule):
        errors.append(field.invalid(path, schedule, problem))
    if "TZ" in schedule:
        if not zone_inside:
            text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            errors.append(field.invalid(path, schedule, text))
        elif zone is not None:
            text = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
            errors.append(field.invalid(path, schedule, text))


def _time_zone(errors: Errors, zone: str | None) -> None:
    path = "spec.timeZone"
    if zone is None:
        return
    if not zone:
        text = "timeZone must be nil or non-empty string"
        errors.append(field.invalid(path, zone, text))
        return
    if zone.lower() == "local":
        text = (
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        )
        errors.append(field.invalid(path, zone, text))
    if problem := cron.zone_problem(zone):
        errors.append(field.invalid(path, zone, problem))
