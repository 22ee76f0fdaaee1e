"""What can go wrong in the store. The registry translates these into Status reasons."""


class StoreError(Exception):
    """The base of the store's errors."""


class KeyExists(StoreError):
    """A create met a key that is there already."""

    def __init__(self, key: str):
        super().__init__(f"key exists: {key}")
        self.key = key


class KeyNotFound(StoreError):
    """A read, update or delete named a key that is not there."""

    def __init__(self, key: str):
        super().__init__(f"key not found: {key}")
        self.key = key


class RevisionConflict(StoreError):
    """An update or delete expected another value than the one that is there."""

    def __init__(self, key: str):
        super().__init__(f"the value has changed: {key}")
        self.key = key


class Compacted(StoreError):
    """The revision asked for has left the window.

    `oldest` is the first revision from which a watch could start, or at which a range could be
    read.
    """

    def __init__(self, revision: int, oldest: int):
        super().__init__(f"revision {revision} is compacted, the oldest is {oldest}")
        self.revision = revision
        self.oldest = oldest


class FutureRevision(StoreError):
    """The revision asked for has not been written yet."""

    def __init__(self, revision: int, current: int):
        super().__init__(f"revision {revision} is not written yet, the latest is {current}")
        self.revision = revision
        self.current = current
