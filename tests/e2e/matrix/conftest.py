"""The matrix: each form of a kubectl command with each kubectl. `--write-table` writes its page."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import find_kubectls
from tests.e2e.conftest import Cluster, Kubectl
from tests.e2e.matrix import families, table
from tests.e2e.matrix.scene import Scene


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-table",
        action="store_true",
        help="run forms with every kubectl there is, and write their rows of docs/kubectl.md",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--write-table", False) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Page())


class _Page:
    """Collects what forms came to, in whichever process they ran, and writes the page."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, int], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == "cell" and report.when == "call" and report.passed:
                line, minor, text = value
                self.cells[line, minor] = text

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus != pytest.ExitCode.OK:
            return
        before = table.read(table.DOCUMENT.read_text()) if table.DOCUMENT.exists() else {}
        minors = [binary.minor for binary in find_kubectls()]
        table.DOCUMENT.parent.mkdir(exist_ok=True)
        table.DOCUMENT.write_text(table.render(families.ALL, minors, before | self.cells))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Cluster]]:
    """The server with a flag, or with none: started when it is wanted, and one for all forms."""
    running: dict[str, Cluster] = {}

    def server(flag: str) -> Cluster:
        if flag not in running:
            running[flag] = Cluster(tmp_path_factory.mktemp("matrix"), *filter(None, [flag]))
        return running[flag]

    yield server
    for each in running.values():
        each.stop()


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def scene_of(
    form: Any,
    binary: Any,
    servers: Callable[[str], Cluster],
    numbers: Iterator[int],
    tmp_path: Path,
) -> Iterator[Callable[[str], Scene]]:
    """Makes a new namespace, on the server with a flag or with none; it goes with what is in it."""
    made: list[Scene] = []

    def scene(flag: str) -> Scene:
        name = f"scene-{next(numbers)}"
        kubectl = Kubectl(servers(flag), minor=binary.minor, path=binary.path, namespace=name)
        made.append(Scene(kubectl, tmp_path))
        made[-1].begin()
        return made[-1]

    yield scene
    for each in made:
        each.leave(form.leaves)
