"""Environment variables (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, fieldrefs
from miniplane.api.validation.checks import Errors

_ONE_SOURCE = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
    "`fileKeyRef`"
)


def variables(errors: Errors, path: str, values: list[dict[str, Any]]) -> None:
    for i, variable in enumerate(values):
        name = variable.get("name")
        if not name:
            errors.append(field.required(f"{path}[{i}].name"))
        elif complaints := names.env_var_name(name):
            checks.each(errors, f"{path}[{i}].name", name, complaints)
        source = variable.get("valueFrom")
        if source is not None:
            _value_from(errors, f"{path}[{i}].valueFrom", source, variable.get("value"))


def _value_from(errors: Errors, path: str, source: Mapping[str, Any], value: str | None) -> None:
    count = 0
    if (part := source.get("fieldRef")) is not None:
        count += 1
        fieldrefs.field_selector(errors, f"{path}.fieldRef", part, fieldrefs.IN_ENV)
    if (part := source.get("resourceFieldRef")) is not None:
        count += 1
        fieldrefs.resource_selector(errors, f"{path}.resourceFieldRef", part, in_volume=False)
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if (part := source.get(kind)) is not None:
            count += 1
            _key(errors, f"{path}.{kind}", part)
    if (part := source.get("fileKeyRef")) is not None:
        count += 1
        _file_key(errors, f"{path}.fileKeyRef", part)
    if not count:
        errors.append(field.invalid(path, "", _ONE_SOURCE))
    elif value:
        text = "may not be specified when `value` is not empty"
        errors.append(field.invalid(path, "", text))
    elif count > 1:
        text = "may not have more than one field specified at a time"
        errors.append(field.invalid(path, "", text))


def _key(errors: Errors, path: str, selector: Mapping[str, Any]) -> None:
    checks.dns_subdomain(errors, f"{path}.name", selector.get("name") or "")
    key = selector.get("key")
    if not key:
        errors.append(field.required(f"{path}.key"))
    elif complaints := names.config_map_key(key):
        checks.each(errors, f"{path}.key", key, complaints)


def _file_key(errors: Errors, path: str, selector: Mapping[str, Any]) -> None:
    key, volume = selector.get("key") or "", selector.get("volumeName") or ""
    if not key:
        errors.append(field.required(f"{path}.key"))
    else:
        checks.each(errors, f"{path}.key", key, names.env_var_name(key))
    if not volume:
        errors.append(field.required(f"{path}.volumeName"))
    if not selector.get("path"):
        errors.append(field.required(f"{path}.path"))
    else:
        checks.reserved_path(errors, f"{path}.path", selector["path"])


def env_from(errors: Errors, path: str, values: list[dict[str, Any]]) -> None:
    for i, source in enumerate(values):
        where = f"{path}[{i}]"
        prefix = source.get("prefix")
        if prefix:
            checks.each(errors, f"{where}.prefix", prefix, names.env_var_name(prefix))
        count = 0
        for kind in ("configMapRef", "secretRef"):
            part = source.get(kind)
            if part is None:
                continue
            count += 1
            name = part.get("name")
            if not name:
                errors.append(field.required(f"{where}.{kind}.name"))
            else:
                masked = names.mask_trailing_dash(name)
                complaints = names.dns1123_subdomain(masked)
                checks.each(errors, f"{where}.{kind}.name", name, complaints)
        if not count:
            text = "must specify one of: `configMapRef` or `secretRef`"
            errors.append(field.invalid(path, "", text))
        elif count > 1:
            text = "may not have more than one field specified at a time"
            errors.append(field.invalid(path, "", text))
