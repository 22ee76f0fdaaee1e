"""Every form of every subcommand does what it has to, and docs/kubectl.md says so.

Each form runs with the newest and the oldest kubectl that there is; those between share every
second form among them, in turn. `MINIPLANE_MATRIX=all` runs all forms with all of them.
"""

import functools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.conftest import NONE, Binary, find_kubectls
from tests.e2e.matrix import families, table
from tests.e2e.matrix.forms import Form, by_minor
from tests.e2e.matrix.scene import Outcome, Scene


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "form" not in metafunc.fixturenames:
        return
    forms = [form for family in families.ALL for form in family.forms]
    if metafunc.function is test_what_needs_a_flag_says_so_without_it:
        forms = [form for form in forms if form.flag]
    everything = (
        metafunc.config.getoption("--write-table", False)
        or os.environ.get("MINIPLANE_MATRIX") == "all"
    )
    params = [
        pytest.param(form, binary, id=f"1.{binary.minor}-{form.line}")
        for number, form in enumerate(forms)
        for binary in _chosen(find_kubectls(), None if everything else number)
        if form.known_to(binary.minor)
    ]
    if not params:
        params = [pytest.param(None, None, id="none", marks=pytest.mark.skip(reason=NONE))]
    metafunc.parametrize(("form", "binary"), params)


def _chosen(there: tuple[Binary, ...], number: int | None) -> Iterable[Binary]:
    between = there[1:-1]
    if number is None or not between:
        return there
    turn, rest = divmod(number, 2)
    some = () if rest else (between[turn % len(between)],)
    return there[0], *some, there[-1]


@functools.cache
def flags() -> str:
    command = [sys.executable, "-m", "miniplane", "serve", "--help"]
    root = table.DOCUMENT.parents[1]
    return subprocess.check_output(command, text=True, timeout=60, cwd=root)


@functools.cache
def documented() -> dict[tuple[str, int], str]:
    return table.read(table.DOCUMENT.read_text())


def test_form(
    form: Form,
    binary: Binary,
    scene_of: Callable[[str], Scene],
    record_property: Callable[[str, object], None],
    request: pytest.FixtureRequest,
) -> None:
    if form.flag and form.flag not in flags():
        pytest.skip(f"this miniplane has no {form.flag}")
    scene = scene_of(form.flag)
    prepare(form, scene)
    words = scene.words(form.line)
    done = form.run(scene, words) if form.run else scene.run(words, stdin=form.stdin)
    compare(form, binary.minor, scene, done)
    cell = first_words(done, scene) if form.lacks else table.WORKS
    record_property("cell", [form.row, binary.minor, cell])
    if not request.config.getoption("--write-table", False):
        known = documented()
        if binary.minor in {minor for _, minor in known}:
            cells = {(form.row, binary.minor): cell}
            assert known.get((form.row, binary.minor)) == table.expected(
                form, binary.minor, cells
            ), "docs/kubectl.md says otherwise"


def test_what_needs_a_flag_says_so_without_it(form: Form, scene_of: Callable[[str], Scene]) -> None:
    scene = scene_of("")
    done = scene.run(scene.words(form.line))
    assert (done.status, done.stdout, done.stderr.strip()) == (1, "", form.without)


def prepare(form: Form, scene: Scene) -> None:
    for name, content in form.files.items():
        scene.write(name, content)
    for name, value in form.env.items():
        scene.env[name] = value.replace("{dir}", str(scene.folder))
    for each in form.given:
        if isinstance(each, str):
            done = scene.run(scene.words(each))
            assert done.status == 0, done.stdout + done.stderr
        elif callable(each):
            each(scene)
        else:
            scene.create(each)


def compare(form: Form, minor: int, scene: Scene, done: Outcome) -> None:
    said = f"\nkubectl {form.line}\n{done.stdout}\n--- stderr:\n{done.stderr}"
    if done.status != form.exits:
        pytest.fail(f"it ended with {done.status}{said}", pytrace=False)
    for wanted, got in ((form.prints, done.stdout), (form.complains, done.stderr)):
        text = by_minor(wanted, minor)
        if text is not None and not alike(text.replace("{ns}", scene.ns), plain(got, scene)):
            pytest.fail(f"this was expected:\n{text}\n{said}", pytrace=False)
    if callable(form.then):
        answer = form.then(scene)
        assert answer is None or answer
        return
    for name, part in form.then.items():
        scene.until(lambda name=name, part=part: holds(part, scene.get(name.format(ns=scene.ns))))


def alike(wanted: str, got: str) -> bool:
    """
    >>> alike("NAME … AGE c …s", "NAME  AGE\\nc     3s\\n")
    True
    """
    pattern = ""
    for word in wanted.split():
        many = word == "…"
        pattern += "(?: .*)?" if many else " " + re.escape(word).replace("…", r"\S*")
    return bool(re.fullmatch(pattern, "".join(f" {word}" for word in got.split())))


def plain(text: str, scene: Scene) -> str:
    """Without colours, and without the namespace that newer kubectls add to what they deleted."""
    text = re.sub(r"\x1b\[[\d;]*m", "", text)
    return text.replace(f" from {scene.ns} namespace", "")


def holds(part: Any, there: Any) -> bool:
    """Whether an object has these fields, and lists of these items. AssertionError if not."""
    if isinstance(part, dict) and isinstance(there, dict):
        for key, value in part.items():
            holds(value, there.get(key))
    elif isinstance(part, list) and isinstance(there, list):
        assert len(part) == len(there), there
        for one, other in zip(part, there, strict=True):
            holds(one, other)
    else:
        assert part == there, there
    return True


def first_words(done: Outcome, scene: Scene) -> str:
    """The line of stderr that says why not."""
    lines = [line for line in done.stderr.splitlines() if re.match("error|Error", line)]
    return lines[-1].replace(scene.ns, "NAMESPACE").replace("`", "'")
