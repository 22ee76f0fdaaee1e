"""apps/v1 DaemonSet, as its controller reads it."""

from typing import Any, ClassVar

from pydantic import Field

from miniplane.api.models.base import Model, Status
from miniplane.api.models.meta import LabelSelector, ObjectMeta
from miniplane.api.objects import Obj


class RollingUpdateDaemonSet(Model):
    """Numbers of nodes, or percentages of those that should run a pod (rounded up)."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None


class DaemonSetUpdateStrategy(Model):
    type: str = "RollingUpdate"
    rolling_update: RollingUpdateDaemonSet | None = None


class DaemonSetSpec(Model):
    min_ready_seconds: int = 0
    revision_history_limit: int = 10
    selector: LabelSelector
    template: Obj
    update_strategy: DaemonSetUpdateStrategy = DaemonSetUpdateStrategy()


class DaemonSetStatus(Status):
    ALWAYS: ClassVar[tuple[str, ...]] = (
        "current_number_scheduled",
        "number_misscheduled",
        "desired_number_scheduled",
        "number_ready",
    )

    current_number_scheduled: int = 0
    number_misscheduled: int = 0
    desired_number_scheduled: int = 0
    number_ready: int = 0
    observed_generation: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0
    number_unavailable: int = 0
    collision_count: int | None = None

    def to_obj(self, *always: str) -> Obj:
        """As `{"currentNumberScheduled": 0, "numberMisscheduled": 0, ...}`, zeros of others out."""
        shown = ("collision_count",) if self.collision_count is not None else ()
        return super().to_obj(*self.ALWAYS, *shown, *always)


class DaemonSet(Model):
    metadata: ObjectMeta
    spec: DaemonSetSpec
    status: DaemonSetStatus = Field(default_factory=DaemonSetStatus)

    @classmethod
    def of(cls, obj: Any) -> "DaemonSet":
        return cls.model_validate(obj)
