"""The strategies of the kinds that differ from the generic one, by group.

A kind that stands in none of these tables follows the generic path.
"""

from functools import cache

from miniplane.api.resources import Resource
from miniplane.registry.strategies import core, extensions, networking, storage, workloads
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


@cache
def strategy_of(resource: Resource) -> Strategy:
    """The strategy of a resource."""
    return _TABLE.get((resource.group, resource.kind), Strategy)(resource)
