"""Rows of the workload kinds: sets, deployments, jobs, budgets and autoscalers."""

from typing import Any

from miniplane.api import durations
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.selectors import labels as label_selectors
from miniplane.api.tables.model import AGE, NAME, Column, Doc, Printer, doc, printer
from miniplane.api.tables.parts import (
    NONE,
    age,
    as_text,
    condition_status,
    containers,
    deleted,
    format_labels,
    format_selector,
    listed,
    name,
    number,
    part,
    parts,
    text,
    value,
)

CONTAINERS = Column("Containers", "string", "Names of each container in the template.", 1)
IMAGES = Column("Images", "string", "Images referenced by each container in the template.", 1)


def _selector(definition: str) -> Column:
    return Column("Selector", "string", doc(definition, "selector"), 1)


def _replica_set(obj: Obj, now: float) -> list[Any]:
    selector = value(obj, "spec", "selector")
    plain = obj.get("kind") == "ReplicationController"
    return [
        name(obj),
        number(obj, "spec", "replicas"),
        number(obj, "status", "replicas"),
        number(obj, "status", "readyReplicas"),
        age(obj, now),
        *containers(part(obj, "spec", "template", "spec")),
        format_labels(selector) if plain else format_selector(selector),
    ]


def _deployment(obj: Obj, now: float) -> list[Any]:
    selector = value(obj, "spec", "selector")
    try:
        chosen = str(label_selectors.from_obj(selector if isinstance(selector, dict) else None))
    except StatusError:
        chosen = "<invalid>"
    return [
        name(obj),
        f"{number(obj, 'status', 'readyReplicas')}/{number(obj, 'spec', 'replicas')}",
        number(obj, "status", "updatedReplicas"),
        number(obj, "status", "availableReplicas"),
        age(obj, now),
        *containers(part(obj, "spec", "template", "spec")),
        chosen,
    ]


def _stateful_set(obj: Obj, now: float) -> list[Any]:
    return [
        name(obj),
        f"{number(obj, 'status', 'readyReplicas')}/{number(obj, 'spec', 'replicas')}",
        age(obj, now),
        *containers(part(obj, "spec", "template", "spec")),
    ]


def _daemon_set(obj: Obj, now: float) -> list[Any]:
    status = part(obj, "status")
    return [
        name(obj),
        number(status, "desiredNumberScheduled"),
        number(status, "currentNumberScheduled"),
        number(status, "numberReady"),
        number(status, "updatedNumberScheduled"),
        number(status, "numberAvailable"),
        format_labels(value(obj, "spec", "template", "spec", "nodeSelector")),
        age(obj, now),
        *containers(part(obj, "spec", "template", "spec")),
        format_selector(value(obj, "spec", "selector")),
    ]


def _controller_revision(obj: Obj, now: float) -> list[Any]:
    owner = NONE
    for reference in parts(obj, "metadata", "ownerReferences"):
        if reference.get("controller") is True:
            group, slash, _ = text(reference, "apiVersion").rpartition("/")
            kind = text(reference, "kind")
            qualified = f"{kind}.{group}" if slash else kind
            owner = f"{qualified.lower()}/{text(reference, 'name')}"
            break
    return [name(obj), owner, number(obj, "revision"), age(obj, now)]


_JOB_STATES = (("Complete", "Complete"), ("Failed", "Failed"))
_JOB_LATER_STATES = (("Suspended", "Suspended"), ("FailureTarget", "FailureTarget"))


def _job_state(obj: Obj) -> str:
    for condition, word in _JOB_STATES:
        if condition_status(obj, condition) == "True":
            return word
    if deleted(obj):
        return "Terminating"
    for condition, word in _JOB_LATER_STATES:
        if condition_status(obj, condition) == "True":
            return word
    return "Running"


def _completions(obj: Obj) -> str:
    succeeded = number(obj, "status", "succeeded")
    wanted = value(obj, "spec", "completions")
    if wanted is not None:
        return f"{succeeded}/{as_text(wanted)}"
    parallelism = number(obj, "spec", "parallelism")
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(obj: Obj, now: float) -> str:
    started = durations.parse_time(value(obj, "status", "startTime"))
    if started is None:
        return ""
    finished = durations.parse_time(value(obj, "status", "completionTime"))
    return durations.human((now if finished is None else finished) - started)


def _job(obj: Obj, now: float) -> list[Any]:
    return [
        name(obj),
        _job_state(obj),
        _completions(obj),
        _job_duration(obj, now),
        age(obj, now),
        *containers(part(obj, "spec", "template", "spec")),
        format_selector(value(obj, "spec", "selector")),
    ]


def _cron_job(obj: Obj, now: float) -> list[Any]:
    last = value(obj, "status", "lastScheduleTime")
    suspend = value(obj, "spec", "suspend")
    template = part(obj, "spec", "jobTemplate", "spec")
    return [
        name(obj),
        text(obj, "spec", "schedule"),
        text(obj, "spec", "timeZone") or NONE,
        "<unset>" if suspend is None else "True" if suspend else "False",
        len(listed(obj, "status", "active")),
        NONE if last is None else durations.since(last, now),
        age(obj, now),
        *containers(part(template, "template", "spec")),
        format_selector(template.get("selector")),
    ]


