"""OwnerReferencesPermissionEnforcement: who may tie an object to an owner.

Follows `plugin/pkg/admission/gc`. Whoever changes owners must be allowed to delete the object; who
wants it to block an owner's deletion must be allowed to update that owner's finalizers.
"""

from collections.abc import Iterator

from miniplane.api import errors, rbac, resources
from miniplane.api.objects import Obj
from miniplane.registry import authorization
from miniplane.registry.admission.attributes import Attributes

_DEFINITIONS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")


def permission_enforcement(attributes: Attributes) -> None:
    if attributes.operation == "DELETE":
        return
    if attributes.resource is resources.PODS and attributes.subresource == "status":
        return
    refs = attributes.obj["metadata"].get("ownerReferences") or []
    old = attributes.old
    before = (old["metadata"].get("ownerReferences") or []) if old is not None else []
    if refs == before:
        return
    if old is not None:
        _check_delete(attributes)
    blocked = {ref.get("uid") for ref in before if ref.get("blockOwnerDeletion")}
    blocking = [
        ref for ref in refs if ref.get("blockOwnerDeletion") and ref.get("uid") not in blocked
    ]
    anything = rbac.Attributes(
        "update", group="*", version="*", resource="*", subresource="finalizers", name="*"
    )
    if not blocking or _decide(attributes, anything):
        return
    for ref in blocking:
        _check_owner(attributes, ref)


def _decide(attributes: Attributes, asked: rbac.Attributes) -> rbac.Decision:
    return authorization.decide(attributes.context, attributes.options.user, asked)


def _check_delete(attributes: Attributes) -> None:
    resource = attributes.resource
    asked = rbac.Attributes(
        "delete",
        group=resource.group,
        version=resource.version,
        resource=resource.plural,
        subresource=attributes.subresource,
        namespace=attributes.namespace,
        name=attributes.name,
    )
    decision = _decide(attributes, asked)
    if not decision:
        raise _refusal(
            attributes,
            f"cannot set an ownerRef on a resource you can't delete: {decision.reason}, <nil>",
        )


def _check_owner(attributes: Attributes, ref: Obj) -> None:
    api_version, kind = ref.get("apiVersion", ""), ref.get("kind", "")
    group, _, version = api_version.rpartition("/")
    owners = list(_owners(attributes, group, kind))
    if not owners:
        raise _refusal(
            attributes,
            "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for "
            f"APIVersion {api_version} Kind {kind}: no matches for kind "
            f'"{kind}" in version "{api_version}"',
        )
    for plural, namespaced in owners:
        asked = rbac.Attributes(
            "update",
            group=group,
            version=version,
            resource=plural,
            subresource="finalizers",
            namespace=attributes.namespace if namespaced else "",
            name=ref.get("name", ""),
        )
        decision = _decide(attributes, asked)
        if not decision:
            raise _refusal(
                attributes,
                "cannot set blockOwnerDeletion if an ownerReference refers to a resource you "
                f"can't set finalizers on: {decision.reason}, <nil>",
            )


def _owners(attributes: Attributes, group: str, kind: str) -> Iterator[tuple[str, bool]]:
    """The plural names of a kind, each with whether its objects live in namespaces."""
    for row in resources.RESOURCES:
        if (row.group, row.kind) == (group, kind):
            yield row.plural, row.namespaced
            return
    for definition in attributes.context.all(_DEFINITIONS):
        spec = definition["spec"]
        if (spec.get("group"), spec["names"].get("kind")) == (group, kind):
            yield spec["names"]["plural"], spec.get("scope") == "Namespaced"


def _refusal(attributes: Attributes, why: str) -> errors.StatusError:
    return errors.forbidden(attributes.resource, attributes.called, why)
