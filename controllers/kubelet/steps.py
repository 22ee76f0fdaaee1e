"""What a stage of a pod's life comes to: the new status, events, and what is to be remembered."""

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence

from miniplane.api.objects import Obj


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """An event about a pod, or one of its containers."""

    reason: str
    message: str
    type: str = "Normal"
    field_path: str = ""
    """`spec.containers{NAME}` for a container."""
    image: str = ""
    """The image that has arrived on the machine with this."""
    times: int = 1
    """How often it is told."""
    annotations: Mapping[str, str] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What a stage does: the new status if there is one, the events, or the removal of the pod;
    and which containers it starts or sees end, with the number of their run."""

    status: Obj | None = None
    events: Sequence[Told] = ()
    remove: bool = False
    begins: Sequence[tuple[str, int]] = ()
    ends: Sequence[tuple[str, int]] = ()
    pulls: Sequence[str] = ()
    """Containers whose image could not be pulled."""
    failed: Mapping[str, tuple[str, float]] = dataclasses.field(default_factory=dict)
    """Containers of which it tells that a probe has failed: which, and when."""
    reminds: Iterable[str] = ()
    """Containers of which it tells that they wait."""
    unmounted: Hashable = None
    """The volume that could not be mounted."""
    complained: str = ""
    """What it says of annotations that cannot be meant."""
