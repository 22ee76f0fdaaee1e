"""Rows of the table, and how two servers are measured side by side."""

from collections.abc import Callable, Sequence

from benchmarks.process import Connection, Server, cpu_per_call

ROUNDS = 7


def head() -> None:
    print("| what | measured | beside | to reach |\n|---|---|---|---|")


def row(what: str, figure: str, beside: str = "", budget: str = "") -> None:
    print(f"| {what} | {figure} | {beside} | {budget} |", flush=True)


def micro(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} us" if seconds < 0.01 else f"{seconds * 1e3:.1f} ms"


def middle(pairs: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """The median by the first figure of each."""
    return sorted(pairs)[len(pairs) // 2]


def against(
    ours: Server,
    bare: Server,
    request: Callable[[int], bytes],
    floor: bytes,
    *,
    count: int,
    what: str,
    budget: str = "",
    rounds: int = ROUNDS,
) -> None:
    """A row: the CPU of a request and that of the bare handler's, in turn.

    `request(i)` makes the i-th of all requests to `ours`, `floor` is the one to `bare`.
    """
    one, two = Connection(ours), Connection(bare)
    pairs = []
    made = 0
    for _ in range(rounds):
        requests = [request(i) for i in range(made, made + count)]
        made += count
        mine = cpu_per_call(ours, lambda i, r=requests: one.ask(r[i]), count)
        least = cpu_per_call(bare, lambda i: two.ask(floor), count)
        pairs.append((mine / least, mine, least))
    ratio, mine, least = middle(pairs)
    row(what, micro(mine), f"{micro(least)} bare: {ratio:.2f} times", budget)
