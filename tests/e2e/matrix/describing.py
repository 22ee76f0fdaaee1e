"""describe of every common kind, by its telling lines."""

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form, Given


def _form(line: str, *objects: Given, shows: str, leaves: tuple[str, ...] = ()) -> Form:
    """`…` stands between the lines that are looked at."""
    return Form(line=f"describe {line}", given=objects, prints=shows, complains=None, leaves=leaves)


def _wants_replicas(scene):
    scene.until(lambda: scene.get("poddisruptionbudgets/web")["status"].get("currentHealthy"))


_WORKLOADS = (
    _form(
        "pod a",
        given.pod("a"),
        shows="""
            Name: a
            Namespace: {ns}
            Priority: 0
            Service Account: default
            Node: node-…/172.18.0.…
            Start Time: …
            Labels: app=a
            Annotations: <none>
            Status: Running
            IP: 10.244.…
            …
            Containers:
              main:
                Container ID: containerd://…
                Image: nginx:1.26
                …
                State: Running
                  Started: …
                Ready: True
                Restart Count: 0
                …
            Conditions:
              Type Status
              …
              Ready True
              …
            QoS Class: BestEffort
            Node-Selectors: <none>
            Tolerations: node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
            …
            Events:
              Type Reason Age From Message
              …
              Normal Scheduled …s default-scheduler Successfully assigned {ns}/a to node-…
              …
              Normal Started …s kubelet …
            """,
    ),
    _form(
        "deployment web",
        given.deployment(),
        shows="""
            Name: web
            Namespace: {ns}
            …
            Labels: app=web
            Annotations: deployment.kubernetes.io/revision: 1
            Selector: app=web
            Replicas: 1 desired | 1 updated | 1 total | 1 available | 0 unavailable
            StrategyType: RollingUpdate
            MinReadySeconds: 0
            RollingUpdateStrategy: 25% max unavailable, 25% max surge
            Pod Template:
              …
            Conditions:
              Type Status Reason
              …
              Available True MinimumReplicasAvailable
              Progressing True NewReplicaSetAvailable
            OldReplicaSets: <none>
            NewReplicaSet: web-… (1/1 replicas created)
            Events:
              …
              Normal ScalingReplicaSet …s deployment-controller Scaled up replica set web-…
              …
            """,
    ),
    _form(
        "replicaset web",
        given.replica_set(),
        shows="""
            Name: web
            Namespace: {ns}
            Selector: app=web
            …
            Replicas: 1 current / 1 desired
            Pods Status: 1 Running / 0 Waiting / 0 Succeeded / 0 Failed
            …
              Normal SuccessfulCreate …s replicaset-controller Created pod: web-…
            """,
    ),
    _form(
        "statefulset db",
        given.stateful_set(volumeClaimTemplates=[given.claim()]),
        shows="""
            Name: db
            …
            Replicas: 1 desired | 1 total
            Update Strategy: RollingUpdate
              Partition: 0
            Pods Status: 1 Running / 0 Waiting / 0 Succeeded / 0 Failed
            …
            Volume Claims:
              Name: data
              StorageClass:
              Labels: <none>
              Annotations: <none>
              Capacity: 1Gi
              Access Modes: [ReadWriteOnce]
            Events:
              …
              Normal SuccessfulCreate …s statefulset-controller Create Claim data-db-0 Pod db-0 in
              StatefulSet db success
              …
            """,
    ),
    _form(
        "daemonset agent",
        given.daemon_set(),
        shows="""
            Name: agent
            …
            Desired Number of Nodes Scheduled: 3
            Current Number of Nodes Scheduled: 3
            Number of Nodes Scheduled with Up-to-date Pods: 3
            Number of Nodes Scheduled with Available Pods: 3
            Number of Nodes Misscheduled: 0
            Pods Status: 3 Running / 0 Waiting / 0 Succeeded / 0 Failed
            …
            """,
    ),
    _form(
        "rc old",
        given.replication_controller(),
        shows="""
            Name: old
            …
            Replicas: 1 current / 1 desired
            Pods Status: 1 Running / 0 Waiting / 0 Succeeded / 0 Failed
            …
              Normal SuccessfulCreate …s replication-controller Created pod: old-…
            """,
    ),
    _form(
        "job once",
        given.job(),
        shows="""
            Name: once
            Namespace: {ns}
            Selector: batch.kubernetes.io/controller-uid=…
            …
            Parallelism: 1
            Completions: 1
            Completion Mode: NonIndexed
            …
            Pods Statuses: …
            """,
    ),
    _form(
        "cronjob often",
        given.cron_job(),
        shows="""
            Name: often
            …
            Schedule: 0 0 1 1 *
            Concurrency Policy: Allow
            Suspend: False
            Successful Job History Limit: 3
            Failed Job History Limit: 1
            …
            Last Schedule Time: <unset>
            Active Jobs: <none>
            Events: <none>
            """,
    ),
    _form(
        "hpa web",
        given.autoscaler("none"),
        given.autoscaler(),
        shows="""
            Name: web
            …
            Reference: Deployment/web
            Metrics: ( current / target )
              resource cpu on pods (as a percentage of request): <unknown> / 80%
            Min replicas: 1
            Max replicas: 3
            …
            """,
    ),
    _form(
        "pdb web",
        given.deployment(),
        given.budget(),
        _wants_replicas,
        shows="""
            Name: web
            Namespace: {ns}
            Min available: 1
            Selector: app=web
            Status:
                Allowed disruptions: 0
                Current: 1
                Desired: 1
                Total: 1
            Events: <none>
            """,
    ),
)

