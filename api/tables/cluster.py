"""Rows of nodes, namespaces, events, leases and what else describes the cluster itself."""

from typing import Any

from miniplane.api import durations
from miniplane.api.conversion import events
from miniplane.api.objects import Obj
from miniplane.api.tables.model import AGE, NAME, Column, Printer, doc, printer
from miniplane.api.tables.parts import (
    NONE,
    UNKNOWN,
    age,
    flag,
    name,
    number,
    part,
    parts,
    text,
    value,
)

_ROLE_PREFIX = "node-role.kubernetes.io/"


def _roles(obj: Obj) -> str:
    labels = part(obj, "metadata", "labels")
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    roles.add(text(labels, "kubernetes.io/role"))
    return ",".join(sorted(role for role in roles if role)) or NONE


def _node_state(obj: Obj) -> str:
    state = "Unknown"
    for condition in parts(obj, "status", "conditions"):
        if condition.get("type") == "Ready":
            state = "Ready" if condition.get("status") == "True" else "NotReady"
    return f"{state},SchedulingDisabled" if flag(obj, "spec", "unschedulable") else state


def _address(obj: Obj, kind: str) -> str:
    for address in parts(obj, "status", "addresses"):
        if address.get("type") == kind:
            return text(address, "address")
    return NONE


def _kernel(info: Any) -> str:
    kernel, architecture = text(info, "kernelVersion"), text(info, "architecture")
    if not kernel:
        return UNKNOWN
    return f"{kernel} ({architecture})" if architecture else kernel


def _node(obj: Obj, now: float) -> list[Any]:
    info = part(obj, "status", "nodeInfo")
    return [
        name(obj),
        _node_state(obj),
        _roles(obj),
        age(obj, now),
        text(info, "kubeletVersion"),
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        text(info, "osImage") or UNKNOWN,
        _kernel(info),
        text(info, "containerRuntimeVersion") or UNKNOWN,
    ]


def _namespace(obj: Obj, now: float) -> list[Any]:
    return [name(obj), text(obj, "status", "phase"), age(obj, now)]


def _event_source(obj: Obj) -> str:
    component = text(obj, "source", "component") or text(obj, "reportingComponent")
    host = text(obj, "source", "host") or text(obj, "reportingInstance")
    return f"{component}, {host}" if host else component


def _event(obj: Obj, now: float) -> list[Any]:
    if obj.get("apiVersion") == "events.k8s.io/v1":
        obj = events.to_core(obj)
    first = durations.since(value(obj, "firstTimestamp") or value(obj, "eventTime"), now)
    last = value(obj, "lastTimestamp")
    last_seen = durations.since(last, now) if last else first
    count = number(obj, "count") or 1
    if value(obj, "series") is not None:
        last_seen = durations.since(value(obj, "series", "lastObservedTime"), now)
        count = number(obj, "series", "count")
    target = text(obj, "involvedObject", "kind").lower()
    if about := text(obj, "involvedObject", "name"):
        target = f"{target}/{about}"
    return [
        last_seen,
        text(obj, "type"),
        text(obj, "reason"),
        target,
        text(obj, "involvedObject", "fieldPath"),
        _event_source(obj),
        text(obj, "message").strip(),
        first,
        count,
        name(obj),
    ]


def _lease(obj: Obj, now: float) -> list[Any]:
    return [name(obj), text(obj, "spec", "holderIdentity"), age(obj, now)]


def _priority_class(obj: Obj, now: float) -> list[Any]:
    return [
        name(obj),
        number(obj, "value"),
        flag(obj, "globalDefault"),
        age(obj, now),
        text(obj, "preemptionPolicy"),
    ]


def _runtime_class(obj: Obj, now: float) -> list[Any]:
    return [name(obj), text(obj, "handler"), age(obj, now)]


def _component_status(obj: Obj, now: float) -> list[Any]:
    for condition in parts(obj, "conditions"):
        if condition.get("type") == "Healthy":
            state = "Healthy" if condition.get("status") == "True" else "Unhealthy"
            return [name(obj), state, text(condition, "message"), text(condition, "error")]
    return [name(obj), "Unknown", "", ""]


def _api_service(obj: Obj, now: float) -> list[Any]:
    service = value(obj, "spec", "service")
    available = "Unknown"
    for condition in parts(obj, "status", "conditions"):
        if condition.get("type") == "Available":
            available, reason = text(condition, "status"), text(condition, "reason")
            if available != "True" and reason:
                available = f"{available} ({reason})"
            break
    return [
        name(obj),
        "Local" if service is None else f"{text(service, 'namespace')}/{text(service, 'name')}",
        available,
        age(obj, now),
    ]


_EVENT_COLUMNS = (
    Column("Last Seen", "string", doc("core.v1.Event", "lastTimestamp")),
    Column("Type", "string", doc("core.v1.Event", "type")),
    Column("Reason", "string", doc("core.v1.Event", "reason")),
    Column("Object", "string", doc("core.v1.Event", "involvedObject")),
    Column("Subobject", "string", doc("core.v1.ObjectReference", "fieldPath"), 1),
    Column("Source", "string", doc("core.v1.Event", "source"), 1),
    Column("Message", "string", doc("core.v1.Event", "message")),
    Column("First Seen", "string", doc("core.v1.Event", "firstTimestamp"), 1),
    Column("Count", "string", doc("core.v1.Event", "count"), 1),
    Column("Name", "string", NAME.description, 1, format="name"),
)
_INFO = "core.v1.NodeSystemInfo"
_PRIORITY = "scheduling.v1.PriorityClass"

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "Node"): printer(
        _node,
        NAME,
        Column("Status", "string", "The status of the node"),
        Column("Roles", "string", "The roles of the node"),
        AGE,
        Column("Version", "string", doc(_INFO, "kubeletVersion")),
        Column("Internal-IP", "string", doc("core.v1.NodeStatus", "addresses"), 1),
        Column("External-IP", "string", doc("core.v1.NodeStatus", "addresses"), 1),
        Column("OS-Image", "string", doc(_INFO, "osImage"), 1),
        Column("Kernel-Version", "string", doc(_INFO, "kernelVersion"), 1),
        Column("Container-Runtime", "string", doc(_INFO, "containerRuntimeVersion"), 1),
    ),
    ("", "Namespace"): printer(
        _namespace, NAME, Column("Status", "string", "The status of the namespace"), AGE
    ),
    ("", "Event"): printer(_event, *_EVENT_COLUMNS),
    ("events.k8s.io", "Event"): printer(_event, *_EVENT_COLUMNS),
    ("coordination.k8s.io", "Lease"): printer(
        _lease,
        NAME,
        Column("Holder", "string", doc("coordination.v1.LeaseSpec", "holderIdentity")),
        AGE,
    ),
    ("scheduling.k8s.io", "PriorityClass"): printer(
        _priority_class,
        NAME,
        Column("Value", "integer", doc(_PRIORITY, "value")),
        Column("Global-Default", "boolean", doc(_PRIORITY, "globalDefault")),
        AGE,
        Column("PreemptionPolicy", "string", doc(_PRIORITY, "preemptionPolicy")),
    ),
    ("node.k8s.io", "RuntimeClass"): printer(
        _runtime_class, NAME, Column("Handler", "string"), AGE
    ),
    ("", "ComponentStatus"): printer(
        _component_status,
        NAME,
        Column("Status", "string", "Status of the component conditions"),
        Column("Message", "string", "Message of the component conditions"),
        Column("Error", "string", "Error of the component conditions"),
    ),
    ("apiregistration.k8s.io", "APIService"): printer(
        _api_service,
        NAME,
        Column("Service", "string", "The reference to the service that hosts this API endpoint."),
        Column("Available", "string", "Whether this service is available."),
        AGE,
    ),
}
