"""apps/v1 StatefulSet, as its controller reads it."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from miniplane.api.models.base import Model, Status
from miniplane.api.models.meta import LabelSelector, ObjectMeta
from miniplane.api.objects import Obj


class RollingUpdateStatefulSetStrategy(Model):
    max_unavailable: int | str | None = None
    """A number of pods or a percentage; behind the gate MaxUnavailableStatefulSet."""
    partition: int = 0
    """Pods below this ordinal (counted from `ordinals.start`) stay at the current revision."""


class StatefulSetUpdateStrategy(Model):
    type: str = "RollingUpdate"
    rolling_update: RollingUpdateStatefulSetStrategy | None = None


class StatefulSetPersistentVolumeClaimRetentionPolicy(Model):
    when_deleted: Literal["Retain", "Delete"] = "Retain"
    when_scaled: Literal["Retain", "Delete"] = "Retain"


class StatefulSetOrdinals(Model):
    start: int = 0


class StatefulSetSpec(Model):
    min_ready_seconds: int = 0
    ordinals: StatefulSetOrdinals = StatefulSetOrdinals()
    persistent_volume_claim_retention_policy: StatefulSetPersistentVolumeClaimRetentionPolicy = (
        StatefulSetPersistentVolumeClaimRetentionPolicy()
    )
    pod_management_policy: str = "OrderedReady"
    replicas: int = 1
    revision_history_limit: int = 10
    selector: LabelSelector
    service_name: str = ""
    template: Obj
    update_strategy: StatefulSetUpdateStrategy = StatefulSetUpdateStrategy()
    volume_claim_templates: tuple[Obj, ...] = ()


class StatefulSetStatus(Status):
    ALWAYS: ClassVar[tuple[str, ...]] = ("replicas", "available_replicas")

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    current_replicas: int = 0
    updated_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    collision_count: int | None = None
    available_replicas: int = 0

    def to_obj(self, *always: str) -> Obj:
        """As `{"replicas": 0, "availableReplicas": 0}` when nothing is there yet."""
        shown = ("collision_count",) if self.collision_count is not None else ()
        return super().to_obj(*self.ALWAYS, *shown, *always)


class StatefulSet(Model):
    metadata: ObjectMeta
    spec: StatefulSetSpec
    status: StatefulSetStatus = Field(default_factory=StatefulSetStatus)

    @classmethod
    def of(cls, obj: Any) -> "StatefulSet":
        return cls.model_validate(obj)

    @property
    def start(self) -> int:
        """The lowest ordinal."""
        return self.spec.ordinals.start

    @property
    def end(self) -> int:
        """One more than the highest ordinal."""
        return self.spec.ordinals.start + self.spec.replicas

    @property
    def monotonic(self) -> bool:
        """Whether pods come and go one at a time, in order."""
        return self.spec.pod_management_policy != "Parallel"
