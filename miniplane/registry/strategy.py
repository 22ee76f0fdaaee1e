"""What a kind may do differently on the generic path.

A strategy is the counterpart of a `rest.*Strategy` of the real API server: flags, and hooks that
are called in one fixed order. Hooks may change `obj`, which belongs to the request; `old` is
shared and frozen.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from miniplane.api import validation, warnings
from miniplane.api.field import FieldError
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions, User
from miniplane.api.resources import Resource

if TYPE_CHECKING:
    from miniplane.registry.context import Context


Finish = Callable[[bool], None]
"""Ends what `begin_create` or `begin_update` began: with True when the write was made, with False
when it was refused, or was a dry run."""


def nothing(written: bool) -> None:
    """The Finish of those who began nothing."""


class Strategy:
    """The generic strategy: what most kinds do."""

    generation: ClassVar[bool] = False
    """Whether metadata.generation counts the changes of the spec."""
    keep_status_on_create: ClassVar[bool] = False
    returns_deleted: ClassVar[bool] = False
    """Whether a DELETE that is carried out at once answers the object, not a Status."""
    terminates: ClassVar[bool] = False
    """Whether a delete marks an object as Terminating, to stay until `spec.finalizers` is empty."""
    unconditional_update: ClassVar[bool] = True
    """Whether an update without a resourceVersion is taken."""
    create_on_update: ClassVar[bool] = False
    """Whether a PUT may create."""
    default_propagation: ClassVar[str] = "Background"
    """What becomes of the dependents where a delete does not say."""
    owns: ClassVar[bool] = True
    """Whether there can be dependents; where not, a delete's propagation policy means nothing."""
    status_keeps_metadata: ClassVar[tuple[str, ...]] = ()
    """Metadata fields that a write to the status subresource may not change."""

    def __init__(self, resource: Resource):
        self.resource = resource
        self.has_status = resource.subresource("status") is not None
        self._warnings = warnings.RULES.get((resource.group, resource.kind))

    def first_delete(self, obj: Obj, context: "Context") -> Obj | None:
        """What the first delete makes of an object that stays on for a while; None for most kinds,
        which go at once or wait for finalizers or a grace period."""
        return None

    def begin_create(self, obj: Obj, context: "Context") -> Finish:
        """Called first: take for a new object what others must not get meanwhile."""
        return nothing

    def begin_update(self, obj: Obj, old: Obj, context: "Context") -> Finish:
        """As `begin_create`, for an update of the main resource."""
        return nothing

    def prepare_for_create(self, obj: Obj, context: "Context") -> None:
        """Bring a new object into its initial state."""
        if self.has_status and not self.keep_status_on_create:
            self.initial_status(obj)

    def note_author(self, obj: Obj, user: User) -> None:
        """Note in a new object who has asked for it, where the kind tells that."""

    def initial_status(self, obj: Obj) -> None:
        """Replace the status of a new object."""
        if "status" in obj:
            obj["status"] = {}

    def prepare_for_update(self, obj: Obj, old: Obj, context: "Context") -> None:
        """Keep what an update of the main resource may not change."""
        if self.has_status:
            restore(obj, old, "status")

    def prepare_for_status(self, obj: Obj, old: Obj, context: "Context") -> None:
        """Keep what an update of the status subresource may not change."""
        for key in [*obj, *old]:
            if key not in ("metadata", "status", "kind", "apiVersion"):
                restore(obj, old, key)
        for key in self.status_keeps_metadata:
            restore(obj["metadata"], old["metadata"], key)

    def spec_changed(self, obj: Obj, old: Obj) -> bool:
        """Whether an update counts as a new generation."""
        return obj.get("spec") != old.get("spec")

    def after_delete(self, obj: Obj, context: "Context") -> None:
        """Called when the object has left the store: give back what it had allocated."""

    def grace_period(self, obj: Obj, options: DeleteOptions) -> int | None:
        """The grace period of a delete in seconds; None where the kind knows no such thing."""
        return None

    def should_delete_during_update(self, obj: Obj, old: Obj) -> bool:
        """Whether an update has taken away the last thing that held a deleted object back."""
        metadata = obj["metadata"]
        return (
            "deletionTimestamp" in old["metadata"]
            and not metadata.get("finalizers")
            and not metadata.get("deletionGracePeriodSeconds")
        )

    def validate(self, obj: Obj) -> list[FieldError]:
        """What is wrong with a new object."""
        return validation.create(self.resource, obj)

    def validate_update(
        self, obj: Obj, old: Obj, subresource: str, warnings: list[str]
    ) -> list[FieldError]:
        """What is wrong with a changed object; `warnings` takes what is no reason to refuse it."""
        return validation.update(self.resource, obj, old, subresource=subresource)

    def warnings_on_create(self, obj: Obj) -> Sequence[str]:
        """What to say of a new object that is stored all the same."""
        return () if self._warnings is None else self._warnings.create(obj)

    def warnings_on_delete(self, options: DeleteOptions) -> Sequence[str]:
        return ()

    def warnings_on_update(self, obj: Obj, old: Obj) -> Sequence[str]:
        return () if self._warnings is None else self._warnings.update(obj, old)


def restore(obj: dict[str, Any], old: dict[str, Any], key: str) -> None:
    """Make `obj[key]` what `old[key]` is, absence included."""
    if key in old:
        obj[key] = old[key]
    else:
        obj.pop(key, None)
