"""PersistentVolumeClaims and the templates of claims (`pkg/apis/core/validation`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, compute, govalues, metadata, selectors
from miniplane.api.validation.checks import Errors

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_RESIZE_STATUSES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)

Claim = Mapping[str, Any]


def template(errors: Errors, path: str, claim: Claim) -> None:
    """The template of a generic ephemeral volume."""
    metadata.template(errors, f"{path}.metadata", claim.get("metadata") or {})
    spec(errors, f"{path}.spec", claim.get("spec") or {})


def spec(errors: Errors, path: str, value: Mapping[str, Any]) -> None:
    modes = value.get("accessModes") or ()
    if not modes:
        text = "at least 1 access mode is required"
        errors.append(field.required(f"{path}.accessModes", text))
    selectors.label_selector(errors, f"{path}.selector", value.get("selector"))
    access_modes(errors, f"{path}.accessModes", modes)
    requests = (value.get("resources") or {}).get("requests") or {}
    where = f"{path}.resources[storage]"
    if "storage" not in requests:
        errors.append(field.required(where))
    else:
        checks.positive_quantity(errors, where, requests["storage"])
    class_name = value.get("storageClassName")
    if class_name:
        checks.dns_subdomain(errors, f"{path}.storageClassName", class_name)
    checks.supported(errors, f"{path}.volumeMode", value.get("volumeMode"), VOLUME_MODES)
    source, reference = value.get("dataSource"), value.get("dataSourceRef")
    if source is not None:
        _data_source(errors, f"{path}.dataSource", source)
    if reference is not None:
        _data_source(errors, f"{path}.dataSourceRef", reference)
        namespace = reference.get("namespace")
        if namespace:
            checks.dns_label(errors, f"{path}.dataSourceRef.namespace", namespace)
        if source is not None and namespace:
            text = "may not be specified when dataSourceRef.namespace is specified"
            errors.append(field.invalid(path, {}, text))
        elif source is not None and any(
            (source.get(key) or "") != (reference.get(key) or "")
            for key in ("apiGroup", "kind", "name")
        ):
            errors.append(field.invalid(path, {}, "must match dataSourceRef"))
    attributes = value.get("volumeAttributesClassName")
    if attributes:
        checks.dns_subdomain(errors, f"{path}.volumeAttributesClassName", attributes)


def access_modes(errors: Errors, path: str, modes: list[str] | tuple[str, ...]) -> None:
    for mode in modes:
        checks.supported(errors, path, mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and any(
        mode in ACCESS_MODES and mode != "ReadWriteOncePod" for mode in modes
    ):
        text = "may not use ReadWriteOncePod with other access modes"
        errors.append(field.forbidden(path, text))


def _data_source(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    checks.required(errors, source, path, "name", "kind")
    group, kind = source.get("apiGroup") or "", source.get("kind") or ""
    if not group and kind != "PersistentVolumeClaim":
        text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(field.invalid(path, kind, text))
    if group:
        checks.dns_subdomain(errors, f"{path}.apiGroup", group)


def create(errors: Errors, obj: Claim) -> None:
    spec(errors, "spec", obj.get("spec") or {})


def update(errors: Errors, obj: Claim, old: Claim) -> None:
    new_spec, old_spec = dict(obj.get("spec") or {}), dict(old.get("spec") or {})
    spec(errors, "spec", new_spec)
    _class_annotation(errors, obj, old, new_spec, old_spec)
    bound = (obj.get("status") or {}).get("phase") == "Bound"
    if not old_spec.get("volumeName"):
        # The volume controller writes it, once.
        _like(old_spec, new_spec, "volumeName")
    new_size, old_size = _storage(new_spec), _storage(old_spec)
    if bound and (new_spec.get("resources") or {}).get("requests"):
        requests = {**new_spec["resources"]["requests"], "storage": old_size}
        new_spec["resources"] = {**new_spec["resources"], "requests": requests}
    attributes = new_spec.get("volumeAttributesClassName")
    old_attributes = old_spec.get("volumeAttributesClassName")
    if bound and attributes is not None:
        _like(new_spec, old_spec, "volumeAttributesClassName")
    if not checks.equal(new_spec, old_spec):
        text = (
            "spec is immutable after creation except resources.requests and "
            "volumeAttributesClassName for bound claims\n"
            f"{govalues.diff(old_spec, new_spec, 'spec')}"
        )
        errors.append(field.forbidden("spec", text))
    if checks.parsed(new_size).compare(checks.parsed(old_size)) < 0:
        capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage")
        if checks.parsed(new_size).compare(checks.parsed(capacity)) <= 0:
            text = "field can not be less than status.capacity"
            errors.append(field.forbidden("spec.resources.requests.storage", text))
    mode = (obj.get("spec") or {}).get("volumeMode")
    checks.immutable(errors, "volumeMode", mode, old_spec.get("volumeMode"))
    if old_attributes is not None and attributes != old_attributes:
        what = {None: "nil", "": "an empty string"}.get(attributes)
        if what:
            text = f"update from non-nil value to {what} is forbidden"
            errors.append(field.forbidden("spec.volumeAttributesClassName", text))


def _class_annotation(
    errors: Errors,
    obj: Claim,
    old: Claim,
    new_spec: dict[str, Any],
    old_spec: dict[str, Any],
) -> None:
    """A class may still be added to a claim that has none, or only names it in the annotation."""
    now = ((obj.get("metadata") or {}).get("annotations") or {}).get(_BETA_CLASS)
    before = ((old.get("metadata") or {}).get("annotations") or {}).get(_BETA_CLASS)
    name = new_spec.get("storageClassName")
    unset = old_spec.get("storageClassName") is None
    if before is not None and unset and name == before and now in (None, before):
        new_spec.pop("storageClassName", None)
        return
    path = f"metadata.annotations.{_BETA_CLASS}"
    checks.immutable(errors, path, now or "", before or "")
    if unset and name is not None and before in (None, name):
        new_spec.pop("storageClassName", None)
        old_spec.pop("storageClassName", None)


def _like(target: dict[str, Any], source: Mapping[str, Any], key: str) -> None:
    if source.get(key) is None:
        target.pop(key, None)
    else:
        target[key] = source[key]


def _storage(value: Mapping[str, Any]) -> Any:
    return ((value.get("resources") or {}).get("requests") or {}).get("storage")


def update_status(errors: Errors, obj: Claim, old: Claim) -> None:
    if not (obj.get("spec") or {}).get("accessModes"):
        errors.append(field.required("Spec.accessModes"))
    status = obj.get("status") or {}
    for name, amount in (status.get("capacity") or {}).items():
        basic_amount(errors, f"status.capacity[{name}]", amount)
    where = "status.allocatedResourceStatus"
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        _resource_key(errors, where, name)
        if state not in _RESIZE_STATUSES:
            errors.append(field.not_supported(where, name, sorted(_RESIZE_STATUSES)))
    for name, amount in (status.get("allocatedResources") or {}).items():
        if _resource_key(errors, "status.allocatedResources", name):
            basic_amount(errors, f"status.allocatedResources[{name}]", amount)


def basic_amount(errors: Errors, path: str, amount: str) -> None:
    whole = checks.parsed(amount).scaled(0)
    if whole < 0:
        errors.append(field.invalid(path, whole, "must be a valid resource quantity"))


def _resource_key(errors: Errors, path: str, name: str) -> bool:
    if complaints := names.qualified_name(name):
        checks.each(errors, path, name, complaints)
        return False
    if compute.is_native(name) and name != "storage":
        errors.append(field.not_supported(path, name, ["storage"]))
        return False
    return True
