"""What a controller has done but not yet seen in its informer.

Follows ControllerExpectations and UIDTrackingControllerExpectations of Kubernetes'
`pkg/controller/controller_utils.go`. A controller that makes objects with generated names must not
count them twice: it says how many creations and which deletions it is about to cause, lowers the
count as its informer shows them, and acts again for that key only when all have been seen.

    expect_creations("a/web", 3)     satisfied("a/web") -> False
    creation_observed("a/web")       twice; still False
    creation_failed("a/web")         the third will never come: True
"""

from collections.abc import Iterable

from miniplane.clock import Clock

TIMEOUT = 300.0
"""Seconds after which an unmet expectation no longer holds anybody up."""


class _Expected:
    __slots__ = ("creations", "deletions", "since")

    def __init__(self, since: float):
        self.since = since
        self.creations = 0
        self.deletions: dict[str, None] = {}


class Expectations:
    """By the key of the owner. A deletion is known by any name that is sure: a uid or a key."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._expected: dict[str, _Expected] = {}

    def _open(self, key: str) -> _Expected:
        expected = self._expected.get(key)
        if expected is None:
            expected = self._expected[key] = _Expected(0.0)
        expected.since = self._clock.time()
        return expected

    def expect_creations(self, key: str, count: int) -> None:
        """`count` more objects are about to be created for `key`."""
        if count > 0:
            self._open(key).creations += count

    def expect_deletions(self, key: str, names: Iterable[str]) -> None:
        """These objects are about to be deleted for `key`."""
        names = list(names)
        if names:
            self._open(key).deletions.update(dict.fromkeys(names))

    def creation_observed(self, key: str) -> None:
        """The informer showed a new object of `key`; or, see below, one will never come."""
        self.creation_failed(key)

    def creation_failed(self, key: str, count: int = 1) -> None:
        """`count` of the expected creations did not happen."""
        expected = self._expected.get(key)
        if expected is not None:
            expected.creations = max(0, expected.creations - count)

    def deletion_observed(self, key: str, name: str) -> None:
        """The informer showed that `name` is gone or going; or its deletion failed."""
        expected = self._expected.get(key)
        if expected is not None:
            expected.deletions.pop(name, None)

    def satisfied(self, key: str) -> bool:
        """Whether `key` may be acted on: everything seen, nothing expected, or `TIMEOUT` over."""
        left = self.expires_in(key)
        return left is None or left <= 0

    def expires_in(self, key: str) -> float | None:
        """Seconds until an unmet expectation of `key` gives up; None when nothing is awaited."""
        expected = self._expected.get(key)
        if expected is None or not (expected.creations or expected.deletions):
            return None
        return expected.since + TIMEOUT - self._clock.time()

    def pending_deletions(self, key: str) -> list[str]:
        """The deletions of `key` that have not been seen."""
        expected = self._expected.get(key)
        return list(expected.deletions) if expected is not None else []

    def forget(self, key: str) -> None:
        """The owner is gone."""
        self._expected.pop(key, None)
