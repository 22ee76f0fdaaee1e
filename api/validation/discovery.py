"""EndpointSlices (`pkg/apis/discovery/validation`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_ENDPOINTS = 1000
_MAX_ADDRESSES = 100
_MAX_PORTS = 20000
_MAX_TOPOLOGY = 16
_MAX_HINTS = 8
_HINTS = (("forZones", names.label_value), ("forNodes", names.dns1123_subdomain))

Object = Mapping[str, Any]


def endpoint_slice(errors: Errors, obj: Object) -> None:
    kind = obj.get("addressType") or ""
    checks.one_of(errors, "addressType", kind, _ADDRESS_TYPES)
    endpoints = obj.get("endpoints") or ()
    if len(endpoints) > _MAX_ENDPOINTS:
        errors.append(field.too_many("endpoints", len(endpoints), _MAX_ENDPOINTS))
    else:
        for i, endpoint in enumerate(endpoints):
            _endpoint(errors, f"endpoints[{i}]", endpoint, kind)
    ports = obj.get("ports") or ()
    if len(ports) > _MAX_PORTS:
        errors.append(field.too_many("ports", len(ports), _MAX_PORTS))
        return
    seen: dict[str, None] = {}
    for i, port in enumerate(ports):
        _slice_port(errors, f"ports[{i}]", port, seen)


def endpoint_slice_update(errors: Errors, obj: Object, old: Object) -> None:
    endpoint_slice(errors, obj)
    kind, before = obj.get("addressType") or "", old.get("addressType") or ""
    checks.immutable(errors, "addressType", kind, before)


def _endpoint(errors: Errors, path: str, endpoint: Object, kind: str) -> None:
    addresses = endpoint.get("addresses") or ()
    where = f"{path}.addresses"
    if not addresses:
        errors.append(field.required(where, "must contain at least 1 address"))
    elif len(addresses) > _MAX_ADDRESSES:
        errors.append(field.too_many(where, len(addresses), _MAX_ADDRESSES))
    for i, address in enumerate(addresses):
        _address(errors, f"{where}[{i}]", address, kind)
    if endpoint.get("nodeName") is not None:
        checks.dns_subdomain(errors, f"{path}.nodeName", endpoint["nodeName"])
    topology = endpoint.get("deprecatedTopology") or {}
    where = f"{path}.deprecatedTopology"
    if len(topology) > _MAX_TOPOLOGY:
        errors.append(field.too_many(where, len(topology), _MAX_TOPOLOGY))
    checks.labels(errors, where, topology)
    if endpoint.get("hostname") is not None:
        checks.dns_label(errors, f"{path}.hostname", endpoint["hostname"])
    hints = endpoint.get("hints") or {}
    for key, rule in _HINTS:
        _hints(errors, f"{path}.hints.{key}", hints.get(key) or (), rule)


def _hints(errors: Errors, path: str, hints: Sequence[Object], rule: names.NameRule) -> None:
    if len(hints) > _MAX_HINTS:
        errors.append(field.too_many(path, len(hints), _MAX_HINTS))
        return
    seen: dict[str, None] = {}
    for i, hint in enumerate(hints):
        name = hint.get("name") or ""
        if name in seen:
            errors.append(field.duplicate(f"{path}[{i}].name", name))
        seen[name] = None
        checks.each(errors, f"{path}[{i}].name", name, rule(name))


def _address(errors: Errors, path: str, address: str, kind: str) -> None:
    if kind in ("IPv4", "IPv6"):
        if checks.ip_address(errors, path, address):
            if checks.is_ipv6(address) != (kind == "IPv6"):
                article = f"must be an {kind} address"
                errors.append(field.invalid(path, address, article))
            checks.non_special_ip(errors, path, address)
    elif kind == "FQDN":
        _domain_name(errors, path, address)


def _domain_name(errors: Errors, path: str, name: str) -> None:
    if not name:
        errors.append(field.required(path))
        return
    name = name.removesuffix(".")
    if complaints := names.dns1123_subdomain(name):
        errors.append(field.invalid(path, name, ",".join(complaints)))
        return
    parts = name.split(".")
    if len(parts) < 2:
        text = "should be a domain with at least two segments separated by dots"
        errors.append(field.invalid(path, name, text))
        return
    for part in parts:
        if complaints := names.dns1123_label(part):
            errors.append(field.invalid(path, part, ",".join(complaints)))
            return


def _slice_port(errors: Errors, path: str, port: Object, seen: dict[str, None]) -> None:
    name, protocol = port.get("name") or "", port.get("protocol")
    if name:
        checks.dns_label(errors, f"{path}.name", name)
    if name in seen:
        errors.append(field.duplicate(f"{path}.name", name))
    seen[name] = None
    if port.get("port") is not None:
        checks.port_number(errors, f"{path}.port", port["port"])
    if protocol is None:
        errors.append(field.required(f"{path}.protocol"))
    else:
        checks.supported(errors, f"{path}.protocol", protocol, _PROTOCOLS)
    if port.get("appProtocol") is not None:
        checks.qualified_name(errors, f"{path}.appProtocol", port["appProtocol"])
