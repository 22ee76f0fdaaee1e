"""What a write changes in an object, as the field sets that ownership is made of."""

import functools

from miniplane.api import schema
from miniplane.api.fieldset import resets, sets, walk
from miniplane.api.fieldset.sets import FieldSet
from miniplane.api.fieldset.zero import zero
from miniplane.api.objects import Obj
from miniplane.api.schema import Node

NEVER_OWNED = frozenset(
    {
        "clusterName",
        "creationTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""Fields of metadata that nobody owns, like `apiVersion` and `kind`."""

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_shapes = walk.Shapes()


class Tracker:
    """Compares objects of one kind for one of its endpoints.

    `root` is the kind's schema; `custom` says that it is a custom resource's, whose objects start
    empty and may hold JSON that the schema does not know. `reset` are paths that do not count,
    `kept` (when not empty) the only ones that do, as elements in which `*` is any.
    """

    def __init__(
        self,
        root: Node,
        *,
        custom: bool = False,
        reset: resets.Paths = (),
        kept: resets.Paths = (),
    ):
        shapes = walk.Shapes(granular_json=True) if custom else _shapes
        self._zero = {} if custom else zero(root)
        self._skip = frozenset({"apiVersion", "kind"} | {p[0] for p in reset if len(p) == 1})
        self._reset = sets.from_paths([[f"f:{n}" for n in p] for p in reset if len(p) > 1])
        self._all_resets = sets.from_paths([[f"f:{n}" for n in p] for p in reset])
        self._kept = kept
        self._fields = walk.root_table(root, shapes)
        meta = schema.node(_OBJECT_META)
        self._meta = walk.fields(meta, shapes, NEVER_OWNED)[1]

    def compare(self, old: Obj | None, new: Obj) -> tuple[FieldSet, FieldSet]:
        """The paths that are new or changed in `new`, and those that it has no more.

        `old` is None for an object that is being created. `walk.Untrackable` for objects that do
        not fit the schema.
        """
        if old is None:
            old = self._zero
        own: FieldSet = {}
        gone: FieldSet = {}
        skip = self._skip
        for name, value in new.items():
            if name in skip:
                continue
            before = old.get(name, walk.ABSENT)
            if before is value:
                continue
            if name == "metadata":
                more, less = self._meta({} if before is walk.ABSENT else before, value)
                more, less = more or None, less or None  # nobody owns metadata itself
            elif before is walk.ABSENT and name not in self._zero:
                _, below, _ = self._fields[name]
                own["f:" + name] = sets.LEAF if below is None else below(value)
                continue
            else:
                if before is walk.ABSENT:
                    before = self._zero[name]
                if before == value:
                    continue
                compare = self._fields[name][2]
                more, less = walk.CHANGED if compare is None else compare(before, value)
            if more is not None:
                own["f:" + name] = more
            if less is not None:
                gone["f:" + name] = less
        for name, value in old.items():
            if name not in new and name not in skip:
                _, below, _ = self._fields[name]
                gone["f:" + name] = sets.LEAF if below is None else below(value)
        return self._filtered(own), self._filtered(gone)

    def tracked(self, found: FieldSet) -> FieldSet:
        """The paths of a set that count at this endpoint."""
        if self._all_resets:
            found = sets.without_prefixes(found, self._all_resets)
        return sets.only_prefixes(found, self._kept) if self._kept else found

    def _filtered(self, found: FieldSet) -> FieldSet:
        if not found:
            return found
        if self._reset:
            found = sets.without_prefixes(found, self._reset)
        if self._kept:
            found = sets.only_prefixes(found, self._kept)
        return sets.in_order(found) if len(found) > 1 else found


@functools.cache
def tracker(definition: str, reset: resets.Paths | None, subresource: str) -> Tracker:
    """The tracker of a served kind's endpoint; `reset` None for what the real endpoint resets."""
    kept = resets.kept_fields(subresource)
    if reset is None:
        reset = () if kept else resets.reset_fields(definition, subresource)
    return Tracker(schema.node(definition), reset=reset, kept=kept)


@functools.lru_cache(maxsize=256)
def custom_tracker(root: Node, reset: resets.Paths | None, subresource: str) -> Tracker:
    """The tracker of a custom resource's endpoint. `root` is the schema of its objects."""
    if reset is None:
        reset = resets.reset_fields("", subresource)
    return Tracker(root, custom=True, reset=reset)
