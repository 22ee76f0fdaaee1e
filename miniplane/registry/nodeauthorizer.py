"""What the user of a kubelet may do, beside what roles give him.

Follows `plugin/pkg/auth/authorizer/node`: `system:node:NAME` in the group `system:nodes` may read
what the pods on his node refer to, write his own lease and CSINode, and do what the ClusterRole
`system:node` says of everything else.
"""

from collections.abc import Iterator

from miniplane.api import rbac, resources
from miniplane.api.certificates.signers import NODE_PREFIX, NODES
from miniplane.api.objects import Obj
from miniplane.api.options import User
from miniplane.api.rbac import Attributes, Decision
from miniplane.registry.context import Context

_ROLE = "system:node"
_CLUSTER_ROLES = resources.resource("clusterroles", rbac.GROUP)
_LEASES = "kube-node-lease"
_OWN = ("get", "create", "update", "patch", "delete")
_READ = ("get", "list", "watch")


def decide(context: Context, user: User, asked: Attributes) -> Decision:
    """Whether a kubelet may do what is asked for. The reason says why not, if there is one."""
    if NODES not in user.groups or not user.name.startswith(NODE_PREFIX):
        return Decision(False)
    node = user.name.removeprefix(NODE_PREFIX)
    if not node:
        return Decision(False, f'unknown node for user "{user.name}"')
    special = _special(context, node, asked)
    if special is not None:
        return Decision(not special, special)
    role = context.find(_CLUSTER_ROLES, "", _ROLE)
    rules = (role or {}).get("rules") or ()
    return Decision(any(rbac.rule_allows(rule, asked) for rule in rules))


def _special(context: Context, node: str, asked: Attributes) -> str | None:
    """Why a kubelet may not do something, "" if he may; None where there is no rule of its own."""
    match asked.group, asked.resource:
        case "", "secrets" | "configmaps":
            if asked.verb not in _READ:
                return "can only read resources of this type"
            if asked.subresource:
                return "cannot read subresource"
            if not asked.namespace:
                return "can only read namespaced object of this type"
            return _related(context, node, asked)
        case "", "nodes":
            return _own_node(node, asked)
        case "", "persistentvolumeclaims" if asked.subresource == "status":
            if asked.verb not in ("update", "patch"):
                return "can only get/update/patch this type"
            return _related(context, node, asked)
        case (
            ("", "persistentvolumeclaims" | "persistentvolumes")
            | ("resource.k8s.io", "resourceclaims")
            | ("storage.k8s.io", "volumeattachments")
        ):
            if asked.verb != "get":
                return "can only get individual resources of this type"
            return "cannot get subresource" if asked.subresource else _related(context, node, asked)
        case "", "serviceaccounts":
            if asked.verb != "create" or not asked.name:
                return "can only create tokens for individual service accounts"
            if asked.subresource != "token":
                return "can only create token subresource of serviceaccount"
            return _related(context, node, asked)
        case "coordination.k8s.io", "leases":
            if asked.verb not in _OWN:
                return "can only get, create, update, patch, or delete a node lease"
            if asked.namespace != _LEASES:
                return f'can only access leases in the "{_LEASES}" system namespace'
            if asked.verb != "create" and asked.name != node:
                return "can only access node lease with the same name as the requesting node"
            return ""
        case "storage.k8s.io", "csinodes":
            if asked.verb not in _OWN:
                return "can only get, create, update, patch, or delete a CSINode"
            if asked.subresource:
                return "cannot authorize CSINode subresources"
            if asked.verb != "create" and asked.name != node:
                return "can only access CSINode with the same name as the requesting node"
            return ""
    return None


def _own_node(node: str, asked: Attributes) -> str | None:
    """Reading is restricted to its own; so would writing be, by admission."""
    if asked.subresource or asked.verb not in _READ or asked.name == node:
        return None
    if not asked.name:
        return f"node '{node}' cannot read all nodes, only its own Node object"
    return f"node '{node}' cannot read '{asked.name}', only its own Node object"


def _related(context: Context, node: str, asked: Attributes) -> str:
    """ "" if something on the node refers to the object, the refusal if not."""
    if not asked.name:
        return "No Object name found"
    wanted = asked.resource, asked.namespace, asked.name
    if asked.resource == "volumeattachments":
        row = resources.resource("volumeattachments", "storage.k8s.io")
        found = context.find(row, "", asked.name)
        if found is not None and found["spec"].get("nodeName") == node:
            return ""
    else:
        for pod in context.all(resources.PODS):
            if pod["spec"].get("nodeName") == node and wanted in _references(context, pod):
                return ""
    return f"no relationship found between node '{node}' and this object"


def _references(context: Context, pod: Obj) -> Iterator[tuple[str, str, str]]:
    """The objects that a kubelet needs for a pod, as (resource, namespace, name)."""
    namespace, spec = pod["metadata"]["namespace"], pod["spec"]
    if spec.get("serviceAccountName"):
        yield "serviceaccounts", namespace, spec["serviceAccountName"]
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", namespace, secret.get("name", "")
    for key in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(key) or ():
            for source in container.get("envFrom") or ():
                yield "configmaps", namespace, (source.get("configMapRef") or {}).get("name", "")
                yield "secrets", namespace, (source.get("secretRef") or {}).get("name", "")
            for variable in container.get("env") or ():
                source = variable.get("valueFrom") or {}
                yield "configmaps", namespace, (source.get("configMapKeyRef") or {}).get("name", "")
                yield "secrets", namespace, (source.get("secretKeyRef") or {}).get("name", "")
    for volume in spec.get("volumes") or ():
        yield from _volume_references(context, namespace, pod["metadata"]["name"], volume)
    statuses = (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    for claim in [*(spec.get("resourceClaims") or ()), *statuses]:
        yield "resourceclaims", namespace, claim.get("resourceClaimName", "")


def _volume_references(
    context: Context, namespace: str, pod: str, volume: Obj
) -> Iterator[tuple[str, str, str]]:
    for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
        if "configMap" in source:
            yield "configmaps", namespace, source["configMap"].get("name", "")
        if "secret" in source:
            name = source["secret"].get("secretName") or source["secret"].get("name", "")
            yield "secrets", namespace, name
    claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
    if "ephemeral" in volume:
        claim = f"{pod}-{volume['name']}"
    if claim:
        yield "persistentvolumeclaims", namespace, claim
        found = context.find(resources.PERSISTENT_VOLUME_CLAIMS, namespace, claim)
        if found is not None and found["spec"].get("volumeName"):
            yield "persistentvolumes", "", found["spec"]["volumeName"]
