"""Defaults: what a server fills in when it reads an object, before anything else sees it.

Exactly those of `pkg/apis/*/v1/defaults.go`, kind by kind, and the conversions that belong to
reading: a Secret's `stringData`, the old twins of newer fields. What strategies and admission set
(generation, status resets, cluster addresses, tolerations) is the registry's business.
"""

from collections.abc import Callable

from miniplane.api.defaults import (
    admission,
    apps,
    autoscaling,
    batch,
    core,
    extensions,
    flowcontrol,
    networking,
    pods,
    rbac,
    resource,
    scheduling,
    storage,
    volumes,
)
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource

_DEFAULTERS: dict[tuple[str, str, str], Callable[[Obj], None]] = {
    ("", "v1", "Endpoints"): core.endpoints,
    ("", "v1", "LimitRange"): core.limit_range,
    ("", "v1", "Namespace"): core.namespace,
    ("", "v1", "Node"): core.node,
    ("", "v1", "PersistentVolumeClaim"): volumes.persistent_volume_claim,
    ("", "v1", "PersistentVolume"): volumes.persistent_volume,
    ("", "v1", "Pod"): pods.pod,
    ("", "v1", "PodTemplate"): core.pod_template_object,
    ("", "v1", "ReplicationController"): core.replication_controller,
    ("", "v1", "ResourceQuota"): core.resource_quota,
    ("", "v1", "Secret"): core.secret,
    ("", "v1", "Service"): core.service,
    ("apiregistration.k8s.io", "v1", "APIService"): extensions.api_service,
    ("apps", "v1", "DaemonSet"): apps.daemon_set,
    ("apps", "v1", "Deployment"): apps.deployment,
    ("apps", "v1", "ReplicaSet"): apps.replica_set,
    ("apps", "v1", "StatefulSet"): apps.stateful_set,
    ("autoscaling", "v2", "HorizontalPodAutoscaler"): autoscaling.horizontal_v2,
    ("autoscaling", "v1", "HorizontalPodAutoscaler"): autoscaling.horizontal_v1,
    ("batch", "v1", "CronJob"): batch.cron_job,
    ("batch", "v1", "Job"): batch.job,
    ("networking.k8s.io", "v1", "IngressClass"): networking.ingress_class,
    ("networking.k8s.io", "v1", "NetworkPolicy"): networking.network_policy,
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding"): rbac.binding,
    ("rbac.authorization.k8s.io", "v1", "RoleBinding"): rbac.binding,
    ("storage.k8s.io", "v1", "CSIDriver"): storage.csi_driver,
    ("storage.k8s.io", "v1", "StorageClass"): storage.storage_class,
    ("storage.k8s.io", "v1", "VolumeAttachment"): storage.volume_attachment,
    ("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy"): admission.admission_policy,
    ("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicyBinding"): (
        admission.policy_binding
    ),
    ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration"): (
        admission.mutating_webhooks
    ),
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy"): (
        admission.admission_policy
    ),
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding"): (
        admission.policy_binding
    ),
    ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration"): (
        admission.validating_webhooks
    ),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"): (
        extensions.custom_resource_definition
    ),
    ("scheduling.k8s.io", "v1", "PriorityClass"): scheduling.priority_class,
    ("discovery.k8s.io", "v1", "EndpointSlice"): networking.endpoint_slice,
    ("resource.k8s.io", "v1", "ResourceClaim"): resource.claim,
    ("resource.k8s.io", "v1", "ResourceClaimTemplate"): resource.claim_template,
    ("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema"): flowcontrol.flow_schema,
    ("flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration"): (
        flowcontrol.priority_level
    ),
}


def apply(resource: Resource, obj: Obj) -> None:
    """Sets the defaults of `obj`, a decoded object of the kind `resource`, in place.

    Twice is as good as once. Fields that are present stay as they are, but for those that Go
    cannot tell from absent ones: empty strings and zeros of fields without a pointer.
    """
    fill = _DEFAULTERS.get((resource.group, resource.version, resource.kind))
    if fill is not None:
        fill(obj)