_NETWORK = (
    _form(
        "service web",
        given.pod("web"),
        given.service("web"),
        lambda scene: scene.until(lambda: scene.get("endpoints/web")["subsets"]),
        shows="""
            Name: web
            Namespace: {ns}
            Labels: app=web
            Annotations: <none>
            Selector: app=web
            Type: ClusterIP
            IP Family Policy: SingleStack
            IP Families: IPv4
            IP: 10.96.…
            IPs: 10.96.…
            Port: <unset> 80/TCP
            TargetPort: 8080/TCP
            Endpoints: 10.244.…:8080
            Session Affinity: None
            …
            """,
    ),
    _form(
        "endpoints web",
        given.pod("web"),
        given.service("web"),
        lambda scene: scene.until(lambda: scene.get("endpoints/web")["subsets"]),
        shows="""
            Name: web
            …
            Subsets:
              Addresses: 10.244.…
              NotReadyAddresses: <none>
              Ports:
                Name Port Protocol
                ---- ---- --------
                <unset> 8080 TCP
            Events: <none>
            """,
    ),
    _form(
        "endpointslices -l kubernetes.io/service-name=web",
        given.pod("web"),
        given.service("web"),
        lambda scene: scene.until(lambda: scene.get("endpointslices")["items"][0]["endpoints"]),
        shows="""
            Name: web-…
            …
            AddressType: IPv4
            Ports:
              Name Port Protocol
              ---- ---- --------
              <unset> 8080 TCP
            Endpoints:
              - Addresses: 10.244.…
                Conditions:
                  Ready: true
                Hostname: <unset>
                TargetRef: Pod/web
                NodeName: node-…
                …
            """,
    ),
    _form(
        "ingress door",
        given.service("web"),
        given.ingress(),
        shows="""
            Name: door
            Labels: <none>
            Namespace: {ns}
            Address:
            Ingress Class: <none>
            Default backend: <default>
            Rules:
              Host Path Backends
              ---- ---- --------
              example.com
                  / web:80 (…
            Annotations: <none>
            Events: <none>
            """,
    ),
    _form(
        "ingressclass doors",
        given.ingress_class("doors"),
        shows="Name: doors … Controller: example.com/door Events: <none>",
        leaves=("ingressclasses/doors",),
    ),
    _form(
        "networkpolicy closed",
        given.network_policy(),
        shows="""
            Name: closed
            …
            Spec:
              PodSelector: app=web
              Allowing ingress traffic:
                <none> (Selected pods are isolated for ingress connectivity)
              Not affecting egress traffic
              Policy Types: Ingress
            """,
    ),
)

_DATA = (
    _form(
        "configmap c",
        given.config_map("c", a="1"),
        shows="Name: c … Data ==== a: ---- 1 BinaryData ==== Events: <none>",
    ),
    _form(
        "secret s",
        given.secret("s", a="1"),
        shows="Name: s … Type: Opaque Data ==== a: 1 bytes",
    ),
    _form(
        "pvc data",
        given.claim(),
        lambda scene: scene.until(
            lambda: scene.get("persistentvolumeclaims/data")["status"]["phase"] == "Bound"
        ),
        shows="""
            Name: data
            Namespace: {ns}
            StorageClass: standard
            Status: Bound
            Volume: pvc-…
            …
            Finalizers: [kubernetes.io/pvc-protection]
            Capacity: 1Gi
            Access Modes: RWO
            VolumeMode: Filesystem
            Used By: <none>
            …
            """,
    ),
    _form(
        "pv disk",
        given.volume("disk"),
        lambda scene: scene.until(
            lambda: scene.get("persistentvolumes/disk")["status"].get("phase") == "Available"
        ),
        shows="""
            Name: disk
            …
            Finalizers: [kubernetes.io/pv-protection]
            StorageClass: by-hand
            Status: Available
            Claim:
            Reclaim Policy: Retain
            Access Modes: RWO
            VolumeMode: Filesystem
            Capacity: 1Gi
            …
            """,
        leaves=("persistentvolumes/disk",),
    ),
    _form(
        "storageclass slow",
        given.storage_class("slow"),
        shows="""
            Name: slow
            IsDefaultClass: No
            Annotations: <none>
            Provisioner: example.com/disk
            Parameters: <none>
            AllowVolumeExpansion: <unset>
            MountOptions: <none>
            ReclaimPolicy: Delete
            VolumeBindingMode: Immediate
            Events: <none>
            """,
        leaves=("storageclasses/slow",),
    ),
    _form(
        "quota enough",
        given.quota(),
        lambda scene: scene.until(
            lambda: scene.get("resourcequotas/enough").get("status", {}).get("used")
        ),
        shows="""
            Name: enough
            Namespace: {ns}
            Resource Used Hard
            -------- ---- ----
            configmaps 1 10
            """,
    ),
    _form(
        "limits limits",
        given.limit_range(),
        shows="Name: limits … Container cpu - - 50m 100m -",
    ),
    _form(
        "namespace {ns}",
        given.quota(),
        given.limit_range(),
        lambda scene: scene.until(
            lambda: scene.get("resourcequotas/enough").get("status", {}).get("used")
        ),
        shows="""
            Name: {ns}
            Labels: kubernetes.io/metadata.name={ns}
            Annotations: <none>
            Status: Active

            Resource Quotas
              Name: enough
              Resource Used Hard
              -------- --- ---
              configmaps 1 10

            Resource Limits
            …
              Container cpu - - 50m 100m -
            """,
    ),
)

