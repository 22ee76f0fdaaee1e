"""A pod as a StatefulSet looks at it: with the ordinal in its name."""

import dataclasses

from miniplane.controllers import pods
from miniplane.controllers.pods import PodView


def split_name(name: str) -> tuple[str, int]:
    """The parent and the ordinal in a pod's name; an ordinal of -1 where it is none.

    >>> split_name("web-7"), split_name("web-a"), split_name("web-07")
    (('web', 7), ('', -1), ('web', -1))
    """
    parent, dash, tail = name.rpartition("-")
    if not dash or not (tail.isascii() and tail.isdigit()):
        return "", -1
    if (len(tail) > 1 and tail[0] == "0") or len(tail) > 10 or int(tail) >= 2**31:
        return parent, -1
    return parent, int(tail)


@dataclasses.dataclass(frozen=True, slots=True)
class Replica(PodView):
    """What is derived here is asked of every pod in every sync.

    `settled` pods are running and ready, are not on their way out, and carry their name as a label
    (one that was adopted does not, at first).
    """

    parent: str = dataclasses.field(init=False, compare=False)
    ordinal: int = dataclasses.field(init=False, compare=False)
    settled: bool = dataclasses.field(init=False, compare=False)

    def __post_init__(self) -> None:
        parent, ordinal = split_name(self.name)
        settled = (
            self.ready
            and self.phase == "Running"
            and not self.terminating
            and self.labels.get(pods.POD_NAME_LABEL) == self.name
        )
        object.__setattr__(self, "parent", parent)
        object.__setattr__(self, "ordinal", ordinal)
        object.__setattr__(self, "settled", settled)
