"""ConfigMaps, Secrets, Namespaces and Endpoints (`pkg/apis/core/validation/validation.go`)."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, metadata
from miniplane.api.validation.checks import Errors

_SIZE_LIMIT = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"
_ACCOUNT = "kubernetes.io/service-account.name"
_DOCKER = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}

Object = Mapping[str, Any]


def config_map(errors: Errors, obj: Object) -> None:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    total = 0
    for key, value in data.items():
        if complaints := names.config_map_key(key):
            checks.each(errors, f"data[{key}]", key, complaints)
        if key in binary:
            text = "duplicate of key present in binaryData"
            errors.append(field.invalid(f"data[{key}]", key, text))
        total += names.size(value)
    for key, value in binary.items():
        if complaints := names.config_map_key(key):
            checks.each(errors, f"binaryData[{key}]", key, complaints)
        total += _decoded_size(value)
    if total > _SIZE_LIMIT:
        errors.append(field.too_long("", "", _SIZE_LIMIT))


def config_map_update(errors: Errors, obj: Object, old: Object) -> None:
    _frozen(errors, obj, old, "data", "binaryData")
    config_map(errors, obj)


def secret(errors: Errors, obj: Object) -> None:
    data = obj.get("data") or {}
    total = 0
    for key, value in data.items():
        if complaints := names.config_map_key(key):
            checks.each(errors, f"data[{key}]", key, complaints)
        total += _decoded_size(value)
    if total > _SIZE_LIMIT:
        errors.append(field.too_long("data", "", _SIZE_LIMIT))
    kind = obj.get("type") or ""
    if kind == "kubernetes.io/service-account-token":
        annotations = (obj.get("metadata") or {}).get("annotations") or {}
        if not annotations.get(_ACCOUNT):
            errors.append(field.required(f"metadata.annotations[{_ACCOUNT}]"))
    elif kind in _DOCKER:
        _docker_config(errors, data, _DOCKER[kind])
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            errors.append(field.required("data[username]"))
            errors.append(field.required("data[password]"))
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            errors.append(field.required("data[ssh-privatekey]"))
    elif kind == "kubernetes.io/tls":
        for key in ("tls.crt", "tls.key"):
            if key not in data:
                errors.append(field.required(f"data[{key}]"))


def secret_update(errors: Errors, obj: Object, old: Object) -> None:
    checks.immutable(errors, "type", obj.get("type") or "", old.get("type") or "")
    _frozen(errors, obj, old, "data")
    secret(errors, obj)


def _frozen(errors: Errors, obj: Object, old: Object, *keys: str) -> None:
    if old.get("immutable"):
        if not obj.get("immutable"):
            errors.append(field.forbidden("immutable", _FROZEN))
        for key in keys:
            if (obj.get(key) or {}) != (old.get(key) or {}):
                errors.append(field.forbidden(key, _FROZEN))


def _docker_config(errors: Errors, data: Mapping[str, str], key: str) -> None:
    path = f"data[{key}]"
    if key not in data:
        errors.append(field.required(path))
        return
    problem = _json_problem(data[key])
    if problem:
        errors.append(field.invalid(path, "<secret contents redacted>", problem))


def _json_problem(encoded: str) -> str:
    """What Go says of bytes that are no JSON object."""
    try:
        text = base64.b64decode(encoded).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        text = ""
    if not text.strip():
        return "unexpected end of JSON input"
    try:
        value = json.loads(text)
    except RecursionError:
        return "exceeded max depth"
    except ValueError as error:
        position = getattr(error, "pos", 0)
        if position >= len(text.rstrip()):
            return "unexpected end of JSON input"
        return f"invalid character '{text[position]}' looking for beginning of value"
    if value is None or isinstance(value, dict):
        return ""
    kinds = {str: "string", bool: "bool", list: "array"}
    kind = kinds.get(type(value), "number")
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"


def _decoded_size(encoded: str) -> int:
    padding = 2 if encoded.endswith("==") else 1 if encoded.endswith("=") else 0
    return max(len(encoded) * 3 // 4 - padding, 0)


def namespace(errors: Errors, obj: Object) -> None:
    for name in (obj.get("spec") or {}).get("finalizers") or ():
        metadata.finalizer(errors, "spec.finalizers", name)


def namespace_status(errors: Errors, obj: Object, old: Object) -> None:
    phase = (obj.get("status") or {}).get("phase") or ""
    if not (obj.get("metadata") or {}).get("deletionTimestamp"):
        if phase != "Active":
            text = "may only be 'Active' if `deletionTimestamp` is empty"
            errors.append(field.invalid("status.Phase", phase, text))
    elif phase != "Terminating":
        text = "may only be 'Terminating' if `deletionTimestamp` is not empty"
        errors.append(field.invalid("status.Phase", phase, text))


def namespace_finalize(errors: Errors, obj: Object, old: Object) -> None:
    for i, name in enumerate((obj.get("spec") or {}).get("finalizers") or ()):
        metadata.finalizer(errors, f"spec.finalizers[{i}]", name)


def endpoints(errors: Errors, obj: Object) -> None:
    for i, subset in enumerate(obj.get("subsets") or ()):
        where = f"subsets[{i}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            text = "must specify `addresses` or `notReadyAddresses`"
            errors.append(field.required(where, text))
        for kind in ("addresses", "notReadyAddresses"):
            for j, address in enumerate(subset.get(kind) or ()):
                _address(errors, f"{where}.{kind}[{j}]", address)
        ports = subset.get("ports") or ()
        for j, port in enumerate(ports):
            _port(errors, f"{where}.ports[{j}]", port, named=len(ports) > 1)


def _address(errors: Errors, path: str, address: Object) -> None:
    value = address.get("ip") or ""
    checks.ip_address(errors, f"{path}.ip", value)
    if address.get("hostname"):
        checks.dns_label(errors, f"{path}.hostname", address["hostname"])
    if address.get("nodeName") is not None:
        checks.dns_subdomain(errors, f"{path}.nodeName", address["nodeName"])
    checks.non_special_ip(errors, f"{path}.ip", value)


def _port(errors: Errors, path: str, port: Object, *, named: bool) -> None:
    name = port.get("name")
    if name:
        checks.dns_label(errors, f"{path}.name", name)
    elif named:
        errors.append(field.required(f"{path}.name"))
    checks.port_number(errors, f"{path}.port", port.get("port") or 0)
    checks.one_of(errors, f"{path}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))
    if port.get("appProtocol") is not None:
        checks.qualified_name(errors, f"{path}.appProtocol", port["appProtocol"])
