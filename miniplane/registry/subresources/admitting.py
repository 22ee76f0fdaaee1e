"""Policies and webhooks on what is sent to a subresource that is no part of an object."""

from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry import admission
from miniplane.registry.admission import Attributes
from miniplane.registry.context import Context


def posted(
    context: Context,
    resource: Resource,
    namespace: str,
    name: str,
    subresource: str,
    body: Obj,
    options: WriteOptions,
    warnings: list[str],
    *,
    operation: str = "CREATE",
) -> None:
    """Ask them about `body`, which they may change. To be called before anything is written."""
    if context.extensions.idle:
        return
    admission.ask(
        Attributes(
            context=context,
            operation=operation,
            resource=resource,
            namespace=namespace,
            name=name,
            obj=body,
            old=None,
            options=options,
            warnings=warnings,
            subresource=subresource,
            part=True,
        )
    )
