"""Rows of services, endpoints, ingresses, network policies and the address kinds."""

from collections.abc import Iterator
from typing import Any

from miniplane.api.objects import Obj
from miniplane.api.tables.model import AGE, NAME, Column, Printer, doc, printer
from miniplane.api.tables.parts import (
    NONE,
    UNKNOWN,
    age,
    as_text,
    format_labels,
    format_selector,
    load_balancer,
    name,
    number,
    part,
    parts,
    shortened,
    text,
    texts,
    value,
)


def _external_ip(obj: Obj) -> str:
    kind = text(obj, "spec", "type")
    given = texts(obj, "spec", "externalIPs")
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(given) or NONE
    if kind == "LoadBalancer":
        balancer = load_balancer(obj)
        return ",".join(([balancer] if balancer else []) + given) or "<pending>"
    if kind == "ExternalName":
        return text(obj, "spec", "externalName")
    return UNKNOWN


def _ports(obj: Obj) -> str:
    pieces = []
    for port in parts(obj, "spec", "ports"):
        node_port = number(port, "nodePort")
        shown = f"{number(port, 'port')}:{node_port}" if node_port > 0 else number(port, "port")
        pieces.append(f"{shown}/{text(port, 'protocol')}")
    return ",".join(pieces) or NONE


def _service(obj: Obj, now: float) -> list[Any]:
    addresses = texts(obj, "spec", "clusterIPs")
    address = addresses[0] if addresses else text(obj, "spec", "clusterIP")
    return [
        name(obj),
        text(obj, "spec", "type"),
        address or NONE,
        _external_ip(obj),
        _ports(obj),
        age(obj, now),
        format_labels(value(obj, "spec", "selector")),
    ]


def _join_host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _subset_addresses(obj: Obj) -> Iterator[str]:
    for subset in parts(obj, "subsets"):
        ports = parts(subset, "ports")
        addresses = [text(a, "ip") for a in parts(subset, "addresses")]
        if not ports:
            yield from addresses
        for port in ports:
            for address in addresses:
                yield _join_host_port(address, number(port, "port"))


def _endpoints(obj: Obj, now: float) -> list[Any]:
    empty = "" if parts(obj, "subsets") else NONE
    return [name(obj), shortened(_subset_addresses(obj), empty=empty), age(obj, now)]


def _slice_ports(obj: Obj) -> Iterator[str]:
    for port in parts(obj, "ports"):
        if port.get("port") is not None:
            yield as_text(port["port"])
        else:
            yield "*" if port.get("name") is None else text(port, "name")


def _endpoint_slice(obj: Obj, now: float) -> list[Any]:
    return [
        name(obj),
        text(obj, "addressType"),
        shortened(_slice_ports(obj)),
        shortened(a for e in parts(obj, "endpoints") for a in texts(e, "addresses")),
        age(obj, now),
    ]


def _hosts(obj: Obj) -> str:
    limit = 3
    rules = parts(obj, "spec", "rules")
    shown: list[str] = []
    more = False
    for rule in rules:
        if len(shown) == limit:
            more = True
        elif host := text(rule, "host"):
            shown.append(host)
    if not shown:
        return "*"
    hosts = ",".join(shown)
    return f"{hosts} + {len(rules) - limit} more..." if more else hosts


def _ingress(obj: Obj, now: float) -> list[Any]:
    class_name = value(obj, "spec", "ingressClassName")
    return [
        name(obj),
        NONE if class_name is None else as_text(class_name),
        _hosts(obj),
        load_balancer(obj),
        "80, 443" if parts(obj, "spec", "tls") else "80",
        age(obj, now),
    ]


def _ingress_class(obj: Obj, now: float) -> list[Any]:
    parameters = NONE
    if value(obj, "spec", "parameters") is not None:
        found = part(obj, "spec", "parameters")
        group = found.get("apiGroup")
        kind = text(found, "kind") if group is None else f"{text(found, 'kind')}.{as_text(group)}"
        parameters = f"{kind}/{text(found, 'name')}"
    return [name(obj), text(obj, "spec", "controller"), parameters, age(obj, now)]


def _network_policy(obj: Obj, now: float) -> list[Any]:
    return [name(obj), format_selector(part(obj, "spec", "podSelector")), age(obj, now)]


def _service_cidr(obj: Obj, now: float) -> list[Any]:
    return [name(obj), ",".join(texts(obj, "spec", "cidrs")), age(obj, now)]


def _ip_address(obj: Obj, now: float) -> list[Any]:
    parent = value(obj, "spec", "parentRef")
    shown = NONE
    if parent is not None:
        group, resource = text(parent, "group"), text(parent, "resource")
        steps = [f"{resource}.{group}".lower() if group else resource.lower()]
        if namespace := text(parent, "namespace"):
            steps.append(namespace)
        shown = "/".join([*steps, text(parent, "name")])
    return [name(obj), shown]


_SLICE = "discovery.v1.EndpointSlice"

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "Service"): printer(
        _service,
        NAME,
        Column("Type", "string", doc("core.v1.ServiceSpec", "type")),
        Column("Cluster-IP", "string", doc("core.v1.ServiceSpec", "clusterIP")),
        Column("External-IP", "string", doc("core.v1.ServiceSpec", "externalIPs")),
        Column("Port(s)", "string", doc("core.v1.ServiceSpec", "ports")),
        AGE,
        Column("Selector", "string", doc("core.v1.ServiceSpec", "selector"), 1),
    ),
    ("", "Endpoints"): printer(
        _endpoints,
        NAME,
        Column("Endpoints", "string", doc("core.v1.Endpoints", "subsets")),
        AGE,
    ),
    ("discovery.k8s.io", "EndpointSlice"): printer(
        _endpoint_slice,
        NAME,
        Column("AddressType", "string", doc(_SLICE, "addressType")),
        Column("Ports", "string", doc(_SLICE, "ports")),
        Column("Endpoints", "string", doc(_SLICE, "endpoints")),
        AGE,
    ),
    ("networking.k8s.io", "Ingress"): printer(
        _ingress,
        NAME,
        Column(
            "Class",
            "string",
            "The name of the IngressClass resource that should be used for additional "
            "configuration",
        ),
        Column(
            "Hosts",
            "string",
            "Hosts that incoming requests are matched against before the ingress rule",
        ),
        Column(
            "Address",
            "string",
            "Address is a list containing ingress points for the load-balancer",
        ),
        Column("Ports", "string", "Ports of TLS configurations that open"),
        AGE,
    ),
    ("networking.k8s.io", "IngressClass"): printer(
        _ingress_class,
        NAME,
        Column("Controller", "string", "Controller that is responsible for handling this class"),
        Column("Parameters", "string", "A reference to a resource with additional parameters"),
        AGE,
    ),
    ("networking.k8s.io", "NetworkPolicy"): printer(
        _network_policy,
        NAME,
        Column("Pod-Selector", "string", doc("networking.v1.NetworkPolicySpec", "podSelector")),
        AGE,
    ),
    ("networking.k8s.io", "ServiceCIDR"): printer(
        _service_cidr,
        NAME,
        Column("CIDRs", "string", doc("networking.v1.ServiceCIDRSpec", "cidrs")),
        AGE,
    ),
    ("networking.k8s.io", "IPAddress"): printer(
        _ip_address,
        NAME,
        Column("ParentRef", "string", doc("networking.v1.IPAddressSpec", "parentRef")),
    ),
}
