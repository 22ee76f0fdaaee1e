"""The examples in docstrings are true."""

import doctest

import pytest

from miniplane import clock, ids, rounds
from miniplane.runtime import manager
from miniplane.runtime.logs import reading, spoken


@pytest.mark.parametrize(
    "module", [clock, ids, rounds, manager, reading, spoken], ids=lambda module: module.__name__
)
def test_examples(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
