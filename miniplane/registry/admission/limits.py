"""LimitRanger: defaults for containers, and what a container, a pod or a claim may ask for.

Follows `plugin/pkg/admission/limitranger`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from miniplane.api import errors, podresources, resources
from miniplane.api.objects import Obj
from miniplane.api.podresources import Amounts, amounts, of_container
from miniplane.api.quantity import Quantity
from miniplane.registry.admission.attributes import Attributes

ANNOTATION = "kubernetes.io/limit-ranger"
_DEFAULTS = (("requests", "defaultRequest", "request"), ("limits", "default", "limit"))


def set_defaults(attributes: Attributes) -> None:
    """Give a new pod's containers the requests and limits that they do not name."""
    if attributes.operation != "CREATE" or attributes.resource is not resources.PODS:
        return
    for limit_range in attributes.context.all(resources.LIMIT_RANGES, attributes.namespace):
        _default(attributes.obj, limit_range)


def _default(pod: Obj, limit_range: Obj) -> None:
    defaults: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for limit in limit_range["spec"].get("limits") or ():
        if limit.get("type") == "Container":
            for key, source, _ in _DEFAULTS:
                defaults[key].update(limit.get(source) or {})
    done: list[str] = []
    spec = pod.setdefault("spec", {})
    for kind, word in (("containers", "container"), ("initContainers", "init container")):
        for container in spec.get(kind) or ():
            done += _fill(container, defaults, word)
    if done:
        annotations = pod["metadata"].get("annotations") or {}
        text = f"LimitRanger plugin set: {'; '.join(done)}"
        pod["metadata"]["annotations"] = {**annotations, ANNOTATION: text}


def _fill(container: Obj, defaults: dict[str, dict[str, str]], word: str) -> Iterator[str]:
    given = container.get("resources") or {}
    for key, _, name in _DEFAULTS:
        missing = {n: v for n, v in defaults[key].items() if n not in (given.get(key) or {})}
        if missing:
            given = {**given, key: {**(given.get(key) or {}), **missing}}
            yield f"{', '.join(sorted(missing))} {name} for {word} {container.get('name', '')}"
    container["resources"] = given


def limit_ranger(attributes: Attributes) -> None:
    """Refuse what asks for less, or for more, than a namespace's limits say."""
    resource = attributes.resource
    check: Callable[[Obj, Obj], Iterator[str]]
    if resource is resources.PODS:
        if attributes.operation != "CREATE" and attributes.subresource != "resize":
            return
        check = _pod
    elif resource is resources.PERSISTENT_VOLUME_CLAIMS:
        if attributes.operation == "DELETE" or attributes.subresource:
            return
        check = _claim
    else:
        return
    old = attributes.old
    if old is not None and "deletionTimestamp" in old["metadata"]:
        return
    for limit_range in attributes.context.all(resources.LIMIT_RANGES, attributes.namespace):
        problems: dict[str, None] = {}
        for limit in limit_range["spec"].get("limits") or ():
            problems |= dict.fromkeys(check(limit, attributes.obj))
        if problems:
            texts = list(problems)
            why = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            raise errors.forbidden(resource, attributes.name, why)


def _pod(limit: Obj, pod: Obj) -> Iterator[str]:
    spec = pod["spec"]
    if limit.get("type") == "Pod":
        requests = podresources.requests(spec, overhead=False)
        yield from _bounds(limit, requests, podresources.limits(spec, overhead=False))
    elif limit.get("type") == "Container":
        for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
            requests, limits = (of_container(container, key) for key in ("requests", "limits"))
            yield from _bounds(limit, requests, limits)


def _claim(limit: Obj, claim: Obj) -> Iterator[str]:
    kind = "PersistentVolumeClaim"
    if limit.get("type") != kind:
        return
    requests = amounts((claim["spec"].get("resources") or {}).get("requests"))
    for name, bound in _sorted(limit.get("min")):
        yield from _at_least(kind, name, bound, requests, {})
    for name, bound in _sorted(limit.get("max")):
        what = f"maximum {name} usage per {kind} is {bound}"
        if name not in requests:
            yield f"{what}.  No request is specified"
        elif requests[name] > bound:
            yield f"{what}, but request is {requests[name]}"


def _bounds(limit: Obj, requests: Amounts, limits: Amounts) -> Iterator[str]:
    kind = limit["type"]
    for name, bound in _sorted(limit.get("min")):
        yield from _at_least(kind, name, bound, requests, limits)
    for name, bound in _sorted(limit.get("max")):
        yield from _at_most(kind, name, bound, requests, limits)
    for name, bound in _sorted(limit.get("maxLimitRequestRatio")):
        yield from _ratio(kind, name, bound, requests, limits)


def _sorted(bounds: Mapping[str, Any] | None) -> list[tuple[str, Quantity]]:
    return sorted(amounts(bounds).items(), key=lambda item: item[0])


def _at_least(
    kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts
) -> Iterator[str]:
    what = f"minimum {name} usage per {kind} is {bound}"
    if name not in requests:
        yield f"{what}.  No request is specified"
    elif requests[name] < bound:
        yield f"{what}, but request is {requests[name]}"
    elif name in limits and limits[name] < bound:
        yield f"{what}, but limit is {limits[name]}"


def _at_most(
    kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts
) -> Iterator[str]:
    what = f"maximum {name} usage per {kind} is {bound}"
    if name not in limits:
        yield f"{what}.  No limit is specified"
    elif limits[name] > bound:
        yield f"{what}, but limit is {limits[name]}"
    elif name in requests and requests[name] > bound:
        yield f"{what}, but request is {requests[name]}"


def _ratio(
    kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts
) -> Iterator[str]:
    what = f"{name} max limit to request ratio per {kind} is {bound}"
    if not requests.get(name):
        yield f"{what}, but no request is specified or request is 0"
    elif not limits.get(name):
        yield f"{what}, but no limit is specified or limit is 0"
    else:
        ratio = limits[name].scaled(-3) / requests[name].scaled(-3)
        if ratio * 1000 > bound.scaled(-3):
            yield f"{what}, but provided ratio is {ratio:f}"
