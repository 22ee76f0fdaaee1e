"""How long a simulation is: in steps, not in turns, so that one in which nothing happens fails."""

from collections.abc import Iterator


class Steps:
    """Counts what was judged: writes, calls and syncs, whoever made them."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.taken = 0

    def take(self) -> None:
        self.taken += 1

    def turns(self) -> Iterator[int]:
        """Turns until as many steps have been taken as are wanted. AssertionError when turns go by
        in which hardly anything happens."""
        for turn in range(self.wanted):
            if self.taken >= self.wanted:
                return
            yield turn
        raise AssertionError(f"{self.wanted} turns, and only {self.taken} steps")
