"""What has been decided on access, for as long as roles and bindings stay as they are."""

from miniplane.api.options import User
from miniplane.api.rbac import Attributes, Decision

_MOST = 4096


class Decisions:
    """Decisions by user and what he asked for; all are forgotten when the rules change.

    A client asks for the same again and again, and looking through all bindings takes longer than
    most requests.
    """

    def __init__(self) -> None:
        self._rules: object = None
        self._made: dict[tuple[User, Attributes], Decision] = {}

    def find(self, rules: object, user: User, asked: Attributes) -> Decision | None:
        """What was decided under these very rules, told by the revisions that they have."""
        if rules != self._rules:
            self._rules = rules
            self._made.clear()
        return self._made.get((user, asked))

    def note(self, user: User, asked: Attributes, decision: Decision) -> Decision:
        """Remember what has just been decided, after `find`."""
        if len(self._made) >= _MOST:
            self._made.clear()
        self._made[user, asked] = decision
        return decision
