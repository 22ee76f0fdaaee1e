"""What a write leaves in the log."""

from typing import Generic, TypeVar

V = TypeVar("V")


class Event(Generic[V]):
    """One write: a creation, an update or a deletion.

    `value` is what the key holds since this revision; of a deletion, the last word on the value,
    as the writer gave it. `previous` is what it held before, None for a creation.
    """

    __slots__ = ("deleted", "key", "previous", "revision", "value")

    def __init__(self, revision: int, key: str, value: V, previous: V | None, deleted: bool):
        self.revision = revision
        self.key = key
        self.value = value
        self.previous = previous
        self.deleted = deleted

    @property
    def created(self) -> bool:
        return self.previous is None

    def __repr__(self) -> str:
        verb = "delete" if self.deleted else "create" if self.created else "update"
        return f"<{self.revision} {verb} {self.key}>"
