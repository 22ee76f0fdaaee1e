"""The strategies of the kinds that differ from the generic one, by group.

A kind that stands in none of these tables follows the generic path.
"""

from functools import lru_cache

from miniplane.api.resources import Resource
from miniplane.registry.strategies import core, extensions, networking, storage, workloads
from miniplane.registry.strategies.custom import CustomResourceStrategy
from miniplane.registry.strategies.services import ServiceStrategy
from miniplane.registry.strategy import Strategy

_TABLE: dict[tuple[str, str], type[Strategy]] = {
    **core.STRATEGIES,
    **extensions.STRATEGIES,
    **networking.STRATEGIES,
    ("", "Service"): ServiceStrategy,
    **storage.STRATEGIES,
    **workloads.STRATEGIES,
}


@lru_cache(maxsize=4096)
def strategy_of(resource: Resource) -> Strategy:
    """The strategy of a resource."""
    if resource.custom is not None:
        return CustomResourceStrategy(resource)
    return _TABLE.get((resource.group, resource.kind), Strategy)(resource)
