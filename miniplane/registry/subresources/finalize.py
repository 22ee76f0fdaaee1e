"""namespaces/finalize: the one way to change a namespace's spec.finalizers."""

from typing import Any

from miniplane.api import errors
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry import admission, catalog, deletion, incoming
from miniplane.registry.admission import Attributes
from miniplane.registry.context import Context
from miniplane.registry.results import Result
from miniplane.registry.stored import seal


def update(
    context: Context, resource: Resource, namespace: str, name: str, raw: Any, options: WriteOptions
) -> Result:
    """PUT namespaces/NAME/finalize. The last finalizer of a deleted namespace takes it along."""
    warnings: list[str] = []
    obj = incoming.decoded(resource, raw, options, warnings)
    incoming.check_place(obj, resource, namespace, name)
    key = catalog.key(resource, namespace, name)
    present = context.store.find(key)
    if present is None:
        raise errors.not_found(resource, name)
    old = present.obj
    revision = obj["metadata"].get("resourceVersion")
    if revision and revision not in ("0", old["metadata"]["resourceVersion"]):
        raise errors.stale_revision(resource, name)
    attributes = Attributes(
        context=context,
        operation="UPDATE",
        resource=resource,
        namespace=namespace,
        name=name,
        obj=obj,
        old=old,
        options=options,
        warnings=warnings,
        subresource="finalize",
    )
    if not context.extensions.idle:
        admission.ask(attributes)
    finalizers = list((obj.get("spec") or {}).get("finalizers") or ())
    spec = {"finalizers": finalizers} if finalizers else {}
    changed = {**old, "metadata": dict(old["metadata"]), "spec": spec}
    metadata = changed["metadata"]
    if "deletionTimestamp" in metadata and not finalizers and not metadata.get("finalizers"):
        return deletion.finish_update(context, resource, present, changed, options, warnings)
    if options.dry_run:
        return Result(seal(resource, changed, 0), warnings)
    stored = context.store.update(
        key, lambda revision: seal(resource, changed, revision), expect=present
    )
    return Result(stored, warnings)
