"""Ingresses, network policies, endpoints and addresses."""

from miniplane.api.objects import Obj
from miniplane.registry import ipaddresses, servicecidrs
from miniplane.registry.context import Context
from miniplane.registry.strategy import Finish, Strategy, nothing


class IngressStrategy(Strategy):
    generation = True
    create_on_update = False

    def initial_status(self, obj: Obj) -> None:
        obj["status"] = {"loadBalancer": {}}


class Counted(Strategy):
    generation = True


class EndpointSliceStrategy(Strategy):
    """Everything but the metadata counts as its spec."""

    generation = True

    def spec_changed(self, obj: Obj, old: Obj) -> bool:
        return (
            obj.get("endpoints") != old.get("endpoints")
            or obj.get("ports") != old.get("ports")
            or obj["metadata"].get("labels") != old["metadata"].get("labels")
        )


class EndpointsStrategy(Strategy):
    create_on_update = True


class IPAddressStrategy(Strategy):
    """An address that has an object is taken. See `ipaddresses`."""

    def begin_create(self, obj: Obj, context: Context) -> Finish:
        name, pool = obj["metadata"].get("name", ""), context.allocators.cluster_ips
        servicecidrs.follow(context)
        if not pool.contains(name) or pool.has(name):
            return nothing
        pool.take(name)
        return lambda written: None if written else pool.release(name)

    def after_delete(self, obj: Obj, context: Context) -> None:
        name, parent = obj["metadata"]["name"], obj["spec"]["parentRef"]
        if ipaddresses.parent_has(context, obj):
            owner = parent.get("namespace", ""), parent["name"]
            context.allocators.unrecorded[name] = owner
        else:
            context.allocators.cluster_ips.release(name)


STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("", "Endpoints"): EndpointsStrategy,
    ("networking.k8s.io", "IPAddress"): IPAddressStrategy,
    ("networking.k8s.io", "Ingress"): IngressStrategy,
    ("networking.k8s.io", "IngressClass"): Counted,
    ("networking.k8s.io", "NetworkPolicy"): Counted,
    ("discovery.k8s.io", "EndpointSlice"): EndpointSliceStrategy,
}
