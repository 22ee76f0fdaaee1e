"""pods/eviction: a delete that asks the disruption budgets first.

Follows pkg/registry/core/pod/storage/eviction.go.
"""

import dataclasses
from typing import Any

from miniplane.api import decode, errors, resources
from miniplane.api.objects import Obj, thaw
from miniplane.api.options import DeleteOptions, WriteOptions
from miniplane.api.resources import Resource
from miniplane.api.selectors import labels as label_selectors
from miniplane.registry import catalog, deletion, incoming
from miniplane.registry.context import Context
from miniplane.registry.results import Result
from miniplane.registry.stored import seal
from miniplane.registry.subresources.admitting import posted

DEFINITION = "io.k8s.api.policy.v1.Eviction"


def create(
    context: Context, resource: Resource, namespace: str, name: str, raw: Any, options: WriteOptions
) -> Result:
    """POST pods/NAME/eviction. 429 where a budget does not allow it."""
    warnings: list[str] = []
    eviction, unknown = decode.decode(DEFINITION, raw)
    if unknown:
        incoming.report(resource, unknown, options, warnings)
    if eviction.get("metadata", {}).get("name", "") != name:
        raise errors.bad_request("name in URL does not match name in Eviction object")
    posted(context, resource, namespace, name, "eviction", eviction, options, warnings)
    given = eviction.get("deleteOptions") or {}
    preconditions = given.get("preconditions") or {}
    delete = DeleteOptions(
        grace_period_seconds=given.get("gracePeriodSeconds"),
        propagation_policy=given.get("propagationPolicy"),
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        dry_run=options.dry_run or "All" in (given.get("dryRun") or ()),
        user=options.user,
    )
    key = catalog.key(resource, namespace, name)
    present = context.store.find(key)
    if present is None:
        raise errors.not_found(resource, name)
    pod = present.obj
    phase = pod.get("status", {}).get("phase")
    # Nobody counts on a pod that has not started, or that is on its way out.
    if phase not in ("Pending", "Succeeded", "Failed") and (
        "deletionTimestamp" not in pod["metadata"]
    ):
        _spend_budget(context, pod, dry_run=delete.dry_run)
    if not delete.dry_run:
        deletion.check_preconditions(resource, pod, delete)
        marked = _marked(pod, context.clock.rfc3339())
        if marked["status"] != pod.get("status"):
            now = context.store.update(
                key, lambda revision: seal(resource, marked, revision), expect=present
            )
            if delete.resource_version is not None:
                mine = now.obj["metadata"]["resourceVersion"]
                delete = dataclasses.replace(delete, resource_version=mine)
    # Policies and webhooks have been asked about the eviction, not about the deletion.
    exempt = dataclasses.replace(context, exempt=True)
    deletion.delete(exempt, resource, namespace, name, delete)
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    }
    return Result(present, warnings, created=True, status=status)


def _marked(pod: Obj, now: str) -> Obj:
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    status = dict(pod.get("status") or {})
    conditions = list(status.get("conditions") or ())
    for position, found in enumerate(conditions):
        if found["type"] == condition["type"]:
            if found["status"] == condition["status"]:
                condition["lastTransitionTime"] = found.get("lastTransitionTime")
            conditions[position] = condition
            break
    else:
        conditions.append(condition)
    status["conditions"] = conditions
    return {**pod, "metadata": dict(pod["metadata"]), "status": status}


def _spend_budget(context: Context, pod: Obj, *, dry_run: bool) -> None:
    namespace = pod["metadata"]["namespace"]
    labels = pod["metadata"].get("labels") or {}
    matching = [
        budget
        for budget in context.all(resources.POD_DISRUPTION_BUDGETS, namespace)
        if budget["spec"].get("selector") is not None
        and label_selectors.from_obj(budget["spec"]["selector"]).matches(labels)
    ]
    if not matching:
        return
    if len(matching) > 1:
        raise errors.StatusError(
            500,
            "InternalError",
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support.",
        )
    budget = matching[0]
    name = budget["metadata"]["name"]
    status = budget.get("status") or {}
    if not _is_ready(pod) and _spares_unready(budget["spec"], status):
        return
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        message = f"The disruption budget {name} is still being processed by the server."
        raise errors.too_many_requests(
            "Cannot evict pod as it would violate the pod's disruption budget.",
            [{"reason": "DisruptionBudget", "message": message}],
            retry_after=10,
        )
    if status.get("disruptionsAllowed", 0) <= 0:
        failed = _sync_failure(status)
        message = (
            f"The disruption budget {name} does not allow evicting pods currently because it "
            f"failed sync: {failed}"
            if failed
            else f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy "
            f"pods and has {status.get('currentHealthy', 0)} currently"
        )
        raise errors.too_many_requests(
            "Cannot evict pod as it would violate the pod's disruption budget.",
            [{"reason": "DisruptionBudget", "message": message}],
        )
    if dry_run:
        return
    changed = thaw(budget)
    changed["status"]["disruptionsAllowed"] -= 1
    disrupted = changed["status"].setdefault("disruptedPods", {})
    disrupted[pod["metadata"]["name"]] = context.clock.rfc3339()
    if not changed["status"]["disruptionsAllowed"]:
        _close(changed, context.clock.rfc3339())
    row = resources.POD_DISRUPTION_BUDGETS
    key = catalog.key(row, namespace, name)
    present = context.store.get(key)
    context.store.update(key, lambda revision: seal(row, changed, revision), expect=present)


def _is_ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _spares_unready(spec: Obj, status: Obj) -> bool:
    """Whether pods that are not ready may go without asking: they are not counted as healthy."""
    if spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    desired = status.get("desiredHealthy", 0)
    return desired > 0 and status.get("currentHealthy", 0) >= desired


def _sync_failure(status: Obj) -> str:
    """Why the budget could not be worked out, `""` if it could."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "DisruptionAllowed" and condition.get("reason") == "SyncFailed":
            return condition.get("message", "")
    return ""


def _close(budget: Obj, now: str) -> None:
    """The last disruption has been granted."""
    status = budget["status"]
    kept = [c for c in status.get("conditions") or () if c["type"] != "DisruptionAllowed"]
    condition = {
        "type": "DisruptionAllowed",
        "status": "False",
        "lastTransitionTime": now,
        "reason": "InsufficientPods",
        "message": "",
        "observedGeneration": status.get("observedGeneration", 0),
    }
    status["conditions"] = [*kept, condition]
