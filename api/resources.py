"""The resource table: one row for each kind that is served.

A row carries what discovery says of the kind, in the words of `APIResource`
(https://kubernetes.io/docs/reference/using-api/api-concepts/). Behaviour that differs from the
generic path lives in a strategy of the registry, never here.

Rows stand in the order in which a 1.36 server presents its groups: clients resolve an ambiguous
short name by that order.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclasses.dataclass(frozen=True, slots=True)
class Subresource:
    """One entry below a resource, as `pods/status`. An empty `kind` means the resource's own."""

    name: str
    kind: str = ""
    group: str = ""
    version: str = ""
    verbs: tuple[str, ...] = ("get", "patch", "update")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One served resource. Rows are singletons: compare and hash by identity."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    subresources: tuple[Subresource, ...]
    definition: str
    """Name of the OpenAPI definition, as `io.k8s.api.apps.v1.StatefulSet`."""
    preferred: bool
    """Whether this is its group's preferred version."""
    custom: ClassVar[Any] = None
    """Of a custom resource what its definition says (`customresources.definition.Version`)."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        """`statefulsets.apps`, or `pods`: how errors name the resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def group_kind(self) -> str:
        """`StatefulSet.apps`, or `Pod`: how Invalid errors name the kind."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def path(self) -> str:
        """The group version's URL prefix: `/api/v1` or `/apis/apps/v1`."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def stored(self) -> bool:
        """Whether objects of this resource live in the store (reviews do not)."""
        return "list" in self.verbs and self.plural != "componentstatuses"

    def subresource(self, name: str) -> Subresource | None:
        for sub in self.subresources:
            if sub.name == name:
                return sub
        return None

    def __repr__(self) -> str:
        return f"<{self.plural} {self.api_version}>"


_DEFINITION_PACKAGES = {
    "": "io.k8s.api.core",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "flowcontrol.apiserver.k8s.io": "io.k8s.api.flowcontrol",
}


def _row(
    group: str,
    version: str,
    kind: str,
    plural: str,
    *,
    namespaced: bool = True,
    short_names: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    verbs: tuple[str, ...] = ALL_VERBS,
    singular: str = "",
    subresources: tuple[Subresource, ...] = (),
) -> Resource:
    package = _DEFINITION_PACKAGES.get(group) or f"io.k8s.api.{group.split('.')[0]}"
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=singular or kind.lower(),
        namespaced=namespaced,
        verbs=verbs,
        short_names=short_names,
        categories=categories,
        subresources=subresources,
        definition=f"{package}.{version}.{kind}",
        preferred=(group, version) != ("autoscaling", "v1"),
    )


_STATUS = Subresource("status")
_SCALE = Subresource("scale", kind="Scale", group="autoscaling", version="v1")

