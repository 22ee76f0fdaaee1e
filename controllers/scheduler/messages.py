"""What the scheduler says when a pod finds no node, in conditions and events alike.

>>> from miniplane.controllers.scheduler.filters import Refusal
>>> why = [Refusal("TaintToleration", ("node(s) had untolerated taint(s)",))]
>>> unschedulable(3, refusals=[*why, *why, *why], preemption=not_helpful(3))
'0/3 nodes are available: 3 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.'
"""  # noqa: E501

import typing
from collections.abc import Iterable

if typing.TYPE_CHECKING:
    from miniplane.controllers.scheduler.filters import Refusal

NO_NODES = "no nodes available to schedule pods"
PREEMPTION_USELESS = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
NEVER_PREEMPTS = "not eligible due to preemptionPolicy=Never."
VICTIMS_LEAVING = "not eligible due to a terminating pod on the nominated node."

_LONGEST_NOTE = 1024


def count(nodes: int, reasons: Iterable[tuple[str, int]]) -> str:
    """`0/3 nodes are available: 1 x, 2 y.`: reasons with their numbers, sorted as text."""
    texts = sorted(f"{number} {reason}" for reason, number in reasons if number)
    told = f" {', '.join(texts)}." if texts else ""
    return f"0/{nodes} nodes are available:{told}"


def histogram(reasons: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return counts


def not_helpful(nodes: int) -> str:
    return count(nodes, [(PREEMPTION_USELESS, nodes)])


def unschedulable(
    nodes: int,
    *,
    refusals: Iterable["Refusal"],
    preemption: str,
    absent: str = "",
    absents: int = 0,
) -> str:
    """No node can take the pod. `absent` is said of the `absents` nodes nobody looked at; an
    empty `preemption` means that room is being made."""
    counts = histogram(reason for refusal in refusals for reason in refusal.reasons)
    if absent:
        counts[absent] = counts.get(absent, 0) + absents
    text = count(nodes, counts.items())
    if preemption:
        text += f" no new claims to deallocate, preemption: {preemption}"
    return text


def problem(nodes: int, what: str) -> str:
    """The pod itself stands in the way, whatever the node: a claim of it is missing or unbound."""
    return f"0/{nodes} nodes are available: {what}. not found"


def note(text: str) -> str:
    """A message, cut to what an event may hold."""
    return text if len(text) <= _LONGEST_NOTE else text[: _LONGEST_NOTE - 4] + " ..."
