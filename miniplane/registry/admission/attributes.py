"""What an admission plugin gets to see of a request."""

import dataclasses
from collections.abc import Callable

from miniplane.api.objects import Obj, thaw
from miniplane.api.options import DeleteOptions, WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry.context import Context


@dataclasses.dataclass(slots=True)
class Reinvocation:
    """Whether the mutating plugins have to run once more, and which extensions take part in that:
    those that want it, and were followed by one that changed the object."""

    again: bool = False
    second: bool = False
    willing: dict[str, None] = dataclasses.field(default_factory=dict)
    """The extensions that have been asked and would be asked again."""
    due: dict[str, None] = dataclasses.field(default_factory=dict)
    """Those of them that the object has changed for since."""

    output: Obj | None = None
    """The object as the first round left it, until extensions have looked at it again."""

    def begin_second(self, obj: Obj) -> None:
        self.second = True
        self.output = thaw(obj)

    def look(self, obj: Obj) -> None:
        """In the second round: what other plugins have changed meanwhile counts, too."""
        if self.output is not None and self.output != obj:
            self.changed()
        self.output = None

    def changed(self) -> None:
        """The object has been changed."""
        self.due |= self.willing
        self.willing = {}
        self.again = True


@dataclasses.dataclass(slots=True)
class Attributes:
    """`operation` is CREATE, UPDATE, DELETE or CONNECT; `old` is None where there was nothing
    before, and frozen otherwise. A DELETE has the old object as `obj`, too.

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
    part: bool = False
    """Whether `obj` is a subresource's own body (a Binding, an Eviction), not the whole object."""
    delete_options: DeleteOptions | None = None
    reinvocation: "Reinvocation | None" = None
    """What policies and webhooks did to the object; None as long as they did nothing."""
    afterwards: list[Callable[[], None]] = dataclasses.field(default_factory=list)
    """What is to be done once the object has been stored."""

    @property
    def called(self) -> str:
        """What a refusal calls the object: its name, or what its name is to be made from."""
        return self.name or self.obj["metadata"].get("generateName") or "Unknown"
