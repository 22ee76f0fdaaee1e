"""What is refused, and in which words: the tables in `rules/`, one for each area.

An entry takes a sample, sets some fields, and lists what has to be said, in order; `...` at the
end stands for the rest of a sentence. With `change` the sample is stored already, with `old` set,
and is written again; `part` is the subresource.
"""

from pathlib import Path

import pytest
import yaml

TABLES = sorted(Path(__file__).with_name("rules").glob("*.yaml"))
CASES = [
    pytest.param(case, id=f"{table.stem}: {case['of']}: {case['about']}")
    for table in TABLES
    for case in yaml.safe_load(table.read_text())
]


@pytest.mark.parametrize("case", CASES)
def test_rule(case, said_of_new, said_of_change):
    if "change" in case:
        said = said_of_change(
            case["of"], case["change"] or {}, case.get("old"), case.get("part", "")
        )
    else:
        said = said_of_new(case["of"], case["set"])
    assert len(said) == len(case["says"]), said
    for found, expected in zip(said, case["says"], strict=True):
        if expected.endswith("..."):
            assert found.startswith(expected.removesuffix("...").rstrip())
        else:
            assert found == expected


def test_all_samples_are_right(samples, said_of_new, said_of_change):
    reviews = ("Review",)
    for name, sample in samples.items():
        assert said_of_new(name, {}) == [], name
        if not sample["kind"].endswith(reviews):
            assert said_of_change(name, {}) == [], name
            if name != "job":
                assert said_of_change(name, {}, part="status") == [], name
