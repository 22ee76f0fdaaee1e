"""Ingresses, network policies and endpoints."""

from miniplane.api.objects import Obj
from miniplane.registry.strategy import Strategy


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


STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("", "Endpoints"): EndpointsStrategy,
    ("networking.k8s.io", "Ingress"): IngressStrategy,
    ("networking.k8s.io", "IngressClass"): Counted,
    ("networking.k8s.io", "NetworkPolicy"): Counted,
    ("discovery.k8s.io", "EndpointSlice"): EndpointSliceStrategy,
}
