"""A cluster inside a test, on virtual time.

    async with miniplane.testing.cluster(nodes=3, seed=7) as c:
        await c.client.create(STATEFUL_SETS, objects.stateful_set("web", replicas=3))
        await c.settle()                       # exactly when nothing is left to do
        assert [p["metadata"]["name"] for p in await c.pods()] == ["web-0", "web-1", "web-2"]

`settle` jumps from timer to timer, so an hour of back-off takes no time, and the same seed gives
the same names, uids and order of writes. `objects` has the smallest objects that a server accepts,
`faults` a client that fails on purpose.
"""

from miniplane.client import fault as faults
from miniplane.runtime.settle import NotSettled
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster

__all__ = ["Harness", "NotSettled", "cluster", "faults", "objects"]
