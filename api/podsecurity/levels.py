"""The labels of a namespace, read as levels and versions.

>>> policy, problems = policy_of({"pod-security.kubernetes.io/enforce": "baseline"})
>>> str(policy.enforce), str(policy.warn), problems
('baseline:latest', 'baseline:latest', [])
"""

import dataclasses
import re
from collections.abc import Mapping

from miniplane.api import field
from miniplane.api.field import FieldError

PREFIX = "pod-security.kubernetes.io/"
LEVELS = ("privileged", "baseline", "restricted")
"""From the loosest to the strictest."""
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)", re.ASCII)
LATEST = 1 << 31
"""The minor version that `latest` stands for."""


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """A level as it was in one minor version of Kubernetes."""

    name: str = "privileged"
    minor: int = LATEST

    def __str__(self) -> str:
        version = "latest" if self.minor == LATEST else f"v1.{self.minor}"
        return f"{self.name}:{version}"

    @property
    def strictness(self) -> int:
        return LEVELS.index(self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """What is refused, and what is only warned of."""

    enforce: Level = Level()
    warn: Level = Level()

    @property
    def is_open(self) -> bool:
        return self.enforce.name == self.warn.name == LEVELS[0]


OPEN = Policy()


def policy_of(labels: Mapping[str, str]) -> tuple[Policy, list[FieldError]]:
    """The policy of a namespace with these labels, and what is wrong with them.

    A bad level enforces the strictest one; warnings for a bad one are left out.
    """
    if not any(key.startswith(PREFIX) for key in labels):
        return OPEN, []
    problems: list[FieldError] = []

    def level(mode: str, otherwise: str) -> str | None:
        text = labels.get(PREFIX + mode)
        if text is None or text in LEVELS:
            return text
        _complain(problems, mode, text, f"must be one of {', '.join(LEVELS)}")
        return otherwise

    def minor(mode: str) -> int | None:
        text = labels.get(f"{PREFIX}{mode}-version")
        if text is None:
            return None
        match = _VERSION.fullmatch(text)
        if match is None and text != "latest":
            _complain(problems, f"{mode}-version", text, 'must be "latest" or "v1.x"')
        return LATEST if match is None else int(match[1])

    enforced = level("enforce", "restricted")
    good = not problems
    enforced_minor = minor("enforce")
    level("audit", "privileged")
    minor("audit")
    warned = level("warn", "privileged")
    warned_minor = minor("warn")
    enforce = Level(enforced or LEVELS[0], _or_latest(enforced_minor))
    warn = Level(warned or LEVELS[0], _or_latest(warned_minor))
    if warned is None and enforced is not None and good and enforce.strictness > 0:
        warn = Level(enforce.name, enforce.minor if warned_minor is None else warned_minor)
    return Policy(enforce, warn), problems


def _or_latest(minor: int | None) -> int:
    return LATEST if minor is None else minor


def _complain(problems: list[FieldError], label: str, value: str, text: str) -> None:
    problems.append(field.invalid(f"metadata.labels[{PREFIX}{label}]", value, text))