def _disruption_budget(obj: Obj, now: float) -> list[Any]:
    minimum, maximum = (value(obj, "spec", key) for key in ("minAvailable", "maxUnavailable"))
    return [
        name(obj),
        "N/A" if minimum is None else as_text(minimum),
        "N/A" if maximum is None else as_text(maximum),
        number(obj, "status", "disruptionsAllowed"),
        age(obj, now),
    ]


def _scale(obj: Obj, now: float) -> list[Any]:
    return [
        name(obj),
        number(obj, "spec", "replicas"),
        number(obj, "status", "replicas"),
        age(obj, now),
    ]


def _replica_columns(package: str, kind: str) -> tuple[Column, ...]:
    spec, status = f"{package}.{kind}Spec", f"{package}.{kind}Status"
    return (
        NAME,
        Column("Desired", "integer", doc(spec, "replicas")),
        Column("Current", "integer", doc(status, "replicas")),
        Column("Ready", "integer", doc(status, "readyReplicas")),
        AGE,
        CONTAINERS,
        IMAGES,
        _selector(spec),
    )


_READY = Column("Ready", "string", "Number of the pod with ready state")
_DAEMONS = "apps.v1.DaemonSetStatus"

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "ReplicationController"): printer(
        _replica_set, *_replica_columns("core.v1", "ReplicationController")
    ),
    ("apps", "ReplicaSet"): printer(_replica_set, *_replica_columns("apps.v1", "ReplicaSet")),
    ("apps", "Deployment"): printer(
        _deployment,
        NAME,
        _READY,
        Column("Up-to-date", "string", doc("apps.v1.DeploymentStatus", "updatedReplicas")),
        Column("Available", "string", doc("apps.v1.DeploymentStatus", "availableReplicas")),
        AGE,
        CONTAINERS,
        IMAGES,
        _selector("apps.v1.DeploymentSpec"),
    ),
    ("apps", "StatefulSet"): printer(_stateful_set, NAME, _READY, AGE, CONTAINERS, IMAGES),
    ("apps", "DaemonSet"): printer(
        _daemon_set,
        NAME,
        Column("Desired", "integer", doc(_DAEMONS, "desiredNumberScheduled")),
        Column("Current", "integer", doc(_DAEMONS, "currentNumberScheduled")),
        Column("Ready", "integer", doc(_DAEMONS, "numberReady")),
        Column("Up-to-date", "integer", doc(_DAEMONS, "updatedNumberScheduled")),
        Column("Available", "integer", doc(_DAEMONS, "numberAvailable")),
        Column("Node Selector", "string", doc("core.v1.PodSpec", "nodeSelector")),
        AGE,
        CONTAINERS,
        IMAGES,
        _selector("apps.v1.DaemonSetSpec"),
    ),
    ("apps", "ControllerRevision"): printer(
        _controller_revision,
        NAME,
        Column("Controller", "string", "Controller of the object"),
        Column("Revision", "string", doc("apps.v1.ControllerRevision", "revision")),
        AGE,
    ),
    ("batch", "Job"): printer(
        _job,
        NAME,
        Column("Status", "string", "Status of the job."),
        Column("Completions", "string", doc("batch.v1.JobStatus", "succeeded")),
        Column("Duration", "string", "Time required to complete the job."),
        AGE,
        CONTAINERS,
        IMAGES,
        _selector("batch.v1.JobSpec"),
    ),
    ("batch", "CronJob"): printer(
        _cron_job,
        NAME,
        Column("Schedule", "string", doc("batch.v1.CronJobSpec", "schedule")),
        Column("Timezone", "string", doc("batch.v1.CronJobSpec", "timeZone")),
        Column("Suspend", "boolean", doc("batch.v1.CronJobSpec", "suspend")),
        Column("Active", "integer", doc("batch.v1.CronJobStatus", "active")),
        Column("Last Schedule", "string", doc("batch.v1.CronJobStatus", "lastScheduleTime")),
        AGE,
        CONTAINERS,
        IMAGES,
        _selector("batch.v1.JobSpec"),
    ),
    ("policy", "PodDisruptionBudget"): printer(
        _disruption_budget,
        NAME,
        Column("Min Available", "string", "The minimum number of pods that must be available."),
        Column("Max Unavailable", "string", "The maximum number of pods that may be unavailable."),
        Column(
            "Allowed Disruptions",
            "integer",
            "Calculated number of pods that may be disrupted at this time.",
        ),
        AGE,
    ),
    ("autoscaling", "Scale"): printer(
        _scale,
        Column("Name", "string", Doc("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "name")),
        Column("Desired", "integer", doc("autoscaling.v1.ScaleSpec", "replicas")),
        Column("Available", "integer", doc("autoscaling.v1.ScaleStatus", "replicas")),
        AGE,
    ),
}
