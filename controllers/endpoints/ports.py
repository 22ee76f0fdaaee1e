"""A service's ports as a pod has them (pure)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from miniplane.api.objects import Obj
from miniplane.controllers.endpoints.targets import Target

_FNV_OFFSET = 0x6C62272E07BB014262B821756295C58D
_FNV_PRIME = 0x0000000001000000000000000000013B
_MASK = 2**128 - 1


class Port(NamedTuple):
    name: str
    number: int
    protocol: str
    app_protocol: str | None

    @classmethod
    def of(cls, port: Mapping[str, Any]) -> "Port":
        """A port of an Endpoints object or a slice."""
        return cls(
            port.get("name") or "",
            port.get("port") or 0,
            port.get("protocol") or "TCP",
            port.get("appProtocol"),
        )

    def obj(self, *, named: bool) -> Obj:
        """`named`: with its name even if that is empty, as slices have it."""
        out: Obj = {"port": self.number, "protocol": self.protocol}
        if self.name or named:
            out["name"] = self.name
        if self.app_protocol is not None:
            out["appProtocol"] = self.app_protocol
        return out


Ports = tuple[Port, ...]
"""Ports in the order in which they are written."""


def resolver(service: Mapping[str, Any], order: Callable[[Port], str]) -> Callable[[Target], Ports]:
    """A function that gives the service's ports for a target, in that order. A port whose name the
    pod does not know is left out."""
    wanted = service["spec"].get("ports") or ()
    known: dict[tuple[tuple[str, str, int], ...], Ports] = {}

    def resolve(target: Target) -> Ports:
        found = known.get(target.ports)
        if found is None:
            named = {(name, protocol): number for name, protocol, number in reversed(target.ports)}
            ports = (_resolve(port, named) for port in wanted)
            found = tuple(sorted(filter(None, ports), key=order))
            known[target.ports] = found
        return found

    return resolve


def _resolve(port: Mapping[str, Any], named: Mapping[tuple[str, str], int]) -> Port | None:
    protocol = port.get("protocol", "TCP")
    aim = port.get("targetPort", port["port"])
    number = named.get((aim, protocol)) if isinstance(aim, str) else aim or port["port"]
    if number is None:
        return None
    return Port(port.get("name", ""), number, protocol, port.get("appProtocol"))


def in_slices(port: Port) -> str:
    """Sort key: the order of ports in slices.

    Real controllers sort ports by a hash of their printed form, and readers get to see that order.
    """
    return _hash(
        f"(v1.EndpointPort){{Name:(*string){port.name} Protocol:(*v1.Protocol){port.protocol} "
        f"Port:(*int32){port.number} AppProtocol:(*string){_text(port)}}}"
    )


def in_subsets(port: Port) -> str:
    """Sort key: the order of ports in Endpoints."""
    return _hash(
        f"(v1.EndpointPort){{Name:(string){port.name} Port:(int32){port.number} "
        f"Protocol:(v1.Protocol){port.protocol} AppProtocol:(*string){_text(port)}}}"
    )


def _text(port: Port) -> str:
    return "<nil>" if port.app_protocol is None else port.app_protocol


def _hash(text: str) -> str:
    """FNV-1a of 128 bits, in hexadecimal."""
    value = _FNV_OFFSET
    for byte in text.encode():
        value = (value ^ byte) * _FNV_PRIME & _MASK
    return f"{value:032x}"


def objs(ports: Iterable[Port], *, named: bool) -> list[Obj]:
    return [port.obj(named=named) for port in ports]
