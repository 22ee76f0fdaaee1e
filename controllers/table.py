"""The controllers that a cluster starts, in the order in which they are started."""

from miniplane.controllers.apiservice.controller import APIServiceController
from miniplane.controllers.certificates.controller import Approver, Cleaner, Signer
from miniplane.controllers.clusterroleaggregation.controller import ClusterRoleAggregation
from miniplane.controllers.crd.controller import DefinitionController
from miniplane.controllers.cronjob.controller import CronJobController
from miniplane.controllers.daemonset.controller import DaemonSetController
from miniplane.controllers.deployment.controller import DeploymentController
from miniplane.controllers.disruption.controller import DisruptionController
from miniplane.controllers.endpoints.controller import (
    EndpointsController,
    EndpointSliceController,
    EndpointSliceMirroring,
)
from miniplane.controllers.garbagecollector.controller import GarbageCollector
from miniplane.controllers.job.controller import JobController
from miniplane.controllers.kubelet.controller import Kubelet
from miniplane.controllers.loadbalancer.controller import (
    IngressController,
    LoadBalancerController,
)
from miniplane.controllers.namespace.controller import NamespaceController
from miniplane.controllers.nodeipam.controller import NodeIpamController, TtlController
from miniplane.controllers.nodelifecycle.controller import NodeLifecycleController
from miniplane.controllers.podautoscaler.controller import HorizontalPodAutoscalerController
from miniplane.controllers.podgc.controller import PodGCController
from miniplane.controllers.policystatus.controller import PolicyStatusController
from miniplane.controllers.replicaset.controller import (
    ReplicaSetController,
    ReplicationControllerController,
)
from miniplane.controllers.resourcequota.controller import ResourceQuotaController
from miniplane.controllers.scheduler.controller import Scheduler
from miniplane.controllers.serviceaccounts.controller import (
    RootCAPublisher,
    ServiceAccountController,
)
from miniplane.controllers.servicecidr.controller import ServiceCIDRController
from miniplane.controllers.statefulset.controller import StatefulSetController
from miniplane.controllers.tainteviction.controller import TaintEvictionController
from miniplane.controllers.ttlafterfinished.controller import TtlAfterFinished
from miniplane.controllers.volumes.controller import VolumeBinder
from miniplane.controllers.volumes.ephemeral import EphemeralVolumes
from miniplane.controllers.volumes.expansion import VolumeExpander
from miniplane.controllers.volumes.protection import ClaimProtection, VolumeProtection
from miniplane.runtime.controller import Controller

CONTROLLERS: tuple[type[Controller], ...] = (
    DefinitionController,
    APIServiceController,
    ServiceAccountController,
    RootCAPublisher,
    NamespaceController,
    ClusterRoleAggregation,
    Approver,
    Signer,
    Cleaner,
    ResourceQuotaController,
    PolicyStatusController,
    GarbageCollector,
    StatefulSetController,
    DaemonSetController,
    DeploymentController,
    ReplicaSetController,
    ReplicationControllerController,
    JobController,
    CronJobController,
    TtlAfterFinished,
    EndpointsController,
    EndpointSliceController,
    EndpointSliceMirroring,
    LoadBalancerController,
    IngressController,
    ServiceCIDRController,
    DisruptionController,
    HorizontalPodAutoscalerController,
    VolumeBinder,
    VolumeExpander,
    EphemeralVolumes,
    ClaimProtection,
    VolumeProtection,
    NodeIpamController,
    TtlController,
    NodeLifecycleController,
    TaintEvictionController,
    PodGCController,
    Scheduler,
    Kubelet,
)

ALIASES = {
    "endpoint": "endpoints-controller",
    "endpointslice": "endpointslice-controller",
    "endpointslicemirroring": "endpointslice-mirroring-controller",
    "replicationcontroller": "replicationcontroller-controller",
    "podgc": "pod-garbage-collector-controller",
    "resourcequota": "resourcequota-controller",
    "namespace": "namespace-controller",
    "serviceaccount": "serviceaccount-controller",
    "garbagecollector": "garbage-collector-controller",
    "daemonset": "daemonset-controller",
    "job": "job-controller",
    "deployment": "deployment-controller",
    "replicaset": "replicaset-controller",
    "horizontalpodautoscaling": "horizontal-pod-autoscaler-controller",
    "disruption": "disruption-controller",
    "statefulset": "statefulset-controller",
    "cronjob": "cronjob-controller",
    "csrsigning": "certificatesigningrequest-signing-controller",
    "csrapproving": "certificatesigningrequest-approving-controller",
    "csrcleaner": "certificatesigningrequest-cleaner-controller",
    "ttl": "ttl-controller",
    "nodeipam": "node-ipam-controller",
    "nodelifecycle": "node-lifecycle-controller",
    "service": "service-lb-controller",
    "persistentvolume-binder": "persistentvolume-binder-controller",
    "clusterrole-aggregation": "clusterrole-aggregation-controller",
    "pvc-protection": "persistentvolumeclaim-protection-controller",
    "pv-protection": "persistentvolume-protection-controller",
    "ttl-after-finished": "ttl-after-finished-controller",
    "root-ca-cert-publisher": "root-ca-certificate-publisher-controller",
    "ephemeral-volume": "ephemeral-volume-controller",
}
"""The names that kube-controller-manager knew them by until 1.27, which it takes still."""
