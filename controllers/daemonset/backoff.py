"""How long a failing pod is left alone.

A daemon pod that fails is deleted and made again. Where it fails again and again, as when the
kubelet refuses it, each deletion waits twice as long as the one before: 1 s, 2 s... 15 minutes.
After `client-go/util/flowcontrol/backoff.go`.
"""

import dataclasses

FIRST = 1.0
LONGEST = 900.0


@dataclasses.dataclass(slots=True)
class _Entry:
    delay: float
    since: float


class Backoff:
    """Delays by set and node. Times are unix seconds.

    >>> backoff = Backoff()
    >>> backoff.failed("uid/1", "node-0", now=0.0)
    >>> backoff.waits("uid/1", now=0.4)
    {'node-0': 0.6}
    >>> backoff.waits("uid/1", now=1.0)
    {}
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, _Entry]] = {}

    def waits(self, key: str, *, now: float) -> dict[str, float]:
        """The nodes on which the set (of a generation) has to wait, and for how many seconds."""
        return {
            node: entry.since + entry.delay - now
            for node, entry in self._entries.get(key, {}).items()
            if now - entry.since < entry.delay
        }

    def failed(self, key: str, node: str, *, now: float) -> None:
        """A failed pod of the set is about to be deleted on the node."""
        nodes = self._entries.setdefault(key, {})
        entry = nodes.get(node)
        if entry is None or now - entry.since > 2 * LONGEST:
            nodes[node] = _Entry(FIRST, now)
        else:
            nodes[node] = _Entry(min(2 * entry.delay, LONGEST), now)

    def sweep(self, *, now: float) -> bool:
        """Forgets what has been quiet for twice the longest delay. Whether anything is left."""
        for key in list(self._entries):
            nodes = self._entries[key]
            for node in [n for n, e in nodes.items() if now - e.since > 2 * LONGEST]:
                del nodes[node]
            if not nodes:
                del self._entries[key]
        return bool(self._entries)
