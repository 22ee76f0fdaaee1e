"""Services (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_FAMILIES = ("IPv4", "IPv6")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_ONLY_BALANCERS = "may only be used when `type` is 'LoadBalancer'"
_AFFINITY_LIMIT = 86400
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
_TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
_ONCE_SET = "may not change once set"

Service = Mapping[str, Any]


def create(errors: Errors, obj: Service) -> None:
    spec = obj.get("spec") or {}
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    _topology(errors, annotations)
    ports = spec.get("ports") or []
    kind, headless = spec.get("type") or "", _is_headless(spec)
    if not ports and not headless and kind != "ExternalName":
        errors.append(field.required("spec.ports"))
    if headless and kind in ("LoadBalancer", "NodePort"):
        text = f"may not be set to 'None' for {kind} services"
        errors.append(field.invalid("spec.clusterIPs[0]", "None", text))
    if kind == "ExternalName":
        _external_name(errors, spec)
    _ports(errors, ports)
    checks.labels(errors, "spec.selector", spec.get("selector"))
    _affinity(errors, spec)
    cluster_ips(errors, spec)
    for i, address in enumerate(spec.get("externalIPs") or ()):
        if checks.ip_address(errors, f"spec.externalIPs[{i}]", address):
            checks.non_special_ip(errors, f"spec.externalIPs[{i}]", address)
    checks.one_of(errors, "spec.type", kind, _TYPES)
    _port_numbers(errors, ports, kind)
    _source_ranges(errors, spec, annotations)
    balancer = kind == "LoadBalancer"
    allocate = spec.get("allocateLoadBalancerNodePorts")
    if allocate is not None and not balancer:
        errors.append(field.forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_BALANCERS))
    if allocate is None and balancer:
        errors.append(field.required("allocateLoadBalancerNodePorts"))
    _balancer_class(errors, spec)
    _traffic(errors, spec)


def update(errors: Errors, obj: Service, old: Service) -> None:
    new, before = obj.get("spec") or {}, old.get("spec") or {}
    named = "ExternalName" in (new.get("type"), before.get("type"))
    if not named:
        was, now = _is_headless(before), _is_headless(new)
        if not (was and now):
            _addresses_kept(errors, new, before)
        if not (was or now):
            _families_kept(errors, new, before)
    if new.get("type") == before.get("type") == "LoadBalancer":
        shown = new.get("loadBalancerClass")
        if shown != before.get("loadBalancerClass"):
            errors.append(field.invalid("spec.loadBalancerClass", shown, _ONCE_SET))
    _balancer_class(errors, new)
    if _needs_health_check(new) and _needs_health_check(before):
        port, old_port = new.get("healthCheckNodePort"), before.get("healthCheckNodePort")
        if (port or 0) != (old_port or 0):
            text = "field is immutable"
            errors.append(field.forbidden("spec.healthCheckNodePort", text))
    create(errors, obj)


def update_status(errors: Errors, obj: Service, old: Service) -> None:
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    kind = (obj.get("spec") or {}).get("type")
    load_balancer_status(
        errors, "status.loadBalancer", balancer, is_balancer=kind == "LoadBalancer"
    )


def load_balancer_status(
    errors: Errors, path: str, status: Mapping[str, Any], *, is_balancer: bool
) -> None:
    ingress = status.get("ingress") or ()
    if ingress and not is_balancer:
        text = "may only be used when `spec.type` is 'LoadBalancer'"
        errors.append(field.forbidden(f"{path}.ingress", text))
        return
    for i, entry in enumerate(ingress):
        where = f"{path}.ingress[{i}]"
        address, mode = entry.get("ip"), entry.get("ipMode")
        if address:
            checks.ip_address(errors, f"{where}.ip", address)
        if mode is None:
            if address:
                text = "must be specified when `ip` is set"
                errors.append(field.required(f"{where}.ipMode", text))
        elif not address:
            text = "may not be specified when `ip` is not set"
            errors.append(field.forbidden(f"{where}.ipMode", text))
        else:
            checks.supported(errors, f"{where}.ipMode", mode, ("Proxy", "VIP"))
        host_name(errors, f"{where}.hostname", entry.get("hostname"))


def host_name(errors: Errors, path: str, name: str | None) -> None:
    """The host name of a balancer, where there is one."""
    if name:
        checks.dns_subdomain(errors, path, name)
        if checks.parse_ip(name) is not None:
            text = "must be a DNS name, not an IP address"
            errors.append(field.invalid(path, name, text))


def _is_headless(spec: Service) -> bool:
    return (spec.get("clusterIPs") or []) == ["None"]


def _topology(errors: Errors, annotations: Mapping[str, str]) -> None:
    mode, hints = annotations.get(_TOPOLOGY_MODE), annotations.get(_TOPOLOGY_HINTS)
    if mode is not None and hints is not None and mode != hints:
        text = f"must match annotations[{_TOPOLOGY_HINTS}] when both are specified"
        errors.append(field.invalid(f"metadata.annotations[{_TOPOLOGY_MODE}]", mode, text))


def _external_name(errors: Errors, spec: Service) -> None:
    text = "may not be set for ExternalName services"
    for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(key):
            errors.append(field.forbidden(f"spec.{key}", text))
    name = (spec.get("externalName") or "").removesuffix(".")
    if name:
        checks.dns_subdomain(errors, "spec.externalName", name)
    else:
        errors.append(field.required("spec.externalName"))


def _ports(errors: Errors, ports: list[dict[str, Any]]) -> None:
    seen: dict[str, None] = {}
    for i, port in enumerate(ports):
        where = f"spec.ports[{i}]"
        name = port.get("name")
        if name:
            checks.dns_label(errors, f"{where}.name", name)
            if name in seen:
                errors.append(field.duplicate(f"{where}.name", name))
            seen[name] = None
        elif len(ports) > 1:
            errors.append(field.required(f"{where}.name"))
        checks.port_number(errors, f"{where}.port", port.get("port") or 0)
        checks.one_of(errors, f"{where}.protocol", port.get("protocol"), _PROTOCOLS)
        checks.port(errors, f"{where}.targetPort", port.get("targetPort"))
        if port.get("appProtocol") is not None:
            checks.qualified_name(errors, f"{where}.appProtocol", port["appProtocol"])


def _affinity(errors: Errors, spec: Service) -> None:
    kind, config = spec.get("sessionAffinity"), spec.get("sessionAffinityConfig")
    checks.one_of(errors, "spec.sessionAffinity", kind, ("ClientIP", "None"))
    path = "spec.sessionAffinityConfig"
    if kind == "None" and config is not None:
        text = "must not be set when session affinity is None"
        errors.append(field.forbidden(path, text))
    if kind != "ClientIP":
        return
    text = "when session affinity type is ClientIP"
    if config is None:
        errors.append(field.required(path, text))
    elif config.get("clientIP") is None:
        errors.append(field.required(f"{path}.clientIP", text))
    else:
        seconds = config["clientIP"].get("timeoutSeconds")
        where = f"{path}.clientIP.timeoutSeconds"
        if seconds is None:
            errors.append(field.required(where, text))
        elif not 0 < seconds <= _AFFINITY_LIMIT:
            text = f"must be greater than 0 and less than {_AFFINITY_LIMIT}"
            errors.append(field.invalid(where, seconds, text))


def cluster_ips(errors: Errors, spec: Service) -> None:
    """Addresses, families and policy have to fit together."""
    if spec.get("type") == "ExternalName":
        return
    path = "spec.clusterIPs"
    first, addresses = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    families = spec.get("ipFamilies") or []
    if first:
        if not addresses:
            errors.append(field.required(path))
        elif addresses[0] != first:
            text = "first value must match `clusterIP`"
            errors.append(field.invalid(path, addresses, text))
    elif addresses:
        text = "must be empty when `clusterIP` is not specified"
        errors.append(field.invalid(path, addresses, text))
    seen: dict[str, None] = {}
    for i, family in enumerate(families):
        checks.supported(errors, f"spec.ipFamilies[{i}]", family, _FAMILIES)
        if family in seen:
            errors.append(field.duplicate(f"spec.ipFamilies[{i}]", family))
        seen[family] = None
    policy = spec.get("ipFamilyPolicy")
    checks.supported(errors, "spec.ipFamilyPolicy", policy, _FAMILY_POLICIES)
    good = True
    for i, address in enumerate(addresses):
        if i == 0 and address == "None":
            if len(addresses) > 1:
                good = False
                text = "'None' must be the first and only value"
                errors.append(field.invalid(path, addresses, text))
            continue
        good = checks.ip_address(errors, f"{path}[{i}]", address) and good
    if len(addresses) > 2:
        errors.append(field.invalid(path, addresses, "may only hold up to 2 values"))
    if not good:
        return
    if len(addresses) > 1 and not checks.dual_stack(addresses):
        text = "may specify no more than one IP for each IP family"
        errors.append(field.invalid(path, addresses, text))
    if not _is_headless(spec):
        for i, (address, family) in enumerate(zip(addresses, families, strict=False)):
            if family in _FAMILIES and (family == "IPv6") != checks.is_ipv6(address):
                text = f"expected an {family} value as indicated by `ipFamilies[{i}]`"
                errors.append(field.invalid(f"{path}[{i}]", address, text))


def _port_numbers(errors: Errors, ports: list[dict[str, Any]], kind: str) -> None:
    if kind == "ClusterIP":
        for i, port in enumerate(ports):
            if port.get("nodePort"):
                text = "may not be used when `type` is 'ClusterIP'"
                errors.append(field.forbidden(f"spec.ports[{i}].nodePort", text))
    seen: dict[tuple[str, int], None] = {}
    for i, port in enumerate(ports):
        number = port.get("nodePort")
        if number:
            key = (port.get("protocol") or "", number)
            if key in seen:
                errors.append(field.duplicate(f"spec.ports[{i}].nodePort", number))
            seen[key] = None
    seen = {}
    for i, port in enumerate(ports):
        key = (port.get("protocol") or "", port.get("port") or 0)
        if key in seen:
            shown = {
                "Name": "",
                "Protocol": key[0],
                "AppProtocol": None,
                "Port": key[1],
                "TargetPort": 0,
                "NodePort": 0,
            }
            errors.append(field.duplicate(f"spec.ports[{i}]", shown))
        seen[key] = None


def _source_ranges(errors: Errors, spec: Service, annotations: Mapping[str, str]) -> None:
    balancer = spec.get("type") == "LoadBalancer"
    ranges = spec.get("loadBalancerSourceRanges")
    noted = annotations.get(_SOURCE_RANGES)
    if ranges:
        path = "spec.LoadBalancerSourceRanges"
        if not balancer:
            errors.append(field.forbidden(path, _ONLY_BALANCERS))
        for i, value in enumerate(ranges):
            checks.cidr(errors, f"{path}[{i}]", value.strip())
    elif noted is not None:
        path = f"metadata.annotations[{_SOURCE_RANGES}]"
        if not balancer:
            errors.append(field.forbidden(path, _ONLY_BALANCERS))
        if noted.strip():
            for value in noted.strip().split(","):
                checks.cidr(errors, path, value.strip())


def _balancer_class(errors: Errors, spec: Service) -> None:
    name = spec.get("loadBalancerClass")
    if name is None:
        return
    if spec.get("type") == "LoadBalancer":
        checks.qualified_name(errors, "spec.loadBalancerClass", name)
    else:
        errors.append(field.forbidden("spec.loadBalancerClass", _ONLY_BALANCERS))


def _needs_health_check(spec: Service) -> bool:
    local = spec.get("externalTrafficPolicy") == "Local"
    return spec.get("type") == "LoadBalancer" and local


def _traffic(errors: Errors, spec: Service) -> None:
    kind = spec.get("type")
    external = spec.get("externalTrafficPolicy") or ""
    path = "spec.externalTrafficPolicy"
    if kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and spec.get("externalIPs")):
        checks.one_of(errors, path, external, ("Cluster", "Local"))
    elif external:
        text = "may only be set for externally-accessible services"
        errors.append(field.invalid(path, external, text))
    port = spec.get("healthCheckNodePort") or 0
    path = "spec.healthCheckNodePort"
    if not _needs_health_check(spec):
        if port:
            text = (
                "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is "
                "'Local'"
            )
            errors.append(field.invalid(path, port, text))
    elif port:
        # Absent, it is allocated; that happens after validation here.
        checks.port_number(errors, path, port)
    internal = spec.get("internalTrafficPolicy")
    if internal is None:
        if kind in ("NodePort", "LoadBalancer", "ClusterIP"):
            errors.append(field.required("spec.internalTrafficPolicy"))
    else:
        checks.supported(errors, "spec.internalTrafficPolicy", internal, ("Cluster", "Local"))
    spread = spec.get("trafficDistribution")
    checks.supported(errors, "spec.trafficDistribution", spread, _DISTRIBUTIONS)


def _addresses_kept(errors: Errors, new: Service, old: Service) -> None:
    path = "spec.clusterIPs"
    now, before = new.get("clusterIPs") or [], old.get("clusterIPs") or []
    if len(now) == len(before):
        for i, address in enumerate(before):
            if address != now[i]:
                errors.append(field.invalid(f"{path}[{i}]", now, _ONCE_SET))
        return
    if len(before) > len(now) and not now:
        text = "primary clusterIP can not be unset"
        errors.append(field.invalid(f"{path}[0]", None, text))
    if before and now and now[0] != before[0]:
        errors.append(field.invalid(f"{path}[0]", now, _ONCE_SET))
    if len(before) > len(now) == 1:
        _single_stack(errors, new, "clusterIP")


def _families_kept(errors: Errors, new: Service, old: Service) -> None:
    path = "spec.ipFamilies[0]"
    now, before = new.get("ipFamilies") or [], old.get("ipFamilies") or []
    addresses = new.get("clusterIPs") or None
    if len(now) == len(before):
        for was, family in zip(before, now, strict=True):
            if family != was:
                errors.append(field.invalid(path, now, _ONCE_SET))
        return
    if len(before) > len(now) and not addresses:
        text = "primary ipFamily can not be unset"
        errors.append(field.invalid(path, now or None, text))
    if now and before and now[0] != before[0]:
        errors.append(field.invalid(path, addresses, _ONCE_SET))
    if len(before) > len(now) == 1:
        _single_stack(errors, new, "ipFamily")


def _single_stack(errors: Errors, spec: Service, what: str) -> None:
    policy = spec.get("ipFamilyPolicy")
    if policy != "SingleStack":
        text = f"must be set to 'SingleStack' when releasing the secondary {what}"
        errors.append(field.invalid("spec.ipFamilyPolicy", policy, text))
