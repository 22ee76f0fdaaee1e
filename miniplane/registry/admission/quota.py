"""ResourceQuota: nothing is created, and nothing grows, beyond what a namespace may hold.

Follows `apiserver/pkg/admission/plugin/resourcequota`. The plugin is the last of all; what a write
uses is added to the quotas' status right after the write, so no other write comes between.
"""

from miniplane.api import errors, fieldset, resources
from miniplane.api.objects import Obj
from miniplane.api.podresources import Amounts, amounts
from miniplane.api.quotas import kinds, scopes, usage
from miniplane.api.resources import Resource
from miniplane.registry import catalog
from miniplane.registry.admission.attributes import Attributes
from miniplane.registry.stored import seal

MANAGER = "kube-apiserver"
_GROWING = (resources.SERVICES, resources.PERSISTENT_VOLUME_CLAIMS)
"""Kinds whose updates may use more than before. A pod's containers grow by `pods/resize`."""


def resource_quota(attributes: Attributes) -> None:
    """Refuse what is over a quota, and arrange for what is not to be counted."""
    if not attributes.namespace or not _handles(attributes):
        return
    quotas = attributes.context.all(resources.RESOURCE_QUOTAS, attributes.namespace)
    if quotas:
        _check(attributes, quotas)


def _handles(attributes: Attributes) -> bool:
    subresource = attributes.subresource
    if attributes.operation == "CREATE":
        return not subresource
    if attributes.operation != "UPDATE":
        return False
    if subresource:
        return subresource == "resize"
    return attributes.resource in _GROWING


def _check(attributes: Attributes, quotas: list[Obj]) -> None:
    row, obj = catalog.storage_resource(attributes.resource), attributes.obj
    concerned: list[Obj] = []
    for quota in quotas:
        status = quota.get("status") or {}
        names = [name for name in status.get("hard") or () if kinds.belongs(name, row)]
        if not names or not scopes.matches(quota["spec"], row, obj):
            continue
        quota_name = quota["metadata"]["name"]
        if row is resources.PODS and (unnamed := usage.unnamed(obj, names)):
            raise _forbidden(attributes, f"failed quota: {quota_name}: {unnamed}")
        used = status.get("used") or {}
        if any(name not in used for name in names):
            listed = ",".join(sorted(names))
            raise _forbidden(
                attributes, f"status unknown for quota: {quota_name}, resources: {listed}"
            )
        concerned.append(quota)
    if not concerned:
        return
    wanted = _wanted(attributes, row)
    for quota in concerned if wanted else ():
        _fit(attributes, quota, wanted)


def _wanted(attributes: Attributes, row: Resource) -> Amounts:
    """What the write uses more than before: less, too, where a pod shrinks."""
    wanted = usage.of(row, attributes.obj)
    negative = sorted(name for name, value in wanted.items() if value.sign < 0)
    if negative:
        why = f"quota usage is negative for resource(s): {','.join(negative)}"
        raise _forbidden(attributes, why)
    if attributes.old is not None:
        for name, value in usage.of(row, attributes.old).items():
            wanted[name] = wanted[name] - value if name in wanted else -value
        if row is not resources.PODS:
            wanted = {name: value for name, value in wanted.items() if value.sign > 0}
    return {name: value for name, value in wanted.items() if value}


def _fit(attributes: Attributes, quota: Obj, wanted: Amounts) -> None:
    status = quota["status"]
    hard, used = amounts(status["hard"]), amounts(status.get("used"))
    mine = {name: value for name, value in wanted.items() if name in hard}
    after = {name: used[name] + value for name, value in mine.items()}
    exceeded = [name for name in mine if after[name] > hard[name]]
    if exceeded:
        shown = [_shown({n: of[n] for n in exceeded}) for of in (mine, used, hard)]
        raise _forbidden(
            attributes,
            f"exceeded quota: {quota['metadata']['name']}, requested: {shown[0]}, "
            f"used: {shown[1]}, limited: {shown[2]}",
        )
    if mine:
        attributes.afterwards.append(lambda: _charge(attributes, quota, after))


def _charge(attributes: Attributes, quota: Obj, after: Amounts) -> None:
    row, context = resources.RESOURCE_QUOTAS, attributes.context
    key = catalog.key(row, attributes.namespace, quota["metadata"]["name"])
    present = context.store.get(key)
    old = present.obj
    texts = {name: str(value) for name, value in after.items()}
    used = {**(old["status"].get("used") or {}), **texts}
    new = {**old, "metadata": dict(old["metadata"]), "status": {**old["status"], "used": used}}
    managed = fieldset.update_managers(
        row.definition,
        api_version=row.api_version,
        old=old,
        new=new,
        manager=MANAGER,
        subresource="status",
        now=context.clock.rfc3339(),
    )
    if managed:
        new["metadata"]["managedFields"] = managed
    context.store.update(key, lambda revision: seal(row, new, revision), expect=present)


def _shown(values: Amounts) -> str:
    return ",".join(f"{name}={values[name]}" for name in sorted(values))


def _forbidden(attributes: Attributes, why: str) -> errors.StatusError:
    return errors.forbidden(attributes.resource, attributes.name, why)
