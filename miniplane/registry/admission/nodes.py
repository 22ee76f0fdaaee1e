"""Where pods may go: node selectors, tolerations and topology that come from elsewhere.

Follows the plugins of these names in `plugin/pkg/admission`.
"""

from miniplane.api import errors, resources
from miniplane.api.objects import Obj
from miniplane.api.validation.compute import is_extended
from miniplane.registry.admission.attributes import Attributes
from miniplane.registry.context import Context

HOSTNAME = "kubernetes.io/hostname"
NODE_SELECTOR = "scheduler.alpha.kubernetes.io/node-selector"
TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def hard_anti_affinity_topology(attributes: Attributes) -> None:
    """LimitPodHardAntiAffinityTopology: required anti-affinity keeps to single nodes."""
    if attributes.resource is not resources.PODS or attributes.subresource:
        return
    if attributes.operation == "DELETE":
        return
    affinity = attributes.obj["spec"].get("affinity") or {}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    for term in (affinity.get("podAntiAffinity") or {}).get(required) or ():
        key = term.get("topologyKey", "")
        if key != HOSTNAME:
            why = (
                "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey "
                f"{key} but only key {HOSTNAME} is allowed"
            )
            raise errors.forbidden(resources.PODS, attributes.name, why)


def extended_resource_toleration(attributes: Attributes) -> None:
    """A pod that asks for `example.com/device` tolerates the taint of that name."""
    if attributes.resource is not resources.PODS or attributes.subresource:
        return
    spec = attributes.obj["spec"]
    asked: dict[str, None] = {}
    for key in ("containers", "initContainers"):
        for container in spec.get(key) or ():
            asked |= dict.fromkeys((container.get("resources") or {}).get("requests") or ())
    tolerations = list(spec.get("tolerations") or ())
    before = len(tolerations)
    for name in sorted(filter(is_extended, asked)):
        wanted = {"key": name, "operator": "Exists", "effect": "NoSchedule"}
        if wanted not in tolerations:
            tolerations.append(wanted)
    if len(tolerations) > before:
        spec["tolerations"] = tolerations


def pod_node_selector(attributes: Attributes) -> None:
    """A namespace's annotation says on which nodes its pods run."""
    if _new_pod(attributes):
        selector = _checked_selector(attributes)
        spec = attributes.obj["spec"]
        merged = {**selector, **(spec.get("nodeSelector") or {})}
        if merged:
            spec["nodeSelector"] = merged


def check_node_selector(attributes: Attributes) -> None:
    """No other plugin may have changed what the namespace's annotation says."""
    if _new_pod(attributes):
        _checked_selector(attributes)


def _new_pod(attributes: Attributes) -> bool:
    return (
        attributes.operation == "CREATE"
        and attributes.resource is resources.PODS
        and not attributes.subresource
    )


def _checked_selector(attributes: Attributes) -> dict[str, str]:
    namespace = attributes.context.find(resources.NAMESPACES, "", attributes.namespace) or {}
    annotations = (namespace.get("metadata") or {}).get("annotations") or {}
    selector = _selector_map(annotations.get(NODE_SELECTOR, ""))
    given = attributes.obj["spec"].get("nodeSelector") or {}
    if any(given.get(key, value) != value for key, value in selector.items()):
        why = "pod node label selector conflicts with its namespace node label selector"
        raise errors.forbidden(resources.PODS, attributes.called, why)
    return selector


def _selector_map(text: str) -> dict[str, str]:
    """`labels.ConvertSelectorToLabelsMap`: only `key=value` terms. StatusError 500 for others."""
    out: dict[str, str] = {}
    if not text:
        return out
    for term in text.split(","):
        key, equals, value = term.partition("=")
        if not equals or "=" in value:
            raise errors.StatusError(500, "", f"invalid selector: {[*text.split(',')]}")
        out[key.strip()] = value.strip()
    return out


def pod_topology_labels(attributes: Attributes) -> None:
    """A pod that is made for a node gets the node's zone and region as labels; one that is bound
    gets them with its binding."""
    if not _new_pod(attributes):
        return
    metadata = attributes.obj["metadata"]
    node = attributes.obj["spec"].get("nodeName")
    labels = topology_of(attributes.context, node) if node else None
    if labels:
        metadata["labels"] = {**labels, **(metadata.get("labels") or {})}


def topology_of(context: Context, node_name: str) -> dict[str, str]:
    """The labels that tell a node's zone and region."""
    node: Obj | None = context.find(resources.NODES, "", node_name)
    labels = (node or {}).get("metadata", {}).get("labels") or {}
    return {key: labels[key] for key in TOPOLOGY if key in labels}
