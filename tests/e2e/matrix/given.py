"""Objects that forms start from, in as few fields as each kind allows."""

from typing import Any

import yaml

Manifest = dict[str, Any]


def _object(api: str, kind: str, name: str, **fields: Any) -> Manifest:
    labels = fields.pop("labels", None)
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def _template(app: str, image: str = "nginx:1.26") -> Manifest:
    spec = {"containers": [{"name": "main", "image": image}]}
    return {"metadata": {"labels": {"app": app}}, "spec": spec}


def _selects(app: str) -> Manifest:
    return {"matchLabels": {"app": app}}


def pod(name: str, **spec: Any) -> Manifest:
    """A pod with one container `main`, labelled app=NAME."""
    spec = {"containers": [{"name": "main", "image": "nginx:1.26"}], **spec}
    return _object("v1", "Pod", name, labels={"app": name}, spec=spec)


def config_map(name: str, labels: Any = None, **data: str) -> Manifest:
    return _object("v1", "ConfigMap", name, labels=labels, data=data)


def secret(name: str, **data: str) -> Manifest:
    return _object("v1", "Secret", name, stringData=data)


def service_account(name: str) -> Manifest:
    return _object("v1", "ServiceAccount", name)


def service(name: str, app: str = "", **spec: Any) -> Manifest:
    """A service of the pods with app=APP, NAME unless told otherwise, on port 80."""
    ports = [{"port": 80, "targetPort": 8080}]
    spec = {"selector": {"app": app or name}, "ports": ports, **spec}
    return _object("v1", "Service", name, labels={"app": app or name}, spec=spec)


def deployment(name: str = "web", replicas: int = 1, **spec: Any) -> Manifest:
    spec = {"replicas": replicas, "selector": _selects(name), "template": _template(name), **spec}
    return _object("apps/v1", "Deployment", name, labels={"app": name}, spec=spec)


def replica_set(name: str = "web", replicas: int = 1) -> Manifest:
    spec = {"replicas": replicas, "selector": _selects(name), "template": _template(name)}
    return _object("apps/v1", "ReplicaSet", name, labels={"app": name}, spec=spec)


def stateful_set(name: str = "db", replicas: int = 1, **spec: Any) -> Manifest:
    spec = {
        "serviceName": name,
        "replicas": replicas,
        "selector": _selects(name),
        "template": _template(name),
        **spec,
    }
    return _object("apps/v1", "StatefulSet", name, labels={"app": name}, spec=spec)


def daemon_set(name: str = "agent") -> Manifest:
    spec = {"selector": _selects(name), "template": _template(name)}
    return _object("apps/v1", "DaemonSet", name, labels={"app": name}, spec=spec)


def replication_controller(name: str = "old", replicas: int = 1) -> Manifest:
    spec = {"replicas": replicas, "selector": {"app": name}, "template": _template(name)}
    return _object("v1", "ReplicationController", name, spec=spec)


def _job_template() -> Manifest:
    template = _template("job")
    template["spec"]["restartPolicy"] = "Never"
    return template


def job(name: str = "once") -> Manifest:
    return _object("batch/v1", "Job", name, spec={"template": _job_template()})


