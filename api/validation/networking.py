"""Ingresses, NetworkPolicies and their kin (`pkg/apis/networking/validation`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, selectors, services
from miniplane.api.validation.checks import Errors

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_PATH_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
_PATH_SUFFIXES = ("/..", "/.")
_POLICY_TYPES = ("Ingress", "Egress")
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_CONTROLLER_LIMIT = 250

Object = Mapping[str, Any]


def ingress(errors: Errors, obj: Object) -> None:
    _ingress(errors, obj)
    spec = obj.get("spec") or {}
    noted = ((obj.get("metadata") or {}).get("annotations") or {}).get(_CLASS_ANNOTATION)
    if noted is not None and spec.get("ingressClassName") not in (None, noted):
        text = "must match `ingressClassName` when both are specified"
        errors.append(field.invalid(f"annotations.{_CLASS_ANNOTATION}", noted, text))


def ingress_update(errors: Errors, obj: Object, old: Object) -> None:
    _ingress(errors, obj)


def _ingress(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    rules, backend = spec.get("rules") or (), spec.get("defaultBackend")
    if not rules and backend is None:
        text = "either `defaultBackend` or `rules` must be specified"
        errors.append(field.invalid("spec", None, text))
    if backend is not None:
        _backend(errors, "spec.defaultBackend", backend)
    for i, rule in enumerate(rules):
        _rule(errors, f"spec.rules[{i}]", rule)
    for i, tls in enumerate(spec.get("tls") or ()):
        for j, host in enumerate(tls.get("hosts") or ()):
            _host(errors, f"spec.tls[{i}].hosts[{j}]", host)
        if tls.get("secretName"):
            checks.dns_subdomain(errors, f"spec.tls[{i}].secretName", tls["secretName"])
    if spec.get("ingressClassName") is not None:
        checks.dns_subdomain(errors, "spec.ingressClassName", spec["ingressClassName"])


def _host(errors: Errors, path: str, host: str) -> None:
    rule = names.wildcard_subdomain if "*" in host else names.dns1123_subdomain
    checks.each(errors, path, host, rule(host))


def _rule(errors: Errors, path: str, rule: Object) -> None:
    host = rule.get("host")
    if host:
        if checks.parse_ip(host) is not None:
            text = "must be a DNS name, not an IP address"
            errors.append(field.invalid(f"{path}.host", host, text))
        _host(errors, f"{path}.host", host)
    http = rule.get("http")
    if http is None:
        return
    paths = http.get("paths") or ()
    if not paths:
        errors.append(field.required(f"{path}.http.paths"))
    for i, entry in enumerate(paths):
        _path(errors, f"{path}.http.paths[{i}]", entry)


def _path(errors: Errors, path: str, entry: Object) -> None:
    kind, target = entry.get("pathType"), entry.get("path") or ""
    if kind is None:
        errors.append(field.required(f"{path}.pathType", "pathType must be specified"))
        return
    where = f"{path}.path"
    if kind in ("Exact", "Prefix"):
        if not target.startswith("/"):
            errors.append(field.invalid(where, target, "must be an absolute path"))
        for sequence in _PATH_SEQUENCES:
            if sequence in target:
                text = f"must not contain '{sequence}'"
                errors.append(field.invalid(where, target, text))
        for suffix in _PATH_SUFFIXES:
            if target.endswith(suffix):
                errors.append(field.invalid(where, target, f"cannot end with '{suffix}'"))
    elif kind == "ImplementationSpecific":
        if target and not target.startswith("/"):
            errors.append(field.invalid(where, target, "must be an absolute path"))
    else:
        errors.append(field.not_supported(f"{path}.pathType", kind, _PATH_TYPES))
    _backend(errors, f"{path}.backend", entry.get("backend") or {})


def _backend(errors: Errors, path: str, backend: Object) -> None:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        text = "cannot set both resource and service backends"
        errors.append(field.invalid(path, "", text))
    elif resource is not None:
        _local_reference(errors, f"{path}.resource", resource)
    elif service is None:
        text = "resource or service backend is required"
        errors.append(field.invalid(path, "", text))
    else:
        _service_backend(errors, path, service)


def _service_backend(errors: Errors, path: str, service: Object) -> None:
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        errors.append(field.required(f"{path}.service.name"))
    else:
        checks.each(errors, f"{path}.service.name", name, names.dns1123_label(name))
    port_name, number = port.get("name"), port.get("number")
    if port_name and number:
        text = "cannot set both port name & port number"
        errors.append(field.invalid(path, "", text))
    elif port_name:
        where = f"{path}.service.port.name"
        checks.each(errors, where, port_name, names.port_name(port_name))
    elif number:
        checks.port_number(errors, f"{path}.service.port.number", number)
    else:
        errors.append(field.required(path, "port name or number is required"))


def _local_reference(errors: Errors, path: str, reference: Object) -> None:
    if reference.get("apiGroup") is not None:
        checks.dns_subdomain(errors, f"{path}.apiGroup", reference["apiGroup"])
    for key in ("kind", "name"):
        value = reference.get(key) or ""
        if not value:
            errors.append(field.required(f"{path}.{key}", f"{key} is required"))
        else:
            checks.each(errors, f"{path}.{key}", value, names.path_segment(value))


def ingress_status(errors: Errors, obj: Object, old: Object) -> None:
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    for i, entry in enumerate(balancer.get("ingress") or ()):
        where = f"status.loadBalancer.ingress[{i}]"
        if entry.get("ip"):
            checks.ip_address(errors, f"{where}.ip", entry["ip"])
        services.host_name(errors, f"{where}.hostname", entry.get("hostname"))


def ingress_class(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    controller = spec.get("controller") or ""
    if names.size(controller) > _CONTROLLER_LIMIT:
        errors.append(field.too_long("spec.controller", "", _CONTROLLER_LIMIT))
    checks.domain_prefixed_path(errors, "spec.controller", controller)
    parameters = spec.get("parameters")
    if parameters is None:
        return
    path = "spec.parameters"
    _local_reference(errors, path, parameters)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        errors.append(field.required(f"{path}.scope"))
        return
    checks.supported(errors, f"{path}.scope", scope, ("Cluster", "Namespace"))
    if scope == "Namespace":
        if not namespace:
            text = "`parameters.scope` is set to 'Namespace'"
            errors.append(field.required(f"{path}.namespace", text))
        else:
            checks.dns_label(errors, f"{path}.namespace", namespace)
    elif scope == "Cluster" and namespace is not None:
        text = "`parameters.scope` is set to 'Cluster'"
        errors.append(field.forbidden(f"{path}.namespace", text))


def ingress_class_update(errors: Errors, obj: Object, old: Object) -> None:
    controller = (obj.get("spec") or {}).get("controller") or ""
    before = (old.get("spec") or {}).get("controller") or ""
    checks.immutable(errors, "spec.controller", controller, before)
    ingress_class(errors, obj)


def network_policy(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    selectors.label_selector(errors, "spec.podSelector", spec.get("podSelector"))
    for kind, side in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(spec.get(kind) or ()):
            where = f"spec.{kind}[{i}]"
            for j, port in enumerate(rule.get("ports") or ()):
                _policy_port(errors, f"{where}.ports[{j}]", port)
            for j, peer in enumerate(rule.get(side) or ()):
                _peer(errors, f"{where}.{side}[{j}]", peer)
    types = spec.get("policyTypes") or []
    if len(types) > len(_POLICY_TYPES):
        text = "may not specify more than two policyTypes"
        errors.append(field.invalid("spec.policyTypes", types, text))
        return
    for i, kind in enumerate(types):
        checks.supported(errors, f"spec.policyTypes[{i}]", kind, _POLICY_TYPES)


def _policy_port(errors: Errors, path: str, entry: Object) -> None:
    checks.supported(errors, f"{path}.protocol", entry.get("protocol"), _PROTOCOLS)
    port, end = entry.get("port"), entry.get("endPort")
    if port is None:
        if end is not None:
            text = "may not be specified when `port` is not specified"
            errors.append(field.invalid(f"{path}.endPort", end, text))
    elif isinstance(port, str):
        if end is not None:
            text = "may not be specified when `port` is non-numeric"
            errors.append(field.invalid(f"{path}.endPort", end, text))
        checks.each(errors, f"{path}.port", port, names.port_name(port))
    else:
        checks.port_number(errors, f"{path}.port", port)
        if end is not None:
            if end < port:
                text = "must be greater than or equal to `port`"
                errors.append(field.invalid(f"{path}.endPort", port, text))
            checks.port_number(errors, f"{path}.endPort", end)


def _peer(errors: Errors, path: str, peer: Object) -> None:
    count = 0
    for kind in ("podSelector", "namespaceSelector"):
        if peer.get(kind) is not None:
            count += 1
            selectors.label_selector(errors, f"{path}.{kind}", peer[kind])
    block = peer.get("ipBlock")
    if block is not None:
        _ip_block(errors, f"{path}.ipBlock", block)
        if count:
            text = "may not specify both ipBlock and another peer"
            errors.append(field.forbidden(path, text))
    elif not count:
        errors.append(field.required(path, "must specify a peer"))


def _ip_block(errors: Errors, path: str, block: Object) -> None:
    value = block.get("cidr") or ""
    if not value:
        errors.append(field.required(f"{path}.cidr"))
        return
    if not checks.cidr(errors, f"{path}.cidr", value):
        return
    whole = checks.parse_cidr(value)
    for i, value in enumerate(block.get("except") or ()):
        where = f"{path}.except[{i}]"
        if not checks.cidr(errors, where, value):
            return
        part = checks.parse_cidr(value)
        inside = (
            whole is not None
            and part is not None
            and whole.version == part.version
            and part.network_address in whole
            and whole.prefixlen < part.prefixlen
        )
        if not inside:
            text = "must be a strict subset of `cidr`"
            errors.append(field.invalid(where, value, text))


def ip_address_name(name: str) -> names.Complaints:
    """IPAddress objects are named by their address, in its canonical form."""
    address = checks.parse_ip(name)
    if address is None or str(address) != name:
        return ("must be a valid IP address in canonical form",)
    return ()


def ip_address(errors: Errors, obj: Object) -> None:
    parent = (obj.get("spec") or {}).get("parentRef")
    path = "spec.parentRef"
    if parent is None:
        errors.append(field.required(path))
        return
    if parent.get("group"):
        checks.dns_subdomain(errors, f"{path}.group", parent["group"])
    for key in ("resource", "name"):
        value = parent.get(key) or ""
        if not value:
            errors.append(field.required(f"{path}.{key}"))
        else:
            checks.each(errors, f"{path}.{key}", value, names.path_segment(value))
    namespace = parent.get("namespace") or ""
    if namespace:
        checks.each(errors, f"{path}.namespace", namespace, names.path_segment(namespace))


def ip_address_update(errors: Errors, obj: Object, old: Object) -> None:
    parent = (obj.get("spec") or {}).get("parentRef")
    before = (old.get("spec") or {}).get("parentRef")
    checks.immutable(errors, "spec.parentRef", parent, before)


def service_cidr(errors: Errors, obj: Object) -> None:
    path = "spec.cidrs"
    ranges = (obj.get("spec") or {}).get("cidrs") or []
    if not ranges:
        errors.append(field.required(path, "at least one CIDR required"))
        return
    if len(ranges) > 2:
        text = "may only hold up to 2 values"
        errors.append(field.invalid(path, ranges, text))
        return
    for i, value in enumerate(ranges):
        checks.cidr(errors, f"{path}[{i}]", value)
    if len(ranges) == 2 and not checks.dual_stack([r.partition("/")[0] for r in ranges]):
        text = (
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
            "2001:db8::/64"
        )
        errors.append(field.invalid(path, ranges, text))


def service_cidr_update(errors: Errors, obj: Object, old: Object) -> None:
    ranges = (obj.get("spec") or {}).get("cidrs") or []
    before = (old.get("spec") or {}).get("cidrs") or []
    if len(before) == 1 and len(ranges) == 2:
        checks.immutable(errors, "spec.cidrs[0]", ranges[0], before[0])
        checks.cidr(errors, "spec.cidrs[1]", ranges[1])
    else:
        checks.immutable(errors, "spec.cidrs", ranges, before)
