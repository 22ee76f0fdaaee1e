"""Services: the addresses and ports that they are given when they are written.

Follows pkg/registry/core/service/strategy.go and pkg/registry/core/service/storage/alloc.go for a
cluster of one IP family.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from miniplane.api import errors, field
from miniplane.api.field import FieldError
from miniplane.api.objects import Obj
from miniplane.api.validation.services import cluster_ips
from miniplane.registry import ipaddresses, servicecidrs
from miniplane.registry.allocators import Refused, Reservation
from miniplane.registry.context import Context
from miniplane.registry.strategy import Finish, Strategy, restore

Spec: TypeAlias = dict[str, Any]


class ServiceStrategy(Strategy):
    returns_deleted = True
    create_on_update = True

    def begin_create(self, obj: Obj, context: Context) -> Finish:
        spec, name = obj["spec"], obj["metadata"].get("name", "")
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        _families(spec, None, name, context)
        servicecidrs.follow(context)
        reservation = Reservation(context.allocators)
        try:
            _take_address(spec, reservation, name)
            if _has_node_ports(spec):
                _take_ports(spec, reservation, name)
            if _has_health_check(spec):
                _take_health_check(spec, reservation)
        except errors.StatusError:
            reservation.finish(False)
            raise
        return _recording(reservation, obj, None, context)

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        obj["status"] = {"loadBalancer": {}}

    def begin_update(self, obj: Obj, old: Obj, context: Context) -> Finish:
        spec, before, name = obj["spec"], old["spec"], obj["metadata"]["name"]
        _carry_over(spec, before)
        _match_addresses(spec, before)
        _families(spec, before, name, context)
        servicecidrs.follow(context)
        reservation = Reservation(context.allocators)
        try:
            _change_address(spec, before, reservation, name)
            _change_ports(spec, before, reservation, name)
        except errors.StatusError:
            reservation.finish(False)
            raise
        return _recording(reservation, obj, old, context)

    def prepare_for_update(self, obj: Obj, old: Obj, context: Context) -> None:
        restore(obj, old, "status")
        _drop_what_the_type_has_no_use_for(obj["spec"], old["spec"])
        if obj["spec"].get("type") != "LoadBalancer" and "status" in obj:
            obj["status"] = {**obj["status"], "loadBalancer": {}}

    def after_delete(self, obj: Obj, context: Context) -> None:
        spec = obj["spec"]
        for address in _addresses(spec):
            context.allocators.cluster_ips.release(address)
            ipaddresses.forget(context, address)
        for port in _node_ports(spec):
            context.allocators.node_ports.release(port)
        if _has_health_check(spec) and spec.get("healthCheckNodePort"):
            context.allocators.node_ports.release(spec["healthCheckNodePort"])


def _recording(reservation: Reservation, obj: Obj, old: Obj | None, context: Context) -> Finish:
    """The end of a reservation, and the IPAddress objects that come and go with it."""
    before = list(_addresses(old["spec"])) if old is not None else []

    def finish(written: bool) -> None:
        reservation.finish(written)
        if not written:
            return
        metadata, now = obj["metadata"], list(_addresses(obj["spec"]))
        for address in before:
            if address not in now:
                ipaddresses.forget(context, address)
        for address in now:
            if address not in before:
                ipaddresses.record(context, address, metadata["namespace"], metadata["name"])

    return finish


def _is_named(spec: Spec) -> bool:
    """Whether the service is a mere DNS name, without addresses of its own."""
    return spec.get("type") == "ExternalName"


def _is_headless(spec: Spec) -> bool:
    return (spec.get("clusterIPs") or [""])[0] == "None"


def _has_node_ports(spec: Spec) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def _draws_node_ports(spec: Spec) -> bool:
    """Whether ports are drawn for those that ask for none."""
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts", True)
    return spec.get("type") == "NodePort"


def _has_health_check(spec: Spec) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _is_external(spec: Spec) -> bool:
    return _has_node_ports(spec) or (
        spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def _addresses(spec: Spec) -> Iterator[str]:
    if not _is_named(spec) and not _is_headless(spec):
        yield from spec.get("clusterIPs") or ()


def _node_ports(spec: Spec) -> list[int]:
    return [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]


def _invalid(name: str, *problems: FieldError) -> errors.StatusError:
    return errors.invalid("", "Service", name, problems)


# What an update leaves out, or changes only in part.


def _carry_over(spec: Spec, before: Spec) -> None:
    """What an update leaves out stays as it had been allocated."""
    if not _is_named(spec) and not _is_named(before):
        if not spec.get("clusterIP"):
            restore(spec, before, "clusterIP")
        if not spec.get("clusterIPs") and spec.get("clusterIP") == before.get("clusterIP"):
            restore(spec, before, "clusterIPs")
    if _has_node_ports(spec) and _has_node_ports(before):
        kept = dict.fromkeys(_node_ports(spec))
        known = {_port_key(p): p["nodePort"] for p in before["ports"] if p.get("nodePort")}
        for port in spec.get("ports") or ():
            number = known.get(_port_key(port))
            if not port.get("nodePort") and number and number not in kept:
                port["nodePort"] = number
    if (
        _has_health_check(spec)
        and _has_health_check(before)
        and not spec.get("healthCheckNodePort")
    ):
        restore(spec, before, "healthCheckNodePort")


def _port_key(port: dict[str, Any]) -> tuple[str, int]:
    return port.get("protocol", "TCP"), port.get("port", 0)


def _match_addresses(spec: Spec, before: Spec) -> None:
    """Clients that know only one of clusterIP and clusterIPs change only that one."""
    address, was = spec.get("clusterIP", ""), before.get("clusterIP", "")
    if address == was or (spec.get("clusterIPs") or []) != (before.get("clusterIPs") or []):
        return
    if address:
        spec["clusterIPs"] = [address]
    else:
        spec.pop("clusterIPs", None)


def _drop_what_the_type_has_no_use_for(spec: Spec, before: Spec) -> None:
    """What another type needed goes, unless the user changed it too: that is for validation."""

    def drop(*keys: str) -> None:
        for key in keys:
            if spec.get(key) == before.get(key):
                spec.pop(key, None)

    if _is_named(spec) and not _is_named(before):
        same = all(spec.get(key) == before.get(key) for key in ("clusterIP", "clusterIPs"))
        if same:
            drop("clusterIP", "clusterIPs")
        drop("ipFamilies", "ipFamilyPolicy")
    if _has_node_ports(before) and not _has_node_ports(spec):
        known = dict.fromkeys(_node_ports(before))
        if all(number in known for number in _node_ports(spec)):
            for port in spec.get("ports") or ():
                port.pop("nodePort", None)
    if _has_health_check(before) and not _has_health_check(spec):
        drop("healthCheckNodePort")
    if before.get("type") == "LoadBalancer" != spec.get("type"):
        drop("allocateLoadBalancerNodePorts", "loadBalancerClass")
    if _is_external(before) and not _is_external(spec):
        drop("externalTrafficPolicy")


# IP families.


def _families(spec: Spec, before: Spec | None, name: str, context: Context) -> None:
    """Fill in ipFamilies and ipFamilyPolicy, or refuse what a single-stack cluster cannot give."""
    if _is_named(spec):
        return
    own = f"IPv{context.allocators.cluster_ips.network.version}"
    headless = spec.get("clusterIP") == "None" and not spec.get("selector")
    if not spec.get("ipFamilyPolicy"):
        known = before.get("ipFamilyPolicy") if before is not None else None
        spec["ipFamilyPolicy"] = known or ("RequireDualStack" if headless else "SingleStack")
    policy = spec["ipFamilyPolicy"]
    problems: list[FieldError] = []
    cluster_ips(problems, spec)
    if problems:
        raise _invalid(name, *problems)

    families = list(spec.get("ipFamilies") or ())
    if before is not None:
        families = _fewer_families(families, before, policy, problems)
    if policy == "SingleStack":
        text = "must be 'RequireDualStack' or 'PreferDualStack' when multiple {} are specified"
        for key, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")):
            if len(families if key == "ipFamilies" else spec.get(key) or ()) == 2:
                problems.append(field.invalid("spec.ipFamilyPolicy", policy, text.format(what)))
    for i, address in enumerate(() if _is_headless(spec) else spec.get("clusterIPs") or ()):
        family = "IPv6" if ":" in address else "IPv4"
        if i < len(families):
            continue
        if family == own:
            families.append(family)
        else:
            text = f"{family} is not configured on this cluster"
            problems.append(field.invalid(f"spec.clusterIPs[{i}]", spec["clusterIPs"], text))
    if problems:
        raise _invalid(name, *problems)

    if headless:
        # Somebody else fills in the endpoints: of any family, whatever the cluster has.
        families = families or [own]
        if policy != "SingleStack" and len(families) == 1:
            families.append("IPv6" if families[0] == "IPv4" else "IPv4")
        spec["ipFamilies"] = families
        return
    if policy == "RequireDualStack":
        text = "this cluster is not configured for dual-stack services"
        problems.append(field.invalid("spec.ipFamilyPolicy", policy, text))
    for i, family in enumerate(families):
        if family != own:
            text = "not configured on this cluster"
            problems.append(field.invalid(f"spec.ipFamilies[{i}]", family, text))
    if problems:
        raise _invalid(name, *problems)
    spec["ipFamilies"] = families or [own]


def _fewer_families(
    families: list[str], before: Spec, policy: str, problems: list[FieldError]
) -> list[str]:
    known = before.get("ipFamilies") or []
    if policy == "SingleStack":
        # Asking for one stack and leaving the families alone is clear enough.
        return families[:1] if families == known else families
    if families and len(families) < len(known):
        text = "must be 'SingleStack' to release the secondary IP family"
        problems.append(field.invalid("spec.ipFamilyPolicy", policy, text))
    return families


# Addresses.


def _take_address(spec: Spec, reservation: Reservation, name: str) -> None:
    if _is_named(spec) or _is_headless(spec):
        return
    address = (spec.get("clusterIPs") or [""])[0]
    if address:
        try:
            reservation.take_ip(address)
        except Refused as why:
            text = f"failed to allocate IP {address}: {why}"
            raise _invalid(name, field.invalid("spec.clusterIPs", [address], text)) from None
    else:
        try:
            address = reservation.draw_ip()
        except Refused as why:
            raise errors.internal_error(f"failed to allocate a serviceIP: {why}") from None
    spec["clusterIP"] = address
    spec["clusterIPs"] = [address]


def _change_address(spec: Spec, before: Spec, reservation: Reservation, name: str) -> None:
    """An address comes and goes with the type; of itself it never changes."""
    if _is_named(before) and not _is_named(spec):
        _take_address(spec, reservation, name)
    elif _is_named(spec) and not _is_named(before):
        for address in _addresses(before):
            reservation.give_up_ip(address)


# Ports.


def _take_port(number: int, index: int, reservation: Reservation, name: str) -> None:
    try:
        reservation.take_port(number)
    except Refused as why:
        problem = field.invalid(f"spec.ports[{index}].nodePort", number, str(why))
        raise _invalid(name, problem) from None


def _draw_port(reservation: Reservation) -> int:
    try:
        return reservation.draw_port()
    except Refused as why:
        raise errors.internal_error(f"failed to allocate a nodePort: {why}") from None


def _take_ports(spec: Spec, reservation: Reservation, name: str) -> None:
    """Node ports of a new service; TCP and UDP of the same port share theirs."""
    ports = spec.get("ports") or []
    given: dict[int, int] = {}
    for index, port in enumerate(ports):
        number, key = port.get("nodePort"), port.get("port", 0)
        if not number and not _draws_node_ports(spec):
            continue
        if key not in given:
            asked = next(
                (p["nodePort"] for p in ports if p.get("port", 0) == key and p.get("nodePort")), 0
            )
            if asked:
                _take_port(asked, index, reservation, name)
            port["nodePort"] = given[key] = asked or _draw_port(reservation)
        elif not number:
            port["nodePort"] = given[key]
        elif number != given[key]:
            _take_port(number, index, reservation, name)


def _take_health_check(spec: Spec, reservation: Reservation) -> None:
    number = spec.get("healthCheckNodePort") or 0
    what = f"requested HealthCheck NodePort {number}" if number else "a HealthCheck NodePort 0"
    try:
        if number:
            reservation.take_port(number)
        else:
            spec["healthCheckNodePort"] = reservation.draw_port()
    except Refused as why:
        raise errors.internal_error(f"failed to allocate {what}: {why}") from None


def _change_ports(spec: Spec, before: Spec, reservation: Reservation, name: str) -> None:
    if _has_node_ports(spec):
        _change_node_ports(spec, before, reservation, name)
    elif _has_node_ports(before):
        for number in _node_ports(before):
            reservation.give_up_port(number)
    had, has = _has_health_check(before), _has_health_check(spec)
    if has and not had:
        _take_health_check(spec, reservation)
    elif had and not has and before.get("healthCheckNodePort"):
        reservation.give_up_port(before["healthCheckNodePort"])


def _change_node_ports(spec: Spec, before: Spec, reservation: Reservation, name: str) -> None:
    known = dict.fromkeys(_node_ports(before))
    taken: dict[int, None] = {}
    seen: dict[tuple[str, int], None] = {}
    for index, port in enumerate(spec.get("ports") or ()):
        number = port.get("nodePort")
        if not number:
            if not _draws_node_ports(spec):
                continue
            number = port["nodePort"] = _draw_port(reservation)
        elif number not in known and number not in taken:
            _take_port(number, index, reservation, name)
            taken[number] = None
        protocol = port.get("protocol", "TCP")
        if (protocol, number) in seen:
            raise errors.StatusError(500, "", f"duplicate nodePort: {{{protocol} {number}}}")
        seen[protocol, number] = None
    kept = dict.fromkeys(_node_ports(spec))
    for number in known:
        if number not in kept:
            reservation.give_up_port(number)
