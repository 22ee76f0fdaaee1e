"""Doing many of the same in growing batches, so that a refusal stops it early."""

import asyncio
from collections.abc import Awaitable, Callable


async def slow_start_batch(
    count: int, act: Callable[[int], Awaitable[object]], *, initial: int = 1
) -> tuple[int, BaseException | None]:
    """Call `act(0)` ... `act(count - 1)` in batches of `initial`, twice that, four times that...

    The calls of a batch run side by side. Stops after the first batch in which one failed. Returns
    how many went well and the first error, as `slowStartBatch` of Kubernetes' controllers does: of
    100 creations that a quota refuses, one is tried.
    """
    done = succeeded = 0
    size = min(count, initial)
    while size > 0:
        batch = [act(index) for index in range(done, done + size)]
        results = await asyncio.gather(*batch, return_exceptions=True)
        errors = [r for r in results if isinstance(r, BaseException)]
        succeeded += size - len(errors)
        if errors:
            return succeeded, errors[0]
        done += size
        size = min(2 * size, count - done)
    return succeeded, None
