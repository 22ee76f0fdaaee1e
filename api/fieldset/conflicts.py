"""Conflicts of an apply: fields that it would change and that somebody else owns.

Follows structured-merge-diff's `merge/conflict.go` and apimachinery's
`util/managedfields/internal/conflict.go`.
"""

from collections.abc import Iterator

from miniplane.api.errors import StatusError
from miniplane.api.fieldset import entries, problems, sets
from miniplane.api.fieldset.entries import UPDATE, Entry
from miniplane.api.fieldset.sets import LEAF, FieldSet


class Conflicts(Exception):
    """The fields in conflict by the entry of their owner."""

    def __init__(self, found: list[tuple[Entry, FieldSet]]):
        super().__init__("the apply has conflicts")
        self.found = sorted(found, key=lambda pair: entries.identifier(pair[0]))

    def without(self, allowed: FieldSet) -> "Conflicts | None":
        """The conflicts about other fields than `allowed`, None when there are none."""
        left = [(owner, sets.difference(fields, allowed)) for owner, fields in self.found]
        left = [(owner, fields) for owner, fields in left if fields]
        return Conflicts(left) if left else None

    def error(self) -> StatusError:
        """The 409 that names every field and its owner."""
        causes = []
        lines = []
        for owner, fields in self.found:
            name = _shown(owner)
            places = [problems.path_text(path) for path in _members(fields)]
            lines += [f"conflicts with {name}:", *(f"- {place}" for place in places)]
            causes += [
                {
                    "reason": "FieldManagerConflict",
                    "message": f"conflict with {name}",
                    "field": place,
                }
                for place in places
            ]
        if len(causes) == 1:
            text = f"1 conflict: {causes[0]['message']}: {causes[0]['field']}"
        else:
            text = f"{len(causes)} conflicts: " + "\n".join(lines)
        return StatusError(409, "Conflict", f"Apply failed with {text}", {"causes": causes})


def _shown(owner: Entry) -> str:
    text = problems.quoted(owner.get("manager", ""))
    if owner.get("subresource"):
        text += f" with subresource {problems.quoted(owner['subresource'])}"
    if owner["operation"] == UPDATE:
        text += f" using {owner['apiVersion']}"
    return text


def _members(node: FieldSet, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every member of a set: those of one level before those below them."""
    for element, below in node.items():
        if element != "." and (below == LEAF or "." in below):
            yield (*prefix, element)
    for element, below in node.items():
        if element != "." and below:
            yield from _members(below, (*prefix, element))