_RBAC = (
    _form(
        "serviceaccount robot",
        given.service_account("robot"),
        shows="Name: robot Namespace: {ns} Labels: <none> Annotations: <none> "
        "Image pull secrets: <none> … Events: <none>",
    ),
    _form(
        "role reader",
        given.role(),
        shows="Name: reader … pods [] [] [get list]",
    ),
    _form(
        "rolebinding readers",
        given.binding(),
        shows="Name: readers … Kind: Role Name: reader … User jane",
    ),
    _form(
        "clusterrole reads-pods",
        given.role("reads-pods", "ClusterRole"),
        shows="Name: reads-pods … pods [] [] [get list]",
        leaves=("clusterroles/reads-pods",),
    ),
    _form(
        "clusterrolebinding reads-pods",
        given.binding("reads-pods", "ClusterRoleBinding"),
        shows="Name: reads-pods … Kind: ClusterRole Name: reader … User jane",
        leaves=("clusterrolebindings/reads-pods",),
    ),
    _form(
        "csr jane",
        given.signing_request("jane"),
        shows="""
            Name: jane
            Labels: <none>
            Annotations: <none>
            CreationTimestamp: …
            Requesting User: …
            Signer: kubernetes.io/kube-apiserver-client
            Status: Pending
            Subject:
                     Common Name: jane
                     Serial Number:
            Events: <none>
            """,
        leaves=("certificatesigningrequests/jane",),
    ),
)

_CLUSTER = (
    _form(
        "node node-1",
        shows="""
            Name: node-1
            Roles: <none>
            Labels: …
            kubernetes.io/hostname=node-1
            …
            Taints: <none>
            Unschedulable: false
            Lease:
              HolderIdentity: node-1
              …
            Conditions:
              …
              Ready True … KubeletReady kubelet is posting ready status
            Addresses:
              InternalIP: 172.18.0.…
              Hostname: node-1
            Capacity:
              …
            Allocatable:
              …
            System Info:
              …
              Kubelet Version: v1.36.…
              …
            Non-terminated Pods: …
            Allocated resources:
              …
              cpu 0 (0%) 0 (0%)
              …
            """,
    ),
    _form(
        "priorityclass high",
        given.priority_class("high"),
        shows="Name: high Value: 1000 GlobalDefault: false "
        "PreemptionPolicy: PreemptLowerPriority …",
        leaves=("priorityclasses/high",),
    ),
    _form(
        "lease leader",
        given.lease(),
        shows="Name: leader … Spec: Holder Identity: me Lease Duration Seconds: 15 Events: <none>",
    ),
    _form(
        "crd widgets.example.com",
        given.WIDGETS,
        shows="Name: widgets.example.com … Kind: CustomResourceDefinition … Established … v1 "
        "Events: <none>",
        leaves=("customresourcedefinitions/widgets.example.com",),
    ),
    _form(
        "widget wheel",
        given.WIDGETS,
        given.widget(),
        shows="Name: wheel … Kind: Widget … Spec: Size: 3 Events: <none>",
        leaves=("customresourcedefinitions/widgets.example.com",),
    ),
)

_CHOSEN = (
    _form(
        "configmaps -l app=x",
        given.config_map("one", {"app": "x"}),
        given.config_map("two", {"app": "y"}),
        shows="Name: one Namespace: {ns} Labels: app=x …",
    ),
    _form(
        "configmap on",
        given.config_map("one"),
        given.config_map("only"),
        shows="Name: one … Name: only …",
    ),
    Form(
        line="describe -f c.yaml --show-events=false",
        given=[given.config_map("c")],
        files={"c.yaml": given.config_map("c")},
        prints="Name: c Namespace: {ns} Labels: <none> Annotations: <none> "
        "Data ==== BinaryData ====",
    ),
    Form(
        line="describe configmap none",
        prints="",
        complains='Error from server (NotFound): configmaps "none" not found',
        exits=1,
    ),
)

FORMS = (*_WORKLOADS, *_NETWORK, *_DATA, *_RBAC, *_CLUSTER, *_CHOSEN)
