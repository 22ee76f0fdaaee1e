"""pods/binding: the scheduler's word on where a pod runs (pkg/registry/core/pod/storage)."""

from typing import Any

from miniplane.api import decode, errors
from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry import catalog, incoming
from miniplane.registry.admission.nodes import topology_of
from miniplane.registry.context import Context
from miniplane.registry.results import Result
from miniplane.registry.stored import seal
from miniplane.registry.subresources.admitting import posted

DEFINITION = "io.k8s.api.core.v1.Binding"


def create(
    context: Context, resource: Resource, namespace: str, name: str, raw: Any, options: WriteOptions
) -> Result:
    """POST pods/NAME/binding: set spec.nodeName and the condition PodScheduled in one write."""
    warnings: list[str] = []
    binding, unknown = decode.decode(DEFINITION, raw)
    if unknown:
        incoming.report(resource, unknown, options, warnings)
    posted(context, resource, namespace, name, "binding", binding, options, warnings)
    target = binding.get("target") or {}
    node = target.get("name", "")
    given = binding.get("metadata", {}).get("name", "")
    if given and given != name:
        raise errors.bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({name})"
        )
    if target.get("kind") not in (None, "", "Node"):
        raise errors.bad_request("invalid: target.kind must be empty or Node")
    if not node:
        raise errors.bad_request("invalid: target.name is required")
    key = catalog.key(resource, namespace, name)
    present = context.store.find(key)
    if present is None:
        raise errors.not_found(resource, name)
    pod = present.obj
    metadata = pod["metadata"]
    uid = binding.get("metadata", {}).get("uid")
    revision = binding.get("metadata", {}).get("resourceVersion")
    if uid and uid != metadata["uid"]:
        raise _conflict(
            name,
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
            f"{metadata['uid']}",
        )
    if revision and revision != metadata["resourceVersion"]:
        raise _conflict(name, errors.OPTIMISTIC_LOCK)
    if "deletionTimestamp" in metadata:
        raise _conflict(name, f"pod {name} is being deleted, cannot be assigned to a host")
    if pod["spec"].get("nodeName"):
        on = pod["spec"]["nodeName"]
        raise _conflict(name, f'pod {name} is already assigned to node "{on}"')
    if pod["spec"].get("schedulingGates"):
        raise _conflict(name, f"pod {name} has non-empty .spec.schedulingGates")
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    }
    if options.dry_run:
        return Result(present, warnings, created=True, status=status)
    bound = _bind(pod, binding, node, context.clock.rfc3339())
    if "PodTopologyLabels" in context.chain.names:
        _place(bound, topology_of(context, node))
    stored = context.store.update(
        key, lambda revision: seal(resource, bound, revision), expect=present
    )
    return Result(stored, warnings, created=True, status=status)


def _conflict(name: str, why: str) -> errors.StatusError:
    message = f'Operation cannot be fulfilled on pods/binding "{name}": {why}'
    return errors.StatusError(409, "Conflict", message, {"name": name, "kind": "pods/binding"})


def _place(bound: Obj, topology: dict[str, str]) -> None:
    """Let a pod know the zone and the region of its node."""
    if topology:
        metadata = bound["metadata"]
        metadata["labels"] = {**topology, **(metadata.get("labels") or {})}


def _bind(pod: Obj, binding: Obj, node: str, now: str) -> Obj:
    metadata = dict(pod["metadata"])
    extra = binding.get("metadata", {}).get("annotations")
    if extra:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **extra}
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }
    status = dict(pod.get("status") or {})
    status.pop("nominatedNodeName", None)
    conditions = list(status.get("conditions") or ())
    for index, condition in enumerate(conditions):
        if condition["type"] == "PodScheduled":
            conditions[index] = scheduled
            break
    else:
        conditions.append(scheduled)
    status["conditions"] = conditions
    return {
        **pod,
        "metadata": metadata,
        "spec": {**pod["spec"], "nodeName": node},
        "status": status,
    }
