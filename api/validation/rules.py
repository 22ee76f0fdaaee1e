"""Which checks go with which kind: how it is named, and what is looked at in which order."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from miniplane.api import names
from miniplane.api.resources import Resource
from miniplane.api.validation import (
    access,
    autoscaling,
    batch,
    certificates,
    claims,
    cluster,
    config,
    crds,
    devices,
    discovery,
    events,
    flowcontrol,
    jobstatus,
    networking,
    nodes,
    persistentvolumes,
    pods,
    podstatus,
    podupdate,
    policies,
    quotas,
    services,
    storage,
    webhooks,
    workloads,
)
from miniplane.api.validation.checks import Errors

CheckNew = Callable[[Errors, Mapping[str, Any]], None]
CheckChange = Callable[[Errors, Mapping[str, Any], Mapping[str, Any]], None]

ON_CREATE, ON_UPDATE = "create", "update"


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """The checks of one kind.

    The server looks at the metadata of every object; most kinds do it once more by themselves,
    which shows in the causes of an error: what is wrong there is told once for each time.
    """

    create: CheckNew | None = None
    update: CheckChange | None = None
    """Where it is not that of a new object."""
    status: CheckChange | None = None
    name: names.NameRule = names.dns1123_subdomain
    again: tuple[str, ...] = (ON_UPDATE,)
    """The checks of metadata that the kind repeats on updates, in their order."""
    own_metadata: bool = True
    """Whether the kind looks at the metadata of a new object itself."""
    plain_finalizers: bool = False
    """Whether finalizers need no domain: so outside of the core API's own kinds."""
    has_metadata: bool = True
    """Reviews have none: they are questions, not objects."""
    subresources: Mapping[str, CheckChange] = dataclasses.field(default_factory=dict)


_CREATE = (ON_CREATE,)
_UPDATE_CREATE = (ON_UPDATE, ON_CREATE)
_CREATE_UPDATE = (ON_CREATE, ON_UPDATE)

_CORE = {
    "ConfigMap": Rules(config.config_map, config.config_map_update, again=_UPDATE_CREATE),
    "Endpoints": Rules(config.endpoints, again=_UPDATE_CREATE),
    "Event": Rules(events.core, again=(), own_metadata=False),
    "LimitRange": Rules(quotas.limit_range, again=_CREATE),
    "Namespace": Rules(
        config.namespace,
        status=config.namespace_status,
        name=names.dns1123_label,
        subresources={"finalize": config.namespace_finalize},
    ),
    "Node": Rules(nodes.create, nodes.update, nodes.update, again=_CREATE_UPDATE),
    "PersistentVolumeClaim": Rules(
        claims.create, claims.update, claims.update_status, again=_CREATE_UPDATE
    ),
    "PersistentVolume": Rules(persistentvolumes.create, persistentvolumes.update, again=_CREATE),
    "Pod": Rules(
        pods.create,
        podupdate.update,
        podstatus.update,
        again=_UPDATE_CREATE,
        subresources={
            "ephemeralcontainers": podupdate.update_ephemeral,
            "resize": podupdate.resize,
        },
    ),
    "PodTemplate": Rules(workloads.pod_template),
    "ReplicationController": Rules(
        workloads.replication_controller, status=workloads.replica_set_status
    ),
    "ResourceQuota": Rules(
        quotas.resource_quota, quotas.resource_quota_update, quotas.resource_quota_status
    ),
    "Secret": Rules(config.secret, config.secret_update, again=_UPDATE_CREATE),
    "ServiceAccount": Rules(again=_UPDATE_CREATE),
    "Service": Rules(
        services.create,
        services.update,
        services.update_status,
        name=names.dns1123_label,
        again=_UPDATE_CREATE,
    ),
}

_APPS = {
    "ControllerRevision": Rules(
        workloads.controller_revision, workloads.controller_revision_update, again=_UPDATE_CREATE
    ),
    "DaemonSet": Rules(
        workloads.daemon_set, workloads.daemon_set_update, workloads.daemon_set_status
    ),
    "Deployment": Rules(
        workloads.deployment, workloads.deployment_update, workloads.deployment_status
    ),
    "ReplicaSet": Rules(
        workloads.replica_set, workloads.replica_set_update, workloads.replica_set_status
    ),
    "StatefulSet": Rules(
        workloads.stateful_set,
        workloads.stateful_set_update,
        workloads.stateful_set_status,
        name=names.dns1123_label,
    ),
}

_BATCH = {
    "CronJob": Rules(batch.cron_job, batch.cron_job_update),
    "Job": Rules(batch.job, batch.job_update, jobstatus.update),
}

_NETWORKING = {
    "IngressClass": Rules(
        networking.ingress_class, networking.ingress_class_update, again=_UPDATE_CREATE
    ),
    "Ingress": Rules(
        networking.ingress,
        networking.ingress_update,
        networking.ingress_status,
        again=_UPDATE_CREATE,
    ),
    "IPAddress": Rules(
        networking.ip_address, networking.ip_address_update, name=networking.ip_address_name
    ),
    "NetworkPolicy": Rules(networking.network_policy),
    "ServiceCIDR": Rules(networking.service_cidr, networking.service_cidr_update),
}


def _access(create: CheckNew, update: CheckChange | None = None) -> Rules:
    return Rules(create, update, name=names.path_segment, again=_CREATE_UPDATE)


