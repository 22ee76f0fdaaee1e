"""Field ownership: `metadata.managedFields` as structured-merge-diff keeps it.

`update_managers` is what a create, an update or a patch does to it, `update_scale_managers` what a
write of the scale subresource does, `apply` what server-side apply does to it and to the object.
`sets` is the algebra of field sets; `Tracker` tells what differs between two objects in terms of
them.
"""

from miniplane.api.fieldset.apply import Applied, apply, group_version_kind, shown
from miniplane.api.fieldset.entries import Entries, Entry, same_but_times
from miniplane.api.fieldset.managers import update_managers
from miniplane.api.fieldset.merging import Atomic, merged
from miniplane.api.fieldset.resets import Paths, kept_fields, reset_fields
from miniplane.api.fieldset.scale import (
    managers_of_parent,
    managers_of_scale,
    update_scale_managers,
)
from miniplane.api.fieldset.sets import FieldSet
from miniplane.api.fieldset.tracker import NEVER_OWNED, Tracker

__all__ = [
    "NEVER_OWNED",
    "Applied",
    "Atomic",
    "Entries",
    "Entry",
    "FieldSet",
    "Paths",
    "Tracker",
    "apply",
    "group_version_kind",
    "kept_fields",
    "managers_of_parent",
    "managers_of_scale",
    "merged",
    "reset_fields",
    "same_but_times",
    "shown",
    "update_managers",
    "update_scale_managers",
]
