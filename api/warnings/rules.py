"""Which kind is looked at by which function, when it is created and when it is updated."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from miniplane.api.objects import Obj
from miniplane.api.warnings import (
    jobs,
    names,
    networking,
    nodes,
    pods,
    secrets,
    services,
    storage,
)

OnCreate = Callable[[Obj], Sequence[str]]
OnUpdate = Callable[[Obj, Obj], Sequence[str]]

_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _nothing(obj: Obj, old: Obj) -> Sequence[str]:
    return ()


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """What is said of a new object, and of a changed one."""

    create: OnCreate
    update: OnUpdate


def _always(rule: OnCreate) -> Rule:
    """The same on create and on update."""
    return Rule(rule, lambda obj, old: rule(obj))


def _changed(obj: Obj, old: Obj) -> bool:
    """Whether an update made a new generation: only then templates are looked at again."""
    return bool(obj["metadata"].get("generation") != old["metadata"].get("generation"))


def _name(obj: Obj) -> str:
    return str(obj["metadata"].get("name", ""))


def _template(obj: Obj) -> list[str]:
    return pods.template("spec.template", obj["spec"].get("template") or {})


def _named_template(obj: Obj) -> list[str]:
    return names.workload_name(_name(obj)) + _template(obj)


def _new_template(obj: Obj, old: Obj) -> Sequence[str]:
    return _template(obj) if _changed(obj, old) else ()


def _pod(obj: Obj) -> list[str]:
    return names.pod_name(_name(obj)) + pods.pod(obj)


def _replication_controller(obj: Obj, old: Obj) -> Sequence[str]:
    # The real server mixes up old and new here, so an update tells of what had been wrong.
    return _template(old) if _changed(obj, old) else ()


def _daemon_set(obj: Obj, old: Obj) -> Sequence[str]:
    def count(of: Obj) -> Any:
        return (of["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION)

    return _template(obj) if count(obj) != count(old) else ()


def _stateful_set(obj: Obj) -> list[str]:
    return _template(obj) + _claims(obj, "") + _history(obj)


def _stateful_set_update(obj: Obj, old: Obj) -> list[str]:
    return [*_new_template(obj, old), *_claims(obj, ".Spec"), *_history(obj)]


def _claims(obj: Obj, below: str) -> list[str]:
    return [
        text
        for i, claim in enumerate(obj["spec"].get("volumeClaimTemplates") or ())
        for text in storage.claim_spec(
            f"spec.volumeClaimTemplates[{i}]{below}", claim.get("spec") or {}
        )
    ]


def _history(obj: Obj) -> list[str]:
    if obj["spec"].get("revisionHistoryLimit", 0) >= 0:
        return []
    return [
        "spec.revisionHistoryLimit: a negative value retains all historical revisions; "
        "a value >= 0 is recommended"
    ]


def _job(obj: Obj) -> list[str]:
    return names.workload_name(_name(obj)) + jobs.job("spec", obj["spec"])


def _job_update(obj: Obj, old: Obj) -> Sequence[str]:
    return jobs.job("spec", obj["spec"]) if _changed(obj, old) else ()


def _cron_job(obj: Obj) -> list[str]:
    return names.workload_name(_name(obj)) + jobs.cron_job(obj)


def _cron_job_update(obj: Obj, old: Obj) -> list[str]:
    return jobs.cron_job(obj, template=_changed(obj, old))


def _pod_template(obj: Obj) -> list[str]:
    return pods.template("template", obj.get("template") or {})


def _pod_template_update(obj: Obj, old: Obj) -> Sequence[str]:
    return _pod_template(obj) if _changed(obj, old) else ()


RULES: dict[tuple[str, str], Rule] = {
    # Nobody is warned of changes to pods: those are made by machines, and often.
    ("", "Pod"): Rule(_pod, _nothing),
    ("", "PodTemplate"): Rule(_pod_template, _pod_template_update),
    ("", "ReplicationController"): Rule(_named_template, _replication_controller),
    ("", "Service"): _always(services.service),
    ("", "Endpoints"): _always(networking.endpoints),
    ("", "Node"): _always(nodes.node),
    ("", "Secret"): _always(secrets.secret),
    ("", "PersistentVolume"): _always(storage.persistent_volume),
    ("", "PersistentVolumeClaim"): _always(storage.claim),
    ("apps", "Deployment"): Rule(_named_template, _new_template),
    ("apps", "ReplicaSet"): Rule(_named_template, _new_template),
    ("apps", "StatefulSet"): Rule(_stateful_set, _stateful_set_update),
    ("apps", "DaemonSet"): Rule(_template, _daemon_set),
    ("batch", "Job"): Rule(_job, _job_update),
    ("batch", "CronJob"): Rule(_cron_job, _cron_job_update),
    ("discovery.k8s.io", "EndpointSlice"): Rule(
        lambda obj: networking.fqdn_slice(obj) + networking.endpoint_slice(obj),
        lambda obj, old: networking.endpoint_slice(obj),
    ),
    ("networking.k8s.io", "Ingress"): Rule(networking.ingress, _nothing),
    ("networking.k8s.io", "NetworkPolicy"): _always(networking.network_policy),
    ("node.k8s.io", "RuntimeClass"): _always(nodes.runtime_class),
    ("storage.k8s.io", "StorageClass"): _always(storage.storage_class),
    ("storage.k8s.io", "CSIStorageCapacity"): _always(storage.storage_capacity),
}
