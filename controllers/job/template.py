"""The pods that a Job makes: its template, and what tells the pods of an indexed Job apart.

Follows `pkg/controller/job/indexed_job_utils.go`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api.objects import Obj
from miniplane.controllers import pods
from miniplane.controllers.job import failurepolicy, jobs
from miniplane.controllers.job.member import (
    FAILURE_COUNT,
    FINALIZER,
    IGNORED_COUNT,
    INDEX,
    NO_INDEX,
    JobPod,
)

VARIABLE = "JOB_COMPLETION_INDEX"
_LONGEST_PREFIX = 58
"""What the server leaves of a generateName before it adds its five letters."""


def pod_for(job: Obj, owner_ref: Obj, *, index: int, replaced: JobPod | None) -> Obj:
    """A new pod; `index` is NO_INDEX for a Job without indexes, `replaced` the pod that failed in
    that index last, where failures are counted by index."""
    name = job["metadata"]["name"]
    pod = pods.from_template(job["spec"]["template"], owner=name, owner_ref=owner_ref)
    meta = pod["metadata"]
    finalizers = meta.setdefault("finalizers", [])
    if FINALIZER not in finalizers:
        finalizers.append(FINALIZER)
    if index == NO_INDEX:
        return pod
    meta["generateName"] = prefix(name, index)
    meta["labels"][INDEX] = str(index)
    annotations = meta.setdefault("annotations", {})
    annotations[INDEX] = str(index)
    if jobs.is_per_index(job):
        annotations.update(_failures(job, replaced))
    spec = pod["spec"]
    spec["hostname"] = f"{name}-{index}"
    for kind in ("initContainers", "containers"):
        if containers := spec.get(kind):
            spec[kind] = [_with_index(container) for container in containers]
    return pod


def prefix(name: str, index: int) -> str:
    """The generateName of an index's pods. The index survives when the name is too long."""
    tail = f"-{index}-"
    return f"{name[: max(0, _LONGEST_PREFIX - len(tail))]}{tail}"


def _with_index(container: Mapping[str, Any]) -> Obj:
    env = container.get("env") or []
    if any(variable["name"] == VARIABLE for variable in env):
        return dict(container)
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*env, {"name": VARIABLE, "valueFrom": source}]}


def _failures(job: Obj, replaced: JobPod | None) -> dict[str, str]:
    """How often the index has failed, which its next pod carries on."""
    if replaced is None:
        return {FAILURE_COUNT: "0"}
    counts = failurepolicy.judge(job["spec"].get("podFailurePolicy"), replaced).counts
    failures = replaced.failures + counts
    ignored = replaced.ignored + (not counts)
    carried = {FAILURE_COUNT: str(failures)}
    if ignored:
        carried[IGNORED_COUNT] = str(ignored)
    return carried
