"""Nobody hands out rights that he does not have (pkg/registry/rbac/*/policybased).

A real server checks this in its storage, right after mutating admission; so it comes last there.
Whoever may `escalate` a role, or `bind` one, may do so all the same.
"""

from miniplane.api import errors, rbac
from miniplane.api.objects import Obj
from miniplane.api.options import ADMIN
from miniplane.registry import authorization
from miniplane.registry.admission.attributes import Attributes


def role_escalation(attributes: Attributes) -> None:
    user = attributes.options.user
    if user is ADMIN or attributes.resource.group != rbac.GROUP or rbac.MASTERS in user.groups:
        return
    if attributes.old is not None and _only_bookkeeping(attributes.obj, attributes.old):
        return
    if attributes.resource.plural.endswith("bindings"):
        _check_binding(attributes)
    else:
        _check_role(attributes)


def _only_bookkeeping(obj: Obj, old: Obj) -> bool:
    """Whether an update changes owners and finalizers at most: the garbage collector's business."""

    def rest(of: Obj) -> Obj:
        metadata = dict(of["metadata"])
        for key in ("ownerReferences", "finalizers", "managedFields"):
            metadata.pop(key, None)
        kept = {key: value for key, value in of.items() if key not in ("kind", "apiVersion")}
        return {**kept, "metadata": metadata}

    return rest(obj) == rest(old)


def _may(attributes: Attributes, verb: str, plural: str, name: str) -> bool:
    asked = rbac.Attributes(
        verb, group=rbac.GROUP, resource=plural, namespace=attributes.namespace, name=name
    )
    user = attributes.options.user
    return authorization.decide(attributes.context, user, asked).allowed


def _check_role(attributes: Attributes) -> None:
    # A create does not name its object in the URL, so no rule for one name allows it.
    name = attributes.name if attributes.old is not None else ""
    if _may(attributes, "escalate", attributes.resource.plural, name):
        return
    obj = attributes.obj
    _check_rules(attributes, obj.get("rules") or [])
    if (obj.get("aggregationRule") or {}).get("clusterRoleSelectors"):
        context, user = attributes.context, attributes.options.user
        if authorization.escalation(context, user, "", authorization.EVERYTHING):
            why = "must have cluster-admin privileges to use the aggregationRule"
            raise errors.forbidden(attributes.resource, attributes.name, why)


def _check_binding(attributes: Attributes) -> None:
    ref = attributes.obj.get("roleRef") or {}
    row = {"Role": authorization.ROLES, "ClusterRole": authorization.CLUSTER_ROLES}.get(
        ref.get("kind", "")
    )
    name = ref.get("name", "")
    if row is None or not name:
        return  # validation has something to say of it
    if _may(attributes, "bind", row.plural, name):
        return
    rules = authorization.referenced_rules(attributes.context, ref, attributes.namespace)
    if rules is None:
        raise errors.not_found(row, name)
    _check_rules(attributes, rules)


def _check_rules(attributes: Attributes, rules: list[Obj]) -> None:
    context, user = attributes.context, attributes.options.user
    why = authorization.escalation(context, user, attributes.namespace, rules)
    if why:
        raise errors.forbidden(attributes.resource, attributes.name, why)
