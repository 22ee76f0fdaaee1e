"""Resource lists: quantities finer than a thousandth are rounded up when they are read."""

import functools

from miniplane.api import quantity
from miniplane.api.objects import Obj


def round_up(resources: Obj | None) -> None:
    """Rounds the quantities of a ResourceList to thousandths, in place."""
    if resources:
        for name, amount in resources.items():
            if isinstance(amount, str) and _may_be_finer(amount):
                resources[name] = _rounded(amount)


def round_up_requirements(requirements: Obj | None) -> None:
    """The same for `limits` and `requests`."""
    if requirements:
        round_up(requirements.get("limits"))
        round_up(requirements.get("requests"))


def _may_be_finer(amount: str) -> bool:
    return amount[-1:] in ("n", "u") or "." in amount or "e-" in amount or "E-" in amount


@functools.lru_cache(maxsize=512)
def _rounded(amount: str) -> str:
    try:
        exact = quantity.parse(amount)
    except ValueError:
        return amount
    if exact.scale >= -3:
        return amount
    return str(quantity.Quantity(exact.scaled(-3), -3, exact.format))
