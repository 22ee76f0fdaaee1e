"""No subcommand that asks a server is left out."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.matrix import families

LOCAL = {"alpha", "completion", "config", "kustomize", "options", "plugin"}
"""They ask no server, but for what `config` changes for others."""

LINES = [form.line for family in families.ALL for form in family.forms]


def commands(binary: Any, *parents: str) -> Iterator[tuple[str, ...]]:
    """The subcommands in the help texts, each with those that it is a subcommand of."""
    text = subprocess.check_output(
        [binary.path, *parents, "--help"], text=True, timeout=60, env={"HOME": "/nonexistent"}
    )
    for block in re.findall(r"^[^\n]*Commands[^\n]*:\n((?:  \S[^\n]*\n)+)", text, re.M):
        for name in re.findall(r"^  (\S+)", block, re.M):
            yield (*parents, name)
            if not parents and name not in LOCAL:
                yield from commands(binary, name)


@pytest.mark.kubectl(which=slice(0, 1))
def test_each_has_a_form(kubectl_binary: Any) -> None:
    found = list(commands(kubectl_binary))
    assert ("create", "secret") in found and len(found) > 60
    missing = [
        " ".join(command)
        for command in found
        if command[0] not in LOCAL and not any(line.startswith(" ".join(command)) for line in LINES)
    ]
    assert missing == []
