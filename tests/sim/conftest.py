"""Simulations from a seed: which seeds are tried, how many steps they take, how to repeat one.

@pytest.mark.seeds(2, steps=500)     two seeds, or those of MINIPLANE_SEEDS; 500 steps each
def test_it(seed, steps):
    for turn in steps.turns(): ...
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sim.steps import Steps


def seeds(count: int) -> list[int]:
    """The seeds to try: `count` of them, or those of MINIPLANE_SEEDS (`7`, or `100-199`)."""
    asked = os.environ.get("MINIPLANE_SEEDS")
    if not asked:
        return list(range(count))
    first, _, last = asked.partition("-")
    return list(range(int(first), int(last or first) + 1))


def pytest_configure(config: pytest.Config) -> None:
    text = "seeds(count, steps): run for that many seeds, or MINIPLANE_SEEDS, so many steps each"
    config.addinivalue_line("markers", text)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = metafunc.definition.get_closest_marker("seeds")
    if mark is not None:
        if "storm" in metafunc.fixturenames:
            metafunc.parametrize("storm", [False, True], ids=["showers", "storm"])
        metafunc.parametrize("seed", seeds(*mark.args))


@pytest.fixture
def steps(request: pytest.FixtureRequest) -> Iterator[Steps]:
    mark = request.node.get_closest_marker("seeds")
    made = Steps(mark.kwargs.get("steps", 0))
    yield made
    request.node.user_properties.append(("steps", made.taken))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    params = item.callspec.params if hasattr(item, "callspec") else {}
    if report.failed and "seed" in params:
        command = f"MINIPLANE_SEEDS={params['seed']} python -m pytest '{item.nodeid}'"
        report.sections.append(("to reproduce", command))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many steps each simulation has taken, over all its seeds."""
    taken: dict[str, int] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "teardown":
                for name, value in report.user_properties:
                    if name == "steps":
                        test = report.nodeid.partition("[")[0]
                        taken[test] = taken.get(test, 0) + value
    for test, count in taken.items():
        terminalreporter.write_line(f"{count:>7} steps  {test}")
