"""What an empty object of each kind looks like before anything is set in it.

Ownership of a created object is what differs between it and the kind's empty Go value. That value
already has every struct that is not a pointer and every field without `omitempty`: so the creator
of a pod owns `spec.terminationGracePeriodSeconds` but not `spec` itself, owns each container but
not the list, and does not own a revision number of 0.

Facts of the Go types in k8s.io/api (1.36), apiextensions-apiserver and kube-aggregator. Status is
left out: it is reset on creation.
"""

from typing import Any

from miniplane.api.schema import Node

_POD_TEMPLATE: dict[str, Any] = {"metadata": {}, "spec": {"containers": None}}
_JOB: dict[str, Any] = {"template": _POD_TEMPLATE}
_CLAIM: dict[str, Any] = {"devices": {"requests": None}}
_SCALED: dict[str, Any] = {"scaleTargetRef": {"kind": "", "name": ""}, "maxReplicas": 0}
_ROLE_REF: dict[str, Any] = {"roleRef": {"apiGroup": "", "kind": "", "name": ""}}

_API = "io.k8s.api."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_AGGREGATOR = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1."

_ZERO: dict[str, dict[str, Any]] = {
    _API + "core.v1.Binding": {"target": {}},
    _API + "core.v1.Event": {
        "involvedObject": {},
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    },
    _API + "core.v1.LimitRange": {"spec": {"limits": None}},
    _API + "core.v1.PersistentVolumeClaim": {"spec": {"resources": {}}},
    _API + "core.v1.Pod": {"spec": {"containers": None}},
    _API + "core.v1.PodTemplate": {"template": _POD_TEMPLATE},
    _API + "apps.v1.ControllerRevision": {"data": None, "revision": 0},
    _API + "apps.v1.DaemonSet": {
        "spec": {"selector": None, "template": _POD_TEMPLATE, "updateStrategy": {}}
    },
    _API + "apps.v1.Deployment": {
        "spec": {"selector": None, "template": _POD_TEMPLATE, "strategy": {}}
    },
    _API + "apps.v1.ReplicaSet": {"spec": {"selector": None, "template": _POD_TEMPLATE}},
    _API + "apps.v1.StatefulSet": {
        "spec": {
            "selector": None,
            "template": _POD_TEMPLATE,
            "serviceName": "",
            "updateStrategy": {},
        }
    },
    _API + "events.v1.Event": {
        "eventTime": None,
        "regarding": {},
        "deprecatedSource": {},
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
    },
    _API + "autoscaling.v1.HorizontalPodAutoscaler": {"spec": _SCALED},
    _API + "autoscaling.v2.HorizontalPodAutoscaler": {"spec": _SCALED},
    _API + "batch.v1.CronJob": {
        "spec": {"schedule": "", "jobTemplate": {"metadata": {}, "spec": _JOB}}
    },
    _API + "batch.v1.Job": {"spec": _JOB},
    _API + "certificates.v1.CertificateSigningRequest": {
        "spec": {"request": None, "signerName": ""}
    },
    _API + "networking.v1.NetworkPolicy": {"spec": {"podSelector": {}}},
    _API + "rbac.v1.ClusterRoleBinding": _ROLE_REF,
    _API + "rbac.v1.ClusterRole": {"rules": None},
    _API + "rbac.v1.RoleBinding": _ROLE_REF,
    _API + "rbac.v1.Role": {"rules": None},
    _API + "storage.v1.CSINode": {"spec": {"drivers": None}},
    _API + "storage.v1.CSIStorageCapacity": {"storageClassName": ""},
    _API + "storage.v1.StorageClass": {"provisioner": ""},
    _API + "storage.v1.VolumeAttachment": {"spec": {"attacher": "", "source": {}, "nodeName": ""}},
    _API + "storage.v1.VolumeAttributesClass": {"driverName": ""},
    _API + "scheduling.v1.PriorityClass": {"value": 0},
    _API + "node.v1.RuntimeClass": {"handler": ""},
    _API + "discovery.v1.EndpointSlice": {"addressType": "", "endpoints": None, "ports": None},
    _API + "resource.v1.ResourceClaim": {"spec": _CLAIM},
    _API + "resource.v1.ResourceClaimTemplate": {"spec": {"metadata": {}, "spec": _CLAIM}},
    _API + "resource.v1.ResourceSlice": {
        "spec": {"driver": "", "pool": {"name": "", "generation": 0, "resourceSliceCount": 0}}
    },
    _API + "flowcontrol.v1.FlowSchema": {
        "spec": {"priorityLevelConfiguration": {"name": ""}, "matchingPrecedence": 0}
    },
    _API + "flowcontrol.v1.PriorityLevelConfiguration": {"spec": {"type": ""}},
    _EXTENSIONS + "CustomResourceDefinition": {
        "spec": {
            "group": "",
            "names": {"plural": "", "kind": ""},
            "scope": "",
            "versions": None,
        }
    },
    _AGGREGATOR + "APIService": {
        "spec": {"service": None, "groupPriorityMinimum": 0, "versionPriority": 0}
    },
}


def zero(root: Node) -> dict[str, Any]:
    """The empty object of a kind, `{}` for custom resources. Shared: never change it."""
    if not root.name:
        return {}
    listed = _ZERO.get(root.name, {})
    out: dict[str, Any] = {}
    for name in ("metadata", "spec", "status"):
        if name in root.fields:
            out[name] = {}
    out.update(listed)
    return out
