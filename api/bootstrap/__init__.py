"""What a fresh 1.36 control plane holds before anybody has asked it for anything.

Namespaces, priority classes, priority levels and flow schemas, RBAC roles and bindings, the
service address range, API services, and a default storage class. Labels and annotations are the
real ones; volatile metadata (uid, creationTimestamp, managedFields) is for the registry to add.
The default service accounts and the `kubernetes` service are not here: controllers make them.
"""

from collections.abc import Iterator

from miniplane.api.objects import Obj, thaw

PROVISIONER = "miniplane.dev/hostpath"
"""The provisioner of the default storage class `standard`."""

_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "default")

_PRIORITIES = (
    (
        "system-node-critical",
        2000001000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2000000000,
        "Used for system critical pods that must run in the cluster, but can be moved to another "
        "node if necessary.",
    ),
)

# Group, version, the group's priority, and the version's priority within the group.
_API_SERVICES = (
    ("", "v1", 18000, 1),
    ("apps", "v1", 17800, 15),
    ("events.k8s.io", "v1", 17750, 15),
    ("authentication.k8s.io", "v1", 17700, 15),
    ("authorization.k8s.io", "v1", 17600, 15),
    ("autoscaling", "v1", 17500, 15),
    ("autoscaling", "v2", 17500, 30),
    ("batch", "v1", 17400, 15),
    ("certificates.k8s.io", "v1", 17300, 15),
    ("networking.k8s.io", "v1", 17200, 15),
    ("policy", "v1", 17100, 15),
    ("rbac.authorization.k8s.io", "v1", 17000, 15),
    ("storage.k8s.io", "v1", 16800, 15),
    ("admissionregistration.k8s.io", "v1", 16700, 15),
    ("apiextensions.k8s.io", "v1", 16700, 15),
    ("scheduling.k8s.io", "v1", 16600, 15),
    ("coordination.k8s.io", "v1", 16500, 15),
    ("node.k8s.io", "v1", 16300, 15),
    ("discovery.k8s.io", "v1", 16200, 15),
    ("resource.k8s.io", "v1", 16200, 21),
    ("flowcontrol.apiserver.k8s.io", "v1", 16100, 21),
)


def objects(*, now: str | None = None, service_cidr: str = "10.96.0.0/16") -> Iterator[Obj]:
    """Fresh objects in an order in which each can be created: namespaces come first.

    `now` (a Time) is the transition time of the conditions that some of them carry.
    """
    # Imported here: only the start of a cluster needs their data.
    from miniplane.api.bootstrap import flowcontrol, rbac

    yield from _namespaces()
    yield from _priority_classes()
    for obj in flowcontrol.priority_levels():
        yield thaw(obj)
    for obj in flowcontrol.flow_schemas(now):
        yield thaw(obj)
    yield from rbac.objects()
    yield _service_cidr(service_cidr, now)
    yield from _api_services(now)
    yield _storage_class()


def _namespaces() -> Iterator[Obj]:
    for name in _NAMESPACES:
        yield {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }


def _priority_classes() -> Iterator[Obj]:
    for name, value, description in _PRIORITIES:
        yield {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
            "description": description,
            "preemptionPolicy": "PreemptLowerPriority",
        }


def _service_cidr(cidr: str, now: str | None) -> Obj:
    ready = {
        "type": "Ready",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "",
        "message": "Kubernetes Service CIDR is ready",
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {
            "name": "kubernetes",
            "finalizers": ["networking.k8s.io/service-cidr-finalizer"],
        },
        "spec": {"cidrs": [cidr]},
        "status": {"conditions": [ready]},
    }


def _api_services(now: str | None) -> Iterator[Obj]:
    for group, version, priority, version_priority in _API_SERVICES:
        spec: Obj = {
            "version": version,
            "groupPriorityMinimum": priority,
            "versionPriority": version_priority,
        }
        if group:
            spec["group"] = group
        available = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": now,
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        yield {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {
                "name": f"{version}.{group}",
                "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"},
            },
            "spec": spec,
            "status": {"conditions": [available]},
        }


def metrics_server(now: str) -> Iterator[Obj]:
    """What the installation of a metrics-server leaves in the API, but for its pods."""
    yield {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io", "labels": {"k8s-app": "metrics-server"}},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": "metrics-server", "namespace": "kube-system", "port": 443},
        },
        "status": {
            "conditions": [
                {
                    "type": "Available",
                    "status": "True",
                    "lastTransitionTime": now,
                    "reason": "Passed",
                    "message": "all checks passed",
                }
            ]
        },
    }
    aggregate = "rbac.authorization.k8s.io/aggregate-to-"
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "system:aggregated-metrics-reader",
            "labels": {f"{aggregate}{role}": "true" for role in ("admin", "edit", "view")},
        },
        "rules": [
            {
                "apiGroups": ["metrics.k8s.io"],
                "resources": ["pods", "nodes"],
                "verbs": ["get", "list", "watch"],
            }
        ],
    }


def _storage_class() -> Obj:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }
