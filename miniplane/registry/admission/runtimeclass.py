"""RuntimeClass: what a class of container runtimes costs, and on which nodes it is to be found.

Follows `plugin/pkg/admission/runtimeclass`.
"""

from typing import Any

from miniplane.api import errors, quantity, resources
from miniplane.api.objects import Obj
from miniplane.registry.admission.attributes import Attributes

RUNTIME_CLASSES = resources.resource("runtimeclasses", "node.k8s.io")
_DIFFERENT = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"


def set_overhead_and_place(attributes: Attributes) -> None:
    """A new pod gets its class's overhead, node selector and tolerations."""
    found = _class_of(attributes)
    if found is None:
        return
    spec = attributes.obj["spec"]
    overhead = (found.get("overhead") or {}).get("podFixed")
    if found.get("overhead") is not None:
        if spec.get("overhead") is not None and not _same(spec["overhead"], overhead):
            raise _refusal(attributes, _DIFFERENT)
        if overhead:
            spec["overhead"] = dict(overhead)
    scheduling = found.get("scheduling") or {}
    selector = scheduling.get("nodeSelector") or {}
    given = spec.get("nodeSelector") or {}
    for key, value in selector.items():
        if given.get(key, value) != value:
            raise _refusal(
                attributes,
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {given[key]}",
            )
    if selector:
        spec["nodeSelector"] = {**given, **selector}
    if scheduling.get("tolerations"):
        spec["tolerations"] = merged_tolerations(
            [*(spec.get("tolerations") or ()), *scheduling["tolerations"]]
        )


def check_overhead(attributes: Attributes) -> None:
    """A pod's overhead is its class's; without one there is none."""
    if attributes.operation != "CREATE" or attributes.resource is not resources.PODS:
        return
    if "overhead" not in attributes.obj["spec"] and not attributes.obj["spec"].get(
        "runtimeClassName"
    ):
        return
    found = _class_of(attributes) or {}
    overhead = attributes.obj["spec"].get("overhead")
    if found.get("overhead") is not None:
        if not _same(found["overhead"].get("podFixed"), overhead):
            raise _refusal(attributes, _DIFFERENT)
    elif overhead is not None:
        raise _refusal(
            attributes,
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        )


def _class_of(attributes: Attributes) -> Obj | None:
    if attributes.operation != "CREATE" or attributes.resource is not resources.PODS:
        return None
    name = attributes.obj["spec"].get("runtimeClassName")
    if name is None or attributes.subresource:
        return None
    found = attributes.context.find(RUNTIME_CLASSES, "", name)
    if found is None:
        raise _refusal(attributes, f'pod rejected: RuntimeClass "{name}" not found')
    return found


def _refusal(attributes: Attributes, why: str) -> errors.StatusError:
    return errors.forbidden(resources.PODS, attributes.called, why)


def _same(one: Obj | None, other: Obj | None) -> bool:
    one, other = one or {}, other or {}
    return one.keys() == other.keys() and all(
        quantity.compare(one[name], other[name]) == 0 for name in one
    )


def merged_tolerations(tolerations: list[Any]) -> list[Any]:
    """Tolerations without those that another one includes (`pkg/util/tolerations`).

    >>> all_ = {"operator": "Exists"}
    >>> merged_tolerations([{"key": "a", "operator": "Exists", "effect": "NoSchedule"}, all_])
    [{'operator': 'Exists'}]
    """
    merged: list[Any] = []
    for index, one in enumerate(tolerations):
        if any(_includes(other, one) for other in merged):
            continue
        if any(one != later and _includes(later, one) for later in tolerations[index + 1 :]):
            continue
        merged.append(one)
    return merged


def _includes(wide: Obj, one: Obj) -> bool:
    if wide == one:
        return True
    operator = wide.get("operator", "")
    if one.get("key", "") != wide.get("key", "") and (wide.get("key") or operator != "Exists"):
        return False
    effect = wide.get("effect", "")
    if effect and one.get("effect", "") != effect:
        return False
    limit = wide.get("tolerationSeconds")
    if effect == "NoExecute" and limit is not None:
        seconds = one.get("tolerationSeconds")
        if seconds is None or seconds > limit:
            return False
    if operator in ("", "Equal"):
        return one.get("operator") == "Equal" and one.get("value", "") == wide.get("value", "")
    return bool(operator == "Exists")
