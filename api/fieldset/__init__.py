"""Field ownership: `metadata.managedFields` as structured-merge-diff keeps it.

`update_managers` is what a create, an update or a patch does to it, `update_scale_managers` what a
write of the scale subresource does. `sets` is the algebra of field sets; `Tracker` tells what
differs between two objects in terms of them.
"""

from miniplane.api.fieldset.entries import Entries, Entry, same_but_times
from miniplane.api.fieldset.managers import update_managers
from miniplane.api.fieldset.resets import kept_fields, reset_fields
from miniplane.api.fieldset.scale import update_scale_managers
from miniplane.api.fieldset.sets import FieldSet
from miniplane.api.fieldset.tracker import NEVER_OWNED, Tracker

__all__ = [
    "NEVER_OWNED",
    "Entries",
    "Entry",
    "FieldSet",
    "Tracker",
    "kept_fields",
    "reset_fields",
    "same_but_times",
    "update_managers",
    "update_scale_managers",
]
