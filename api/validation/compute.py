"""Names of compute resources and what may be asked of them.

Follows `pkg/apis/core/helper` and `pkg/apis/core/validation`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from miniplane.api import field, names, quantity
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_COUNTED = (
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
)
_QUOTA = frozenset(
    (
        *_COMPUTE,
        *(f"requests.{name}" for name in (*_COMPUTE, "storage")),
        *(f"limits.{name}" for name in _COMPUTE),
        *_COUNTED,
    )
)
_STANDARD = _QUOTA | {"storage"}
_INTEGERS = frozenset(_COUNTED)
_POD_LEVEL = ("cpu", "memory")

NameCheck = Callable[[Errors, str, str], None]


def is_huge_page(name: str) -> bool:
    return name.startswith("hugepages-")


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def may_overcommit(name: str) -> bool:
    return is_native(name) and not is_huge_page(name)


def is_quota_resource(name: str) -> bool:
    return name in _QUOTA or name.startswith(("hugepages-", "requests.hugepages-"))


def resource_name(errors: Errors, path: str, name: str) -> bool:
    """Any resource's name; answers whether it is good."""
    if complaints := names.qualified_name(name):
        checks.each(errors, path, name, complaints)
        return False
    if "/" not in name and not (
        name in _STANDARD or name.startswith(("hugepages-", "requests.hugepages-"))
    ):
        text = "must be a standard resource type or fully qualified"
        errors.append(field.invalid(path, name, text))
        return False
    return True


def container_resource_name(errors: Errors, path: str, name: str) -> None:
    resource_name(errors, path, name)
    if "/" not in name:
        if name not in _COMPUTE and not is_huge_page(name):
            text = "must be a standard resource for containers"
            errors.append(field.invalid(path, name, text))
    elif not is_native(name) and not is_extended(name):
        text = "doesn't follow extended resource name standard"
        errors.append(field.invalid(path, name, text))


def pod_resource_name(errors: Errors, path: str, name: str) -> None:
    if resource_name(errors, path, name) and name not in _POD_LEVEL and not is_huge_page(name):
        errors.append(field.not_supported(path, name, _POD_LEVEL))


def quota_resource_name(errors: Errors, path: str, name: str) -> None:
    resource_name(errors, path, name)
    if "/" not in name and not is_quota_resource(name):
        errors.append(field.invalid(path, name, "must be a standard resource for quota"))


def amount(errors: Errors, path: str, name: str, value: str) -> None:
    """The quantity of a resource: never negative, whole where things are counted."""
    exact = checks.parsed(value)
    if exact.sign < 0:
        text = checks.quantity_text(value)
        errors.append(field.invalid(path, text, checks.NOT_NEGATIVE))
    if name not in _COMPUTE and _must_be_whole(name) and exact.scaled(-3) % 1000:
        errors.append(field.invalid(path, checks.quantity_text(value), "must be an integer"))


def _must_be_whole(name: str) -> bool:
    return name in _INTEGERS or is_extended(name)


def requirements(
    errors: Errors,
    path: str,
    value: Mapping[str, Any],
    *,
    check_name: NameCheck = container_resource_name,
    claims: Mapping[str, Any] | tuple[str, ...] = (),
) -> None:
    """A ResourceRequirements. `claims` are the names of the pod's resource claims."""
    limits, requests = value.get("limits") or {}, value.get("requests") or {}
    for name, limit in limits.items():
        _one(errors, f"{path}.limits[{name}]", name, limit, check_name)
    for name, request in requests.items():
        _one(errors, f"{path}.requests[{name}]", name, request, check_name)
        limit = limits.get(name)
        if limit is not None:
            _against_limit(errors, f"{path}.requests", name, request, limit)
        elif not may_overcommit(name):
            text = "Limit must be set for non overcommitable resources"
            errors.append(field.required(f"{path}.limits", text))
    names_ = dict.fromkeys((*limits, *requests))
    if any(map(is_huge_page, names_)) and "cpu" not in names_ and "memory" not in names_:
        errors.append(field.forbidden(path, "HugePages require cpu or memory"))
    if value.get("claims"):
        _claims(errors, f"{path}.claims", value["claims"], claims)


def _one(errors: Errors, path: str, name: str, value: str, check_name: NameCheck) -> None:
    if name not in _POD_LEVEL:
        check_name(errors, path, name)
    amount(errors, path, name, value)
    if is_huge_page(name) and not _divisible(name, value):
        text = f"{checks.quantity_text(value)} is not positive integer multiple of {name}"
        errors.append(field.invalid(path, checks.quantity_text(value), text))


def _divisible(name: str, value: str) -> bool:
    try:
        page = quantity.parse(name.removeprefix("hugepages-"))
    except ValueError:
        return False
    if page.sign <= 0 or page.scaled(-3) % 1000:
        return False
    return checks.parsed(value).scaled(0) % page.scaled(0) == 0


def _against_limit(errors: Errors, path: str, name: str, request: str, limit: str) -> None:
    if request == limit:
        return
    order = checks.parsed(request).compare(checks.parsed(limit))
    if order and not may_overcommit(name):
        text = f"must be equal to {name} limit of {checks.quantity_text(limit)}"
    elif order > 0:
        text = f"must be less than or equal to {name} limit of {checks.quantity_text(limit)}"
    else:
        return
    errors.append(field.invalid(path, checks.quantity_text(request), text))


def _claims(
    errors: Errors,
    path: str,
    claims: list[dict[str, Any]],
    known: Mapping[str, Any] | tuple[str, ...],
) -> None:
    seen: dict[str, None] = {}
    for i, claim in enumerate(claims):
        where = f"{path}[{i}]"
        name, request = claim.get("name", ""), claim.get("request", "")
        if not name:
            errors.append(field.required(where))
            continue
        if name in seen:
            errors.append(field.duplicate(where, name))
        else:
            key = name
            if request:
                checks.dns_label(errors, f"{where}.request", request)
                key = f"{name}/{request}"
            if key in seen:
                errors.append(field.duplicate(where, key))
            elif not request:
                errors.extend(
                    field.duplicate(where, name) for other in seen if other.startswith(f"{name}/")
                )
            seen[key] = None
        if name not in known:
            text = "must be one of the names in pod.spec.resourceClaims"
            text += f": {', '.join(sorted(known))}" if known else " which is empty"
            found = field.not_found(where, name)
            message = f"{found.message}: {text}"
            errors.append(field.FieldError(where, found.reason, message))
