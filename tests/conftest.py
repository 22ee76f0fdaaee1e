"""The kubectls that tests run: those of MINIPLANE_KUBECTLS, and those on and beside PATH.

A test that takes `kubectl_binary` runs once for each minor that there is, newest first;
`@pytest.mark.kubectl(which=slice(0, 2))` leaves it at the newest two.
"""

import dataclasses
import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NONE = "no kubectl on PATH or in MINIPLANE_KUBECTLS"
_VERSIONED = re.compile(r"kubectl[.-]v?1\.(\d+)(\.\d+)?")


@dataclasses.dataclass(frozen=True, slots=True)
class Binary:
    minor: int
    path: Path


@functools.cache
def find_kubectls() -> tuple[Binary, ...]:
    """One kubectl of each minor, newest first."""
    found: dict[int, Path] = {}
    named = os.environ.get("MINIPLANE_KUBECTLS", "").split(os.pathsep)
    places = [Path(name) for name in named if name]
    if first := shutil.which("kubectl"):
        beside = Path(first).resolve().parent
        # A kubectl without a version in its name may choose among those that have one.
        places += [p for p in sorted(beside.glob("kubectl*")) if _VERSIONED.fullmatch(p.name)]
        places.append(Path(first))
    for place in places:
        minor = _minor(place)
        if minor is not None:
            found.setdefault(minor, place)
    return tuple(Binary(minor, found[minor]) for minor in sorted(found, reverse=True))


def _minor(path: Path) -> int | None:
    """N of a kubectl 1.N; None for what is none."""
    if name := _VERSIONED.fullmatch(path.name):
        return int(name[1])
    command = [str(path), "version", "--client", "--output", "json"]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=20, check=True)
        text = json.loads(answer.stdout)["clientVersion"]["minor"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None
    number = re.match(r"\d+", text)
    return int(number[0]) if number else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kubectl_binary" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("kubectl")
    which = mark.kwargs.get("which", slice(None)) if mark else slice(None)
    there = find_kubectls()
    params = [pytest.param(each, id=f"1.{each.minor}") for each in there[which]]
    if not params:
        why = "no further kubectl here" if there else NONE
        params = [pytest.param(None, id="none", marks=pytest.mark.skip(reason=why))]
    metafunc.parametrize("kubectl_binary", params, scope="module")
