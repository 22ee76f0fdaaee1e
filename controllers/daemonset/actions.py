"""What a plan is made of."""

import dataclasses
from typing import TypeAlias


@dataclasses.dataclass(frozen=True, slots=True)
class Tell:
    """An event of the set that goes before what is done."""

    type: str
    reason: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class CreatePod:
    node: str


@dataclasses.dataclass(frozen=True, slots=True)
class DeletePod:
    name: str
    uid: str


Action: TypeAlias = Tell | CreatePod | DeletePod


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order: tell, create in batches of 1, 2, 4..., delete."""

    tell: tuple[Tell, ...] = ()
    create: tuple[CreatePod, ...] = ()
    delete: tuple[DeletePod, ...] = ()
    failed_on: tuple[str, ...] = ()
    """The nodes on which a failed pod is deleted."""
    retry_after: float | None = None
    """Seconds until time alone makes a difference."""

    @property
    def actions(self) -> tuple[Action, ...]:
        return (*self.tell, *self.create, *self.delete)