_RBAC = {
    "ClusterRoleBinding": _access(access.cluster_role_binding, access.cluster_role_binding_update),
    "ClusterRole": _access(access.cluster_role),
    "RoleBinding": _access(access.role_binding, access.role_binding_update),
    "Role": _access(access.role),
}

_STORAGE = {
    "CSIDriver": Rules(storage.csi_driver, storage.csi_driver_update),
    "CSINode": Rules(storage.csi_node, storage.csi_node_update, again=_CREATE),
    "CSIStorageCapacity": Rules(storage.storage_capacity, storage.storage_capacity_update),
    "StorageClass": Rules(storage.storage_class, storage.storage_class_update),
    "VolumeAttachment": Rules(
        storage.volume_attachment, storage.volume_attachment_update, again=_CREATE
    ),
    "VolumeAttributesClass": Rules(storage.attributes_class, storage.attributes_class_update),
}


def _admission(create: CheckNew, status: CheckChange | None = None) -> Rules:
    return Rules(create, status=status, again=_CREATE, plain_finalizers=True)


_ADMISSION = {
    "MutatingAdmissionPolicy": _admission(policies.mutating_policy),
    "MutatingAdmissionPolicyBinding": _admission(policies.mutating_binding),
    "MutatingWebhookConfiguration": _admission(webhooks.configuration),
    "ValidatingAdmissionPolicy": _admission(
        policies.validating_policy, policies.validating_policy_status
    ),
    "ValidatingAdmissionPolicyBinding": _admission(policies.validating_binding),
    "ValidatingWebhookConfiguration": _admission(webhooks.configuration),
}

_RESOURCE = {
    "DeviceClass": Rules(devices.device_class),
    "ResourceClaim": Rules(devices.claim, devices.claim_update, devices.claim_status),
    "ResourceClaimTemplate": Rules(devices.claim_template, devices.claim_template_update),
    "ResourceSlice": Rules(devices.resource_slice, devices.resource_slice_update),
}

_QUESTION = Rules(has_metadata=False)

_AUTHORIZATION = {
    "LocalSubjectAccessReview": Rules(access.local_subject_access_review, has_metadata=False),
    "SelfSubjectAccessReview": Rules(access.self_subject_access_review, has_metadata=False),
    "SelfSubjectRulesReview": _QUESTION,
    "SubjectAccessReview": Rules(access.subject_access_review, has_metadata=False),
}

_RULES: dict[str, dict[str, Rules]] = {
    "": _CORE,
    "apiregistration.k8s.io": {
        "APIService": Rules(
            flowcontrol.api_service,
            status=flowcontrol.api_service_status,
            name=names.path_segment,
            plain_finalizers=True,
        )
    },
    "apps": _APPS,
    "events.k8s.io": {"Event": Rules(events.events_v1, events.events_v1_update)},
    "authentication.k8s.io": {"SelfSubjectReview": _QUESTION, "TokenReview": _QUESTION},
    "authorization.k8s.io": _AUTHORIZATION,
    "batch": _BATCH,
    "certificates.k8s.io": {
        "CertificateSigningRequest": Rules(
            certificates.create,
            certificates.update,
            certificates.update_status,
            name=names.path_segment,
            again=_CREATE_UPDATE,
            subresources={"approval": certificates.update_approval},
        )
    },
    "networking.k8s.io": _NETWORKING,
    "policy": {
        "PodDisruptionBudget": Rules(
            access.disruption_budget,
            status=access.disruption_budget_status,
            again=(),
            own_metadata=False,
        )
    },
    "rbac.authorization.k8s.io": _RBAC,
    "storage.k8s.io": _STORAGE,
    "admissionregistration.k8s.io": _ADMISSION,
    "apiextensions.k8s.io": {
        "CustomResourceDefinition": Rules(
            crds.create,
            crds.update,
            crds.update_status,
            plain_finalizers=True,
        )
    },
    "scheduling.k8s.io": {
        "PriorityClass": Rules(cluster.priority_class, cluster.priority_class_update)
    },
    "coordination.k8s.io": {"Lease": Rules(cluster.lease)},
    "node.k8s.io": {"RuntimeClass": Rules(cluster.runtime_class, cluster.runtime_class_update)},
    "discovery.k8s.io": {
        "EndpointSlice": Rules(
            discovery.endpoint_slice, discovery.endpoint_slice_update, again=_CREATE
        )
    },
    "resource.k8s.io": _RESOURCE,
    "flowcontrol.apiserver.k8s.io": {
        "FlowSchema": Rules(flowcontrol.flow_schema, again=_CREATE),
        "PriorityLevelConfiguration": Rules(flowcontrol.priority_level, again=_CREATE),
    },
}

_AUTOSCALERS = {
    "v1": Rules(autoscaling.horizontal_v1, status=autoscaling.horizontal_status),
    "v2": Rules(autoscaling.horizontal_v2, status=autoscaling.horizontal_status),
}

_CUSTOM = Rules(plain_finalizers=True)


def of(resource: Resource) -> Rules:
    """The rules of a kind; of one that the table does not have, those of custom resources."""
    if resource.group == "autoscaling" and resource.version in _AUTOSCALERS:
        return _AUTOSCALERS[resource.version]
    return _RULES.get(resource.group, {}).get(resource.kind, _CUSTOM)
