"""The scale subresource: the replicas of a workload, in one form for all kinds.

A Scale has the workload's own name, uid and resourceVersion
(staging/src/k8s.io/api/autoscaling/v1/types.go, pkg/registry/apps/*/storage).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from miniplane.api import decode, errors, field, fieldset
from miniplane.api import options as opts
from miniplane.api.customresources import scale as custom_scale
from miniplane.api.objects import Obj, thaw
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry import applying, incoming, patching, write
from miniplane.registry.context import Context
from miniplane.registry.results import Result

DEFINITION = "io.k8s.api.autoscaling.v1.Scale"
RESOURCE = Resource(
    group="autoscaling",
    version="v1",
    kind="Scale",
    plural="scales",
    singular="scale",
    namespaced=True,
    verbs=(),
    short_names=(),
    categories=(),
    subresources=(),
    definition=DEFINITION,
    preferred=True,
)
"""The form of a Scale; there is no collection of them."""


def of(resource: Resource, obj: Obj) -> Obj:
    """The Scale of a workload. StatusError 500 for a custom one that holds no number."""
    if resource.custom is not None:
        return resource.custom.scale.show(obj)
    metadata = obj["metadata"]
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = obj["spec"].get("replicas", 0)
    status: dict[str, Any] = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    selector = selector_text(resource, obj)
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in shown if key in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def selector_text(resource: Resource, obj: Obj) -> str:
    """The workload's selector in the form that a labelSelector query takes."""
    selector = obj["spec"].get("selector") or {}
    if resource.kind == "ReplicationController":
        return ",".join(f"{k}={selector[k]}" for k in sorted(selector))
    parts = {k: f"{k}={v}" for k, v in (selector.get("matchLabels") or {}).items()}
    texts = [(k, text) for k, text in parts.items()]
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression["key"], expression["operator"]
        values = ",".join(sorted(expression.get("values") or ()))
        text = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }.get(operator, "")
        texts.append((key, text))
    return ",".join(text for _, text in sorted(texts))


def replace(
    context: Context, resource: Resource, namespace: str, name: str, raw: Any, options: WriteOptions
) -> Result:
    """PUT of a Scale."""
    warnings: list[str] = []
    scale, unknown = decode.decode(DEFINITION, raw)
    if unknown:
        incoming.report(resource, unknown, options, warnings)
    scale.setdefault("metadata", {})
    incoming.check_place(scale, resource, namespace, name)
    write.check_uid(context, resource, namespace, name, scale["metadata"].get("uid"))
    return _write(context, resource, namespace, name, lambda _: scale, options, warnings)


def patch(
    context: Context,
    resource: Resource,
    namespace: str,
    name: str,
    body: Any,
    options: WriteOptions,
    *,
    patch_type: str,
) -> Result:
    """PATCH of a Scale."""
    warnings: list[str] = []
    applied = patch_type == opts.APPLY_PATCH

    def change(scale: Obj) -> Obj:
        if applied:
            config = applying.configuration(body)
            now = context.clock.rfc3339()
            return applying.merged(RESOURCE, scale, config, options, now, subresource="scale")
        _, new = patching.patched(DEFINITION, scale, body, options, warnings, patch_type=patch_type)
        return new

    return _write(context, resource, namespace, name, change, options, warnings, owned=applied)


def _write(
    context: Context,
    resource: Resource,
    namespace: str,
    name: str,
    change: Callable[[Obj], Obj],
    options: WriteOptions,
    warnings: list[str],
    *,
    owned: bool = False,
) -> Result:
    """`owned`: what `change` is given and makes has managed fields of its own."""

    def changed(old: Obj) -> Obj:
        scale = of(resource, old)
        listed = old["metadata"].get("managedFields")
        if owned:
            scale["metadata"]["managedFields"] = fieldset.managers_of_scale(
                listed, api_version=resource.api_version, path=_replicas_path(resource)
            )
        scale = change(scale)
        metadata = scale.setdefault("metadata", {})
        incoming.check_place(scale, resource, namespace, name)
        replicas = (scale.get("spec") or {}).get("replicas", 0)
        obj = scaled(resource, old, replicas)
        revision = metadata.get("resourceVersion")
        if revision:
            obj["metadata"]["resourceVersion"] = revision
        uid, known = metadata.get("uid"), old["metadata"]["uid"]
        if uid and uid != known:
            raise _another(resource, name, uid, known)
        if owned:
            listed_scale = metadata.get("managedFields")
            managed = fieldset.managers_of_parent(
                listed,
                listed_scale,
                api_version=resource.api_version,
                path=_replicas_path(resource),
            )
            write.set_managers(obj, managed)
        return obj

    result = write.update(
        context,
        resource,
        namespace,
        name,
        changed,
        options,
        warnings,
        subresource="scale",
        owned=owned,
    )
    result.status = of(resource, result.stored.obj)
    return result


def _replicas_path(resource: Resource) -> tuple[str, ...]:
    """Where the replicas stand, as elements of field ownership."""
    if resource.custom is not None:
        return resource.custom.scale.elements
    return ("f:spec", "f:replicas")


def scaled(resource: Resource, old: Obj, replicas: int) -> Obj:
    """A copy of a workload, with another number of replicas."""
    obj = thaw(old)
    if resource.custom is not None:
        # Whether the number is one is for the kind's own validation to say.
        try:
            resource.custom.scale.put(obj, replicas)
        except custom_scale.Misplaced as error:
            raise errors.StatusError(500, "", str(error)) from None
        return obj
    if replicas < 0:
        problem = field.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid("autoscaling", "Scale", old["metadata"]["name"], [problem])
    obj["spec"]["replicas"] = replicas
    return obj


def _another(resource: Resource, name: str, uid: str, known: str) -> errors.StatusError:
    part = dataclasses.replace(resource, plural=f"{resource.plural}/scale")
    why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {known}"
    return errors.conflict(part, name, why)