def cron_job(name: str = "often", **spec: Any) -> Manifest:
    """One that starts nothing by itself, as long as the year is not over."""
    jobs = {"spec": {"template": _job_template()}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": jobs, **spec}
    return _object("batch/v1", "CronJob", name, spec=spec)


def autoscaler(name: str = "web") -> Manifest:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    spec = {
        "scaleTargetRef": target,
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [{"type": "Resource", "resource": metric}],
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", name, spec=spec)


def claim(name: str = "data") -> Manifest:
    requests = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": requests}
    return _object("v1", "PersistentVolumeClaim", name, spec=spec)


def volume(name: str) -> Manifest:
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/data"},
        "storageClassName": "by-hand",
    }
    return _object("v1", "PersistentVolume", name, spec=spec)


def storage_class(name: str) -> Manifest:
    return _object("storage.k8s.io/v1", "StorageClass", name, provisioner="example.com/disk")


def ingress_class(name: str) -> Manifest:
    spec = {"controller": "example.com/door"}
    return _object("networking.k8s.io/v1", "IngressClass", name, spec=spec)


def ingress(name: str = "door") -> Manifest:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec = {"rules": [{"host": "example.com", "http": {"paths": [path]}}]}
    return _object("networking.k8s.io/v1", "Ingress", name, spec=spec)


def network_policy(name: str = "closed") -> Manifest:
    spec = {"podSelector": _selects("web"), "policyTypes": ["Ingress"]}
    return _object("networking.k8s.io/v1", "NetworkPolicy", name, spec=spec)


def budget(name: str = "web", min_available: int = 1) -> Manifest:
    spec = {"minAvailable": min_available, "selector": _selects(name)}
    return _object("policy/v1", "PodDisruptionBudget", name, spec=spec)


def quota(name: str = "enough") -> Manifest:
    return _object("v1", "ResourceQuota", name, spec={"hard": {"configmaps": "10"}})


def limit_range(name: str = "limits") -> Manifest:
    limit = {"type": "Container", "default": {"cpu": "100m"}, "defaultRequest": {"cpu": "50m"}}
    return _object("v1", "LimitRange", name, spec={"limits": [limit]})


def priority_class(name: str) -> Manifest:
    return _object("scheduling.k8s.io/v1", "PriorityClass", name, value=1000)


def role(name: str = "reader", kind: str = "Role") -> Manifest:
    """A Role or ClusterRole that may get and list pods."""
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    return _object("rbac.authorization.k8s.io/v1", kind, name, rules=rules)


def binding(name: str = "readers", kind: str = "RoleBinding", role: str = "reader") -> Manifest:
    """Binds jane to a role: a RoleBinding to a Role, a ClusterRoleBinding to a ClusterRole."""
    group = "rbac.authorization.k8s.io"
    ref = {"apiGroup": group, "kind": kind.removesuffix("Binding"), "name": role}
    jane = {"kind": "User", "apiGroup": group, "name": "jane"}
    return _object(f"{group}/v1", kind, name, roleRef=ref, subjects=[jane])


def lease(name: str = "leader") -> Manifest:
    spec = {"holderIdentity": "me", "leaseDurationSeconds": 15}
    return _object("coordination.k8s.io/v1", "Lease", name, spec=spec)


def node(name: str) -> Manifest:
    """A simulated node, as `miniplane node add` makes it."""
    metadata = {"name": name, "annotations": {"miniplane.dev/simulated": "true"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}


# A request for CN=jane, and a certificate for example.com with its key: Ed25519, which is short.
_REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlHT01FSUNBUUF3RHpFTk1Bc0dBMVVFQXd3RWFtRnVa"
    "VEFxTUFVR0F5dGxjQU1oQUZLRHY1ZlUzbzJOcEhINgp6UnE5bFJlTC9rUGNONytRNExxT2VycEhxcDNEb0FBd0JRWURL"
    "MlZ3QTBFQWd0cjVFdFNCS2hGQmJkeVZMT2VECjZYTVZYQ1ZLeGhDVnhBZERlRG9OYWNuMUxYVXQ2MktRMk1ZSlUwOXFi"
    "LzU0UVJTdE91TzY4dXE5eThVQzVYamMKQ3c9PQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K"
)

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIHaMIGNoAMCAQICAQEwBQYDK2VwMBYxFDASBgNVBAMMC2V4YW1wbGUuY29tMCAX
DTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAWMRQwEgYDVQQDDAtleGFt
cGxlLmNvbTAqMAUGAytlcAMhAFKDv5fU3o2NpHH6zRq9lReL/kPcN7+Q4LqOerpH
qp3DMAUGAytlcANBAD2CbYlXc6AaakLpCPWVUA3KVVcQPzBlj+oYaTmltECd0NJF
8ScpdVRtiS9JdOk4jsw+TT4aBBl5uXoSj8wiTwk=
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIA24aoD/IiCl11KX5cF3UweMJIqAclXz2FtPIakS9k9g
-----END PRIVATE KEY-----
"""


def signing_request(name: str) -> Manifest:
    signer = "kubernetes.io/kube-apiserver-client"
    spec = {"request": _REQUEST, "signerName": signer, "usages": ["client auth"]}
    return _object("certificates.k8s.io/v1", "CertificateSigningRequest", name, spec=spec)


WIDGETS: Manifest = _object(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "widgets.example.com",
    spec={
        "group": "example.com",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "description": "A Widget turns.",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "description": "How it turns.",
                                "properties": {
                                    "size": {"type": "integer", "description": "How big it is."}
                                },
                            }
                        },
                    }
                },
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}
                ],
            }
        ],
    },
)
"""Defines example.com/v1 Widgets."""


def widget(name: str = "wheel", size: int = 3) -> Manifest:
    return _object("example.com/v1", "Widget", name, spec={"size": size})


def placed(manifest: Manifest) -> Manifest:
    """In a file: with the scene's namespace."""
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": "{ns}"}}


def as_text(*manifests: Manifest) -> str:
    """Several documents in one file."""
    return yaml.safe_dump_all(manifests)
