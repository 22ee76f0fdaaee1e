"""Which objects a list or watch is about: its label and field selectors."""

import dataclasses
from typing import Any

from miniplane.api.options import ListOptions
from miniplane.api.resources import Resource
from miniplane.api.selectors import fields as field_selectors
from miniplane.api.selectors import labels as label_selectors
from miniplane.registry.stored import Stored


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """A label selector and a field selector, parsed. `everything` means: neither."""

    labels: Any
    fields: Any
    everything: bool

    @classmethod
    def parse(cls, resource: Resource, options: ListOptions) -> "Filter":
        if not options.label_selector and not options.field_selector:
            return _EVERYTHING
        labels = fields = None
        if options.label_selector:
            labels = label_selectors.parse(options.label_selector)
            if labels.empty:
                labels = None
        if options.field_selector:
            fields = field_selectors.parse(options.field_selector, resource)
            if fields.empty:
                fields = None
        return cls(labels, fields, labels is None and fields is None)

    def matches(self, stored: Stored) -> bool:
        """Whether an object, in the form of the list's resource, is chosen."""
        obj = stored.obj
        if self.labels is not None and not self.labels.matches(obj["metadata"].get("labels") or {}):
            return False
        return self.fields is None or self.fields.matches(obj)


_EVERYTHING = Filter(None, None, True)
