"""What a form of a kubectl command is: its line, what it needs, and what has to come of it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.e2e.matrix.scene import Outcome, Scene

Manifest = dict[str, Any]
Given = Manifest | str | Callable[[Scene], object]
"""An object to create and wait for; a kubectl line to run first; anything else."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One row of docs/kubectl.md.

    Texts are compared word by word. `…` stands for anything in a word, and alone for any words;
    `{ns}` in a text or in a line is the namespace that the form runs in.
    """

    line: str
    """What comes after `kubectl`, as in a shell. It is the row's name, so no two are the same."""
    given: Sequence[Given] = ()
    files: Mapping[str, str | Manifest] = dataclasses.field(default_factory=dict)
    """Files in the working folder, by name."""
    stdin: str = ""
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    prints: str | Mapping[int, str] | None = None
    """All of stdout; by the minor from which on it holds. None for anything."""
    complains: str | Mapping[int, str] | None = ""
    """All of stderr, likewise."""
    exits: int = 0
    then: Mapping[str, Any] | Callable[[Scene], object] = dataclasses.field(default_factory=dict)
    """What becomes true, perhaps after a moment: parts of objects by `resource/name`, None for one
    that is gone, or a function that says whether, or asserts it."""
    leaves: Sequence[str] = ()
    """What to take away at once afterwards, outside the namespace or in it, as `resource/name`."""
    run: Callable[[Scene, Sequence[str]], Outcome] | None = None
    """How to run the words of the line, for commands that do not end by themselves."""
    since: int = 0
    """The minor of kubectl that learnt this form."""
    until: int = 1000
    """The first minor that does not know it any more."""
    lacks: bool = False
    """miniplane does not do this: the row of the table shows what kubectl says."""
    flag: str = ""
    """The flag of `miniplane serve` without which it does not do this..."""
    without: str = ""
    """...but complains of this."""

    @property
    def row(self) -> str:
        """What the form is called on the page."""
        return " ".join(self.line.split())

    def known_to(self, minor: int) -> bool:
        return self.since <= minor < self.until


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    title: str
    forms: tuple[Form, ...]


def by_minor(text: str | Mapping[int, str] | None, minor: int) -> str | None:
    """
    >>> by_minor({0: "old", 31: "new"}, 30)
    'old'
    """
    if isinstance(text, Mapping):
        return text[max(first for first in text if first <= minor)]
    return text