RESOURCES: tuple[Resource, ...] = (
    # v1
    _row("", "v1", "Binding", "bindings", verbs=("create",)),
    _row(
        "",
        "v1",
        "ComponentStatus",
        "componentstatuses",
        namespaced=False,
        short_names=("cs",),
        verbs=("get", "list"),
    ),
    _row("", "v1", "ConfigMap", "configmaps", short_names=("cm",)),
    _row("", "v1", "Endpoints", "endpoints", short_names=("ep",)),
    _row("", "v1", "Event", "events", short_names=("ev",)),
    _row("", "v1", "LimitRange", "limitranges", short_names=("limits",)),
    _row(
        "",
        "v1",
        "Namespace",
        "namespaces",
        namespaced=False,
        short_names=("ns",),
        verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
        subresources=(
            Subresource("finalize", verbs=("update",)),
            _STATUS,
        ),
    ),
    _row(
        "",
        "v1",
        "Node",
        "nodes",
        namespaced=False,
        short_names=("no",),
        subresources=(
            Subresource(
                "proxy",
                kind="NodeProxyOptions",
                verbs=("create", "delete", "get", "patch", "update"),
            ),
            _STATUS,
        ),
    ),
    _row(
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        short_names=("pvc",),
        subresources=(_STATUS,),
    ),
    _row(
        "",
        "v1",
        "PersistentVolume",
        "persistentvolumes",
        namespaced=False,
        short_names=("pv",),
        subresources=(_STATUS,),
    ),
    _row(
        "",
        "v1",
        "Pod",
        "pods",
        short_names=("po",),
        categories=("all",),
        subresources=(
            Subresource("attach", kind="PodAttachOptions", verbs=("create", "get")),
            Subresource("binding", kind="Binding", verbs=("create",)),
            Subresource("ephemeralcontainers"),
            Subresource(
                "eviction", kind="Eviction", group="policy", version="v1", verbs=("create",)
            ),
            Subresource("exec", kind="PodExecOptions", verbs=("create", "get")),
            Subresource("log", verbs=("get",)),
            Subresource("portforward", kind="PodPortForwardOptions", verbs=("create", "get")),
            Subresource(
                "proxy",
                kind="PodProxyOptions",
                verbs=("create", "delete", "get", "patch", "update"),
            ),
            Subresource("resize"),
            _STATUS,
        ),
    ),
    _row("", "v1", "PodTemplate", "podtemplates"),
    _row(
        "",
        "v1",
        "ReplicationController",
        "replicationcontrollers",
        short_names=("rc",),
        categories=("all",),
        subresources=(
            _SCALE,
            _STATUS,
        ),
    ),
    _row(
        "", "v1", "ResourceQuota", "resourcequotas", short_names=("quota",), subresources=(_STATUS,)
    ),
    _row("", "v1", "Secret", "secrets"),
    _row(
        "",
        "v1",
        "ServiceAccount",
        "serviceaccounts",
        short_names=("sa",),
        subresources=(
            Subresource(
                "token",
                kind="TokenRequest",
                group="authentication.k8s.io",
                version="v1",
                verbs=("create",),
            ),
        ),
    ),
    _row(
        "",
        "v1",
        "Service",
        "services",
        short_names=("svc",),
        categories=("all",),
        subresources=(
            Subresource(
                "proxy",
                kind="ServiceProxyOptions",
                verbs=("create", "delete", "get", "patch", "update"),
            ),
            _STATUS,
        ),
    ),
    # apiregistration.k8s.io/v1
    _row(
        "apiregistration.k8s.io",
        "v1",
        "APIService",
        "apiservices",
        namespaced=False,
        categories=("api-extensions",),
        subresources=(_STATUS,),
    ),
    # apps/v1
    _row("apps", "v1", "ControllerRevision", "controllerrevisions"),
    _row(
        "apps",
        "v1",
        "DaemonSet",
        "daemonsets",
        short_names=("ds",),
        categories=("all",),
        subresources=(_STATUS,),
    ),
    _row(
        "apps",
        "v1",
        "Deployment",
        "deployments",
        short_names=("deploy",),
        categories=("all",),
        subresources=(
            _SCALE,
            _STATUS,
        ),
    ),
    _row(
        "apps",
        "v1",
        "ReplicaSet",
        "replicasets",
        short_names=("rs",),
        categories=("all",),
        subresources=(
            _SCALE,
            _STATUS,
        ),
    ),
    _row(
        "apps",
        "v1",
        "StatefulSet",
        "statefulsets",
        short_names=("sts",),
        categories=("all",),
        subresources=(
            _SCALE,
            _STATUS,
        ),
    ),
    # events.k8s.io/v1
    _row("events.k8s.io", "v1", "Event", "events", short_names=("ev",)),
    # authentication.k8s.io/v1
    _row(
        "authentication.k8s.io",
        "v1",
        "SelfSubjectReview",
        "selfsubjectreviews",
        namespaced=False,
        verbs=("create",),
    ),
    _row(
        "authentication.k8s.io",
        "v1",
        "TokenReview",
        "tokenreviews",
        namespaced=False,
        verbs=("create",),
    ),
    # authorization.k8s.io/v1
    _row(
        "authorization.k8s.io",
        "v1",
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        verbs=("create",),
    ),
    _row(
        "authorization.k8s.io",
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        namespaced=False,
        verbs=("create",),
    ),
    _row(
        "authorization.k8s.io",
        "v1",
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        namespaced=False,
        verbs=("create",),
    ),
    _row(
        "authorization.k8s.io",
        "v1",
        "SubjectAccessReview",
        "subjectaccessreviews",
        namespaced=False,
        verbs=("create",),
    ),
    # autoscaling/v2
    _row(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        short_names=("hpa",),
        categories=("all",),
        subresources=(_STATUS,),
    ),
    # autoscaling/v1
    _row(
        "autoscaling",
        "v1",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        short_names=("hpa",),
        categories=("all",),
        subresources=(_STATUS,),
    ),
    # batch/v1
    _row(
        "batch",
        "v1",
        "CronJob",
        "cronjobs",
        short_names=("cj",),
        categories=("all",),
        subresources=(_STATUS,),
    ),
    _row("batch", "v1", "Job", "jobs", categories=("all",), subresources=(_STATUS,)),
    # certificates.k8s.io/v1
    _row(
        "certificates.k8s.io",
        "v1",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        namespaced=False,
        short_names=("csr",),
        subresources=(
            Subresource("approval"),
            _STATUS,
        ),
    ),
    # networking.k8s.io/v1
    _row("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False),
    _row(
        "networking.k8s.io",
        "v1",
        "Ingress",
        "ingresses",
        short_names=("ing",),
        subresources=(_STATUS,),
    ),
    _row(
        "networking.k8s.io", "v1", "IPAddress", "ipaddresses", namespaced=False, short_names=("ip",)
    ),
    _row("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", short_names=("netpol",)),
    _row(
        "networking.k8s.io",
        "v1",
        "ServiceCIDR",
        "servicecidrs",
        namespaced=False,
        subresources=(_STATUS,),
    ),
    # policy/v1
    _row(
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        short_names=("pdb",),
        subresources=(_STATUS,),
    ),
    # rbac.authorization.k8s.io/v1
    _row(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        namespaced=False,
    ),
    _row("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
    _row("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    _row("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    # storage.k8s.io/v1
    _row("storage.k8s.io", "v1", "CSIDriver", "csidrivers", namespaced=False),
    _row("storage.k8s.io", "v1", "CSINode", "csinodes", namespaced=False),
    _row("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities"),
    _row(
        "storage.k8s.io",
        "v1",
        "StorageClass",
        "storageclasses",
        namespaced=False,
        short_names=("sc",),
    ),
    _row(
        "storage.k8s.io",
        "v1",
        "VolumeAttachment",
        "volumeattachments",
        namespaced=False,
        subresources=(_STATUS,),
    ),
    _row(
        "storage.k8s.io",
        "v1",
        "VolumeAttributesClass",
        "volumeattributesclasses",
        namespaced=False,
        short_names=("vac",),
    ),
    # admissionregistration.k8s.io/v1
    _row(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingAdmissionPolicy",
        "mutatingadmissionpolicies",
        namespaced=False,
        categories=("api-extensions",),
    ),
    _row(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingAdmissionPolicyBinding",
        "mutatingadmissionpolicybindings",
        namespaced=False,
        categories=("api-extensions",),
    ),
    _row(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        namespaced=False,
        categories=("api-extensions",),
    ),
    _row(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        namespaced=False,
        categories=("api-extensions",),
        subresources=(_STATUS,),
    ),
    _row(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        namespaced=False,
        categories=("api-extensions",),
    ),
    _row(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        namespaced=False,
        categories=("api-extensions",),
    ),
    # apiextensions.k8s.io/v1
    _row(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        subresources=(_STATUS,),
    ),
    # scheduling.k8s.io/v1
    _row(
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        "priorityclasses",
        namespaced=False,
        short_names=("pc",),
    ),
    # coordination.k8s.io/v1
    _row("coordination.k8s.io", "v1", "Lease", "leases"),
    # node.k8s.io/v1
    _row("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", namespaced=False),
    # discovery.k8s.io/v1
    _row("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    # resource.k8s.io/v1
    _row("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", namespaced=False),
    _row("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", subresources=(_STATUS,)),
    _row("resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates"),
    _row("resource.k8s.io", "v1", "ResourceSlice", "resourceslices", namespaced=False),
    # flowcontrol.apiserver.k8s.io/v1
    _row(
        "flowcontrol.apiserver.k8s.io",
        "v1",
        "FlowSchema",
        "flowschemas",
        namespaced=False,
        subresources=(_STATUS,),
    ),
    _row(
        "flowcontrol.apiserver.k8s.io",
        "v1",
        "PriorityLevelConfiguration",
        "prioritylevelconfigurations",
        namespaced=False,
        subresources=(_STATUS,),
    ),
)

BY_PATH: dict[tuple[str, str, str], Resource] = {
    (r.group, r.version, r.plural): r for r in RESOURCES
}
"""Rows by (group, version, plural)."""

BY_KIND: dict[tuple[str, str], Resource] = {(r.api_version, r.kind): r for r in RESOURCES}
"""Rows by (apiVersion, kind)."""


def resource(plural: str, group: str = "", version: str = "v1") -> Resource:
    """The row of a resource. KeyError where there is none."""
    return BY_PATH[group, version, plural]


def of_kind(api_version: str, kind: str) -> Resource | None:
    return BY_KIND.get((api_version, kind))


def groups() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each group with its versions, the preferred one first, in the server's order."""
    seen: dict[str, dict[str, None]] = {}
    for row in RESOURCES:
        seen.setdefault(row.group, {}).setdefault(row.version)
    for group, versions in seen.items():
        yield group, tuple(versions)


PODS = resource("pods")
NODES = resource("nodes")
NAMESPACES = resource("namespaces")
SERVICES = resource("services")
ENDPOINTS = resource("endpoints")
EVENTS = resource("events")
EVENTS_V1 = resource("events", "events.k8s.io")
SECRETS = resource("secrets")
CONFIGMAPS = resource("configmaps")
SERVICE_ACCOUNTS = resource("serviceaccounts")
PERSISTENT_VOLUMES = resource("persistentvolumes")
PERSISTENT_VOLUME_CLAIMS = resource("persistentvolumeclaims")
REPLICATION_CONTROLLERS = resource("replicationcontrollers")
RESOURCE_QUOTAS = resource("resourcequotas")
LIMIT_RANGES = resource("limitranges")
STATEFUL_SETS = resource("statefulsets", "apps")
DAEMON_SETS = resource("daemonsets", "apps")
DEPLOYMENTS = resource("deployments", "apps")
REPLICA_SETS = resource("replicasets", "apps")
CONTROLLER_REVISIONS = resource("controllerrevisions", "apps")
JOBS = resource("jobs", "batch")
CRON_JOBS = resource("cronjobs", "batch")
LEASES = resource("leases", "coordination.k8s.io")
ENDPOINT_SLICES = resource("endpointslices", "discovery.k8s.io")
STORAGE_CLASSES = resource("storageclasses", "storage.k8s.io")
PRIORITY_CLASSES = resource("priorityclasses", "scheduling.k8s.io")
POD_DISRUPTION_BUDGETS = resource("poddisruptionbudgets", "policy")
