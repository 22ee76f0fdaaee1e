"""What a kind's table is made of: columns and a function from an object to its cells."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from miniplane.api import schema
from miniplane.api.objects import Obj

Cells: TypeAlias = Callable[[Obj, float], list[Any]]
"""One row's cells. Takes the object and the time (unix seconds) that ages are counted to."""


class Doc(NamedTuple):
    """A column described in the words of an API field, such as `("v1.PodStatus", "podIP")`."""

    definition: str
    field: str

    def text(self) -> str:
        return _published(self.definition, self.field)


@functools.lru_cache(maxsize=512)
def _published(definition: str, field: str) -> str:
    try:
        described = schema.describe(definition)
    except KeyError:
        return ""
    return described.get("properties", {}).get(field, {}).get("description", "")


_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def doc(definition: str, field: str) -> Doc:
    """The words of a field of `io.k8s.api.<definition>`."""
    return Doc(f"io.k8s.api.{definition}", field)


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A `TableColumnDefinition`; priority 1 is shown by `kubectl get -o wide` only."""

    name: str
    type: str
    description: str | Doc = ""
    priority: int = 0
    format: str = ""

    def definition(self) -> Obj:
        description = self.description
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": description.text() if isinstance(description, Doc) else description,
            "priority": self.priority,
        }


NAME = Column("Name", "string", Doc(_META, "name"), format="name")
AGE = Column("Age", "string", Doc(_META, "creationTimestamp"))
AGE_DATE = Column("Age", "date", Doc(_META, "creationTimestamp"))
CREATED_AT = Column("Created At", "date", Doc(_META, "creationTimestamp"))


@dataclasses.dataclass(frozen=True, slots=True)
class Printer:
    """How one kind is shown as a table."""

    columns: tuple[Column, ...]
    cells: Cells
    conditions: Callable[[Obj], list[Obj]] | None = None
    """The `conditions` of a row, empty for most rows."""
    order: Callable[[Sequence[Obj]], Sequence[Obj]] | None = None
    """The order of the rows of a list, where it is not the list's own."""
    null_when_empty: bool = False
    """Whether the real server sends `rows: null`, not `[]`, for an empty list of this kind."""


def printer(cells: Cells, *columns: Column, **more: Any) -> Printer:
    return Printer(columns, cells, **more)
