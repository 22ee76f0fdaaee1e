"""The parameters of policies: `paramKind` of a policy, `paramRef` of its bindings.

After `CollectParams` of apiserver's `pkg/admission/plugin/policy/generic`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import conversion, resources
from miniplane.api.admission.matching import selects
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.registry.context import Context


class Misconfigured(Exception):
    """A policy or binding that cannot be used as it is. The failure policy decides."""


def kind(context: Context, wanted: Mapping[str, Any]) -> Resource:
    """The resource of a `paramKind`. Misconfigured."""
    api_version, name = wanted.get("apiVersion") or "", wanted.get("kind") or ""
    row = resources.of_kind(api_version, name) or context.custom.of_kind(api_version, name)
    if row is None or not row.stored:
        raise Misconfigured(
            f"failed to find resource referenced by paramKind: '{api_version}, Kind={name}'"
        )
    return row


def collect(
    context: Context, row: Resource | None, ref: Mapping[str, Any] | None, namespace: str
) -> list[Obj | None]:
    """The parameters that a binding brings to a request in a namespace. A policy is asked once for
    each; None where there are to be none. Misconfigured."""
    if row is None or ref is None:
        return [None]
    own = ref.get("namespace") or ""
    if row.namespaced:
        namespace = own or namespace
        if not namespace:
            raise Misconfigured(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped "
                "resources"
            )
    elif own:
        raise Misconfigured(
            "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
        )
    else:
        namespace = ""
    found: list[Obj]
    if ref.get("name"):
        one = context.find(row, namespace, ref["name"])
        found = [] if one is None else [one]
    else:
        found = [
            one
            for one in context.all(row, namespace)
            if selects(ref.get("selector"), one["metadata"].get("labels") or {})
        ]
    if not found and ref.get("parameterNotFoundAction") == "Deny":
        raise Misconfigured(
            "no params found for policy binding with `Deny` parameterNotFoundAction"
        )
    return [conversion.from_storage(row, one) for one in found]
