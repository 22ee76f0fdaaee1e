"""Writes that have to wait for somebody's answer, in a registry that never waits.

A write that meets a webhook whose answer is not known yet raises `Unanswered`, with the questions.
Whoever can wait (`miniplane.client.webhooks`) gets the answers, adds them to the write's `Session`
and makes the write again, from the beginning:

    write            -> Unanswered(a.example.com?)
    ask, write again -> Unanswered(b.example.com?, c.example.com?)
    ask both, again  -> stored

So that the second time is like the first, a session stops the clock and repeats what was drawn by
chance: names, uids, addresses. An answer belongs to a webhook and to the very request that it was
asked about: when the object has been changed by somebody else meanwhile, the webhook is asked
again.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from miniplane.clock import Clock, Moment
from miniplane.ids import Draws

T = TypeVar("T")

ROUNDS = 1_000
"""How often a write may be made over."""
CHANGES = 5
"""How often it may find that the object is not the one that was asked about, before it gives up."""


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A request to a webhook. `body` is the review as JSON, all but the request's uid.

    `url` is what messages show, `address` what is called (a service's URL says nothing of where its
    server listens); `problem`, where it is not empty, is why it cannot be called at all.
    """

    key: tuple[str, ...]
    """Which webhook, in which round: what stays the same when the object does not."""
    body: bytes
    url: str
    address: str = ""
    ca_bundle: str = ""
    server_name: str = ""
    """Whose certificate is wanted, where that does not follow from the address."""
    timeout: float = 10.0
    problem: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a decoded JSON document, or why the call failed, in client-go's words."""

    uid: str = ""
    """The uid that the request was sent under."""
    document: Any = None
    failure: str = ""


class Unanswered(Exception):
    """A write waits for answers to `questions`, which may be asked at the same time."""

    def __init__(self, questions: Sequence[Question]):
        super().__init__(", ".join(question.url for question in questions))
        self.questions = questions


class Session:
    """What one write knows already."""

    def __init__(self, clock: Clock, uid: str):
        """`uid` is one that nothing else has: those of the requests are made from it."""
        self.clock = Moment(clock)
        self._uid = uid
        self.draws = Draws()
        self.changes = 0
        """How often an object was no longer the one that a webhook had been asked about."""
        self._answers: dict[tuple[tuple[str, ...], bytes], Answer] = {}
        self._asked: dict[tuple[str, ...], bytes] = {}
        self._kept: dict[Any, Any] = {}

    def add(self, question: Question, answer: Answer) -> None:
        before = self._asked.get(question.key)
        if before is not None and before != question.body:
            self.changes += 1
        self._asked[question.key] = question.body
        self._answers[question.key, question.body] = answer

    def answer(self, question: Question) -> Answer | None:
        return self._answers.get((question.key, question.body))

    def uid(self, question: Question) -> str:
        """The uid of the request to a webhook."""
        told = "\0".join((self._uid, *question.key)).encode()
        digits = hashlib.sha256(told + question.body).hexdigest()
        parts = (digits[:8], digits[8:12], f"4{digits[13:16]}", f"a{digits[17:20]}", digits[20:32])
        return "-".join(parts)

    def keep(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` gave the first time."""
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found
