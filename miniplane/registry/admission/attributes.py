"""What an admission plugin gets to see of a request."""

import dataclasses
from collections.abc import Callable

from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry.context import Context


@dataclasses.dataclass(slots=True)
class Attributes:
    """`operation` is CREATE, UPDATE or DELETE; `old` is None for a CREATE and frozen otherwise.

    `name` is `""` as long as it is yet to be made from generateName: while plugins may still change
    the object.
    """

    context: Context
    operation: str
    resource: Resource
    namespace: str
    name: str
    obj: Obj
    old: Obj | None
    options: WriteOptions
    warnings: list[str]
    subresource: str = ""
    afterwards: list[Callable[[], None]] = dataclasses.field(default_factory=list)
    """What is to be done once the object has been stored."""

    @property
    def called(self) -> str:
        """What a refusal calls the object: its name, or what its name is to be made from."""
        return self.name or self.obj["metadata"].get("generateName") or "Unknown"
