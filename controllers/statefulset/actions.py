"""What a plan is made of: actions as values, in the order in which they are to be taken."""

import dataclasses
from collections.abc import Mapping
from typing import TypeAlias

from miniplane.api.models.statefulset import StatefulSetStatus
from miniplane.api.objects import Obj
from miniplane.controllers.statefulset.claims import Owning


@dataclasses.dataclass(frozen=True, slots=True)
class CreatePod:
    """Make the claims that are missing, then the pod, then see to the owners of its claims.

    `going` names claims that are being deleted: with any, the pod cannot be made.
    """

    name: str
    pod: Obj
    claims: tuple[Obj, ...] = ()
    going: tuple[str, ...] = ()
    owning: tuple[Owning, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class MakeClaims:
    """Make the claims that a pending pod lacks."""

    name: str
    claims: tuple[Obj, ...]
    going: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class OwnClaims:
    """Give claims the owners that the retention policy asks for."""

    name: str
    owning: tuple[Owning, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class UpdatePod:
    """Give a pod the labels and volumes of its ordinal; None or empty leaves them alone."""

    name: str
    labels: Mapping[str, str]
    volumes: tuple[Obj, ...] | None = None
    """The claim volumes that the pod is to have."""
    claims: tuple[Obj, ...] = ()
    going: tuple[str, ...] = ()
    owning: tuple[Owning, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class DeletePod:
    name: str
    uid: str


Action: TypeAlias = CreatePod | MakeClaims | OwnClaims | UpdatePod | DeletePod
Step: TypeAlias = tuple[Action, ...]
"""Actions for one pod. The first that fails ends the step."""


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Actions in batches of steps. All steps of a batch are tried; a failure ends the plan."""

    batches: tuple[tuple[Step, ...], ...]
    status: StatefulSetStatus
    """What to write when all went well."""
    status_on_failure: StatefulSetStatus
    waiting: str = ""
    """What the set waits for, as `web-0 to be Running and Ready`; `""` if for nothing."""
    retry_after: float | None = None
    """Seconds until time alone makes a difference."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """All actions, in order."""
        return tuple(action for batch in self.batches for step in batch for action in step)
