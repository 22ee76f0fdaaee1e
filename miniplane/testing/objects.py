"""The smallest objects that a server accepts, for tests to start from: new ones at each call."""

from typing import Any

from miniplane.api.objects import Obj

IMAGE = "registry.k8s.io/pause:3.10"


def _object(api_version: str, kind: str, name: str, namespace: str, **parts: Any) -> Obj:
    metadata: Obj = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


def pod_spec(**spec: Any) -> Obj:
    """A pod's spec with one container, and whatever else is given in Kubernetes' own names."""
    return {"containers": [{"name": "main", "image": IMAGE}], **spec}


def template(labels: dict[str, str], **spec: Any) -> Obj:
    """A pod template with these labels."""
    return {"metadata": {"labels": dict(labels)}, "spec": pod_spec(**spec)}


def pod(
    name: str, *, namespace: str = "default", labels: dict[str, str] | None = None, **spec: Any
) -> Obj:
    """A pod; `**spec` are further fields of its spec, as `nodeName="node-0"`."""
    made = _object("v1", "Pod", name, namespace, spec=pod_spec(**spec))
    if labels:
        made["metadata"]["labels"] = dict(labels)
    return made


def _workload(
    kind: str, name: str, namespace: str, pod_fields: Obj | None, spec: dict[str, Any]
) -> Obj:
    labels = {"app": name}
    base = {
        "selector": {"matchLabels": dict(labels)},
        "template": template(labels, **(pod_fields or {})),
    }
    return _object("apps/v1", kind, name, namespace, spec={**base, **spec})


def deployment(
    name: str,
    *,
    replicas: int = 1,
    namespace: str = "default",
    pod_fields: Obj | None = None,
    **spec: Any,
) -> Obj:
    """A Deployment of pods labelled `app: NAME`. `pod_fields` go into the pods' spec, `**spec` into
    its own."""
    return _workload("Deployment", name, namespace, pod_fields, {"replicas": replicas, **spec})


def stateful_set(
    name: str,
    *,
    replicas: int = 1,
    namespace: str = "default",
    pod_fields: Obj | None = None,
    **spec: Any,
) -> Obj:
    """A StatefulSet of pods labelled `app: NAME`, with a service name of its own name."""
    spec = {"replicas": replicas, "serviceName": name, **spec}
    return _workload("StatefulSet", name, namespace, pod_fields, spec)


def daemon_set(
    name: str, *, namespace: str = "default", pod_fields: Obj | None = None, **spec: Any
) -> Obj:
    """A DaemonSet of pods labelled `app: NAME`."""
    return _workload("DaemonSet", name, namespace, pod_fields, spec)


def job(
    name: str, *, namespace: str = "default", pod_fields: Obj | None = None, **spec: Any
) -> Obj:
    """A Job whose pods are not restarted, unless `pod_fields` say so."""
    pods = {"spec": pod_spec(**{"restartPolicy": "Never", **(pod_fields or {})})}
    return _object("batch/v1", "Job", name, namespace, spec={"template": pods, **spec})


def service(name: str, *, namespace: str = "default", port: int = 80, **spec: Any) -> Obj:
    """A Service in front of pods labelled `app: NAME`."""
    base = {"selector": {"app": name}, "ports": [{"port": port}]}
    return _object("v1", "Service", name, namespace, spec={**base, **spec})


def config_map(name: str, data: dict[str, str] | None = None, *, namespace: str = "default") -> Obj:
    return _object("v1", "ConfigMap", name, namespace, data=dict(data or {}))


def namespace(name: str) -> Obj:
    return _object("v1", "Namespace", name, "")


def node(name: str, **spec: Any) -> Obj:
    """A node that nobody simulates: it stays as it is made."""
    return _object("v1", "Node", name, "", spec=spec)
