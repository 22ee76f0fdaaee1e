"""What a simulated kubelet says of its machine: the Node that it registers, and its Lease.

https://kubernetes.io/docs/reference/node/node-status/
"""

from collections.abc import Collection, Mapping
from typing import Any

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import evictions

SIMULATED = "miniplane.dev/simulated"
"""The annotation of nodes that have a simulated kubelet, with the value `"true"`."""

ZONE = "topology.kubernetes.io/zone"

LEASE_NAMESPACE = "kube-node-lease"
RENEWALS = 4
"""How often a lease is renewed in the time that it lasts."""
REPORT_SECONDS = 300.0
"""How often a node's status is written although nothing has changed."""

KUBELET_VERSION = "v1.36.2"

_CAPACITY = {
    "cpu": "64",
    "ephemeral-storage": "1Ti",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    "memory": "256Gi",
    "pods": "1000",
}
"""Those of a big machine, so that a handful of nodes can hold a test's thousand pods."""

_READY = ("Ready", "True", "KubeletReady", "kubelet is posting ready status")


def _conditions(pressed: Collection[str]) -> list[tuple[str, str, str, str]]:
    """What a kubelet says of its node: type, status, reason and message of each condition."""
    found = []
    for pressure in evictions.PRESSURES:
        kind = pressure.condition
        reason, text, _ = evictions.words(kind, pressed=kind in pressed)
        found.append((kind, "True" if kind in pressed else "False", reason, text))
    return [*found, _READY]


def is_simulated(node: Obj) -> bool:
    annotations = node["metadata"].get("annotations")
    return bool(annotations) and annotations.get(SIMULATED) == "true"


def labels(name: str) -> dict[str, str]:
    """The labels that a kubelet gives its node."""
    return {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }


def registration(
    name: str,
    *,
    address: str,
    now: str,
    machine_id: str,
    more_labels: Mapping[str, str] | None = None,
    capacity: Mapping[str, str] | None = None,
) -> Obj:
    """The Node as a kubelet creates it. `machine_id` is 32 hex digits; `capacity` is what differs
    from the usual."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {**labels(name), **(more_labels or {})},
            "annotations": {
                SIMULATED: "true",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": {"providerID": f"miniplane://{name}"},
        "status": status(
            {"capacity": dict(capacity or {})},
            name,
            address=address,
            now=now,
            machine_id=machine_id,
        ),
    }


def status(
    old: Obj,
    name: str,
    *,
    address: str,
    now: str,
    machine_id: str,
    pressed: Collection[str] = (),
) -> Obj:
    """A whole node status; `pressed` are the conditions of its machine that are no good. What `old`
    says of capacity and addresses stands, so that whoever made the node may say how big it is."""
    capacity = {**_CAPACITY, **(old.get("capacity") or {})}
    hex_id = machine_id
    uuid = f"{hex_id[:8]}-{hex_id[8:12]}-{hex_id[12:16]}-{hex_id[16:20]}-{hex_id[20:]}"
    return {
        **old,
        "capacity": capacity,
        "allocatable": {**capacity, **(old.get("allocatable") or {})},
        "conditions": conditions(old, now=now, pressed=pressed),
        "addresses": old.get("addresses")
        or [
            {"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": hex_id,
            "systemUUID": uuid,
            "bootID": f"{hex_id[16:24]}-{hex_id[24:28]}-{hex_id[28:]}-{hex_id[:4]}-{hex_id[4:16]}",
            "kernelVersion": "6.12.0-miniplane",
            "osImage": "miniplane (simulated)",
            "containerRuntimeVersion": "containerd://2.2.0",
            "kubeletVersion": KUBELET_VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


def conditions(old: Obj, *, now: str, pressed: Collection[str] = ()) -> list[Obj]:
    """The node's conditions with this heartbeat; other people's stay."""
    before = {c["type"]: c for c in old.get("conditions") or ()}
    words = _conditions(pressed)
    own = [kind for kind, _, _, _ in words]
    found = [c for kind, c in before.items() if kind not in own]
    for kind, value, reason, message in words:
        was = before.get(kind) or {}
        since = was.get("lastTransitionTime") if was.get("status") == value else None
        found.append(
            {
                "type": kind,
                "status": value,
                "lastHeartbeatTime": now,
                "lastTransitionTime": since or now,
                "reason": reason,
                "message": message,
            }
        )
    return found


def is_reported(node: Obj, pressed: Collection[str] = ()) -> bool:
    """Whether the node's status is what its kubelet would say (but for the heartbeat)."""
    node_status: dict[str, Any] = node.get("status") or {}
    if not (node_status.get("nodeInfo") or {}).get("kubeletVersion"):
        return False
    known = by_type(node)
    return all(known.get(kind) == value for kind, value, _, _ in _conditions(pressed))


def by_type(node: Obj) -> dict[str, str]:
    """The statuses of a node's conditions."""
    found = (node.get("status") or {}).get("conditions") or ()
    return {c["type"]: c["status"] for c in found}


def internal_ip(node: Obj) -> str:
    """The node's address, `""` if it has none yet."""
    for address in (node.get("status") or {}).get("addresses") or ():
        if address.get("type") == "InternalIP":
            return address.get("address", "")
    return ""


def lease(node: Obj, *, seconds: float, now: str) -> Obj:
    """The node's Lease, which lasts for `seconds`; `now` is a MicroTime."""
    meta = node["metadata"]
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": meta["name"],
            "namespace": LEASE_NAMESPACE,
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": meta["name"], "uid": meta["uid"]}
            ],
        },
        "spec": {
            "holderIdentity": meta["name"],
            "leaseDurationSeconds": int(seconds),
            "renewTime": now,
        },
    }


def renewed(old: Obj, *, now: str) -> Obj:
    """A Lease as it is renewed. Its managed fields are left out: the server knows them."""
    meta = {k: v for k, v in old["metadata"].items() if k != "managedFields"}
    return {**old, "metadata": meta, "spec": {**old["spec"], "renewTime": now}}


def is_schedulable(node: Obj) -> bool:
    """Whether nobody has cordoned the node."""
    return not (node.get("spec") or {}).get("unschedulable")
