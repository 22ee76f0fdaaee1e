"""As whom the parts of a control plane write, when everything is as kubeadm sets it up.

kube-controller-manager runs with `--use-service-account-credentials`: each of its controllers has
a service account of its own in kube-system, whose name is not always that of the controller
(https://kubernetes.io/docs/reference/access-authn-authz/rbac/#controller-roles). kubelets are
users in the group `system:nodes`, the scheduler and the API server are users of their own.
"""

from miniplane.api.options import User

_AUTHENTICATED = "system:authenticated"
_NAMESPACE = "kube-system"


def service_account(namespace: str, name: str) -> User:
    """The user that a service account is."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", _AUTHENTICATED)
    return User(f"system:serviceaccount:{namespace}:{name}", groups)


def kubelet(node: str) -> User:
    """The user that the kubelet of a node is."""
    return User(f"system:node:{node}", ("system:nodes", _AUTHENTICATED))


API_SERVER = User("system:apiserver", ("system:masters", _AUTHENTICATED))
CONTROLLER_MANAGER = User("system:kube-controller-manager", (_AUTHENTICATED,))
SCHEDULER = User("system:kube-scheduler", (_AUTHENTICATED,))

_USERS = {
    "apiservice-status-available-controller": API_SERVER,
    "customresourcedefinition-controller": API_SERVER,
    "ingress-controller": service_account("ingress-nginx", "ingress-nginx"),
    "kubelet": CONTROLLER_MANAGER,
    "scheduler": SCHEDULER,
}
"""Controllers without a service account in kube-system. What the kubelets' one loop does for no
node in particular, nobody sees."""

_ACCOUNTS = {
    "certificatesigningrequest-approving-controller": "certificate-controller",
    "certificatesigningrequest-cleaner-controller": "certificate-controller",
    "certificatesigningrequest-signing-controller": "certificate-controller",
    "daemonset-controller": "daemon-set-controller",
    "endpoints-controller": "endpoint-controller",
    "endpointslice-mirroring-controller": "endpointslicemirroring-controller",
    "garbage-collector-controller": "generic-garbage-collector",
    "horizontal-pod-autoscaler-controller": "horizontal-pod-autoscaler",
    "node-ipam-controller": "node-controller",
    "node-lifecycle-controller": "node-controller",
    "persistentvolume-binder-controller": "persistent-volume-binder",
    "persistentvolume-expander-controller": "expand-controller",
    "persistentvolume-protection-controller": "pv-protection-controller",
    "persistentvolumeclaim-protection-controller": "pvc-protection-controller",
    "pod-garbage-collector-controller": "pod-garbage-collector",
    "replicationcontroller-controller": "replication-controller",
    "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
    "service-cidr-controller": "service-cidrs-controller",
    "service-lb-controller": "service-controller",
    "serviceaccount-controller": "service-account-controller",
    "taint-eviction-controller": "node-controller",
}
"""By the name of a controller the name of its service account, where the two differ."""


def controller(name: str) -> User:
    """The user that a controller is, by the name that `--controllers` knows it by."""
    return _USERS.get(name) or service_account(_NAMESPACE, _ACCOUNTS.get(name, name))
