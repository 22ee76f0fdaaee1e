"""Namespaces and nodes: where objects may be created, and with what they start."""

from miniplane.api import errors, identities, resources
from miniplane.api.options import WriteOptions
from miniplane.registry.admission.attributes import Attributes

IMMORTAL = ("default", "kube-system", "kube-public")
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
DEFAULT_INGRESS_CLASS = "ingressclass.kubernetes.io/is-default-class"


def namespace_lifecycle(attributes: Attributes) -> None:
    """Nothing is created in a namespace that is not there, or that is on its way out."""
    if attributes.operation != "CREATE" or not attributes.resource.namespaced:
        return
    name = attributes.namespace
    namespace = attributes.context.find(resources.NAMESPACES, "", name)
    if namespace is None:
        raise errors.not_found(resources.NAMESPACES, name)
    if namespace.get("status", {}).get("phase") != "Terminating":
        return
    if attributes.resource.plural == "localsubjectaccessreviews":
        return
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {name} is being terminated",
        "field": "metadata.namespace",
    }
    why = f"unable to create new content in namespace {name} because it is being terminated"
    raise errors.forbidden(attributes.resource, attributes.called, why, [cause])


def auto_provision(attributes: Attributes) -> None:
    """NamespaceAutoProvision: a namespace that is not there is made."""
    if attributes.operation != "CREATE" or not attributes.resource.namespaced:
        return
    context, name = attributes.context, attributes.namespace
    if attributes.options.dry_run or context.find(resources.NAMESPACES, "", name) is not None:
        return
    from miniplane.registry import write  # whose writes come through here

    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    try:
        write.create(context, resources.NAMESPACES, "", namespace, _BY_THE_SERVER)
    except errors.StatusError as error:
        why = error.message
        raise errors.forbidden(attributes.resource, attributes.called, why) from None


_BY_THE_SERVER = WriteOptions(field_manager="kube-apiserver", user=identities.API_SERVER)


def namespace_exists(attributes: Attributes) -> None:
    """NamespaceExists: nothing is written or deleted in a namespace that is not there."""
    if not attributes.resource.namespaced:
        return
    name = attributes.namespace
    if attributes.context.find(resources.NAMESPACES, "", name) is None:
        raise errors.not_found(resources.NAMESPACES, name)


def immortal_namespaces(attributes: Attributes) -> None:
    """Three namespaces cannot be deleted."""
    if (
        attributes.operation == "DELETE"
        and attributes.resource is resources.NAMESPACES
        and attributes.name in IMMORTAL
    ):
        why = "this namespace may not be deleted"
        raise errors.forbidden(resources.NAMESPACES, attributes.name, why)


def taint_nodes_by_condition(attributes: Attributes) -> None:
    """A new node takes no pods until it has been seen to be ready."""
    if attributes.operation != "CREATE" or attributes.resource is not resources.NODES:
        return
    spec = attributes.obj.setdefault("spec", {})
    taints = list(spec.get("taints") or ())
    if not any(t["key"] == NOT_READY["key"] and t["effect"] == "NoSchedule" for t in taints):
        taints.append(dict(NOT_READY))
    spec["taints"] = taints


def default_ingress_class(attributes: Attributes) -> None:
    """An Ingress without a class gets the default one, the newest where there are several."""
    obj = attributes.obj
    resource = attributes.resource
    is_ingress = (resource.group, resource.kind) == ("networking.k8s.io", "Ingress")
    if attributes.operation != "CREATE" or not is_ingress:
        return
    annotations = obj["metadata"].get("annotations") or {}
    if "ingressClassName" in obj["spec"] or "kubernetes.io/ingress.class" in annotations:
        return
    classes = resources.resource("ingressclasses", "networking.k8s.io")
    defaults = [
        c
        for c in attributes.context.all(classes)
        if (c["metadata"].get("annotations") or {}).get(DEFAULT_INGRESS_CLASS) == "true"
    ]
    if defaults:
        newest = min(
            defaults,
            key=lambda c: (_descending(c["metadata"]["creationTimestamp"]), c["metadata"]["name"]),
        )
        obj["spec"]["ingressClassName"] = newest["metadata"]["name"]


def _descending(text: str) -> tuple[int, ...]:
    return tuple(-ord(c) for c in text)
