"""docs/kubectl.md has a row for each form and none else."""

from pathlib import Path

import pytest

from tests.e2e.matrix import families, table
from tests.e2e.matrix.forms import Family, Form

FORMS = [form for family in families.ALL for form in family.forms]


@pytest.fixture(autouse=True)
def _unless_it_is_being_written(request):
    if request.config.getoption("--write-table", False):
        pytest.skip("the page is being written")


def rows() -> dict[tuple[str, int], str]:
    return table.read(table.DOCUMENT.read_text())


def test_each_form_has_its_row():
    lines = [form.row for form in FORMS]
    assert len(set(lines)) == len(lines)
    assert list(dict.fromkeys(line for line, _ in rows())) == lines


def test_the_page_is_what_would_be_written():
    known = rows()
    minors = dict.fromkeys(minor for _, minor in known)
    assert table.render(families.ALL, minors, known) == table.DOCUMENT.read_text()


def test_a_form_works_unless_it_says_why_not():
    lacking = {form.row for form in FORMS if form.lacks}
    for (line, _), cell in rows().items():
        if line in lacking:
            assert cell.lower().startswith(("error", "-")), (line, cell)
        else:
            assert cell in (table.WORKS, table.UNKNOWN) or cell.startswith("needs "), (line, cell)


def test_the_readme_knows_the_page():
    readme = Path(__file__).parents[3] / "README.md"
    assert "(docs/kubectl.md)" in readme.read_text()


def test_what_is_written_can_be_read():
    family = Family(
        "Both",
        (
            Form(line="get a"),
            Form(line="get --raw '/a|b'", lacks=True),
            Form(line="get c", since=2, flag="--some"),
        ),
    )
    cells = {
        ("get a", 1): "works",
        ("get a", 2): "works",
        ("get --raw '/a|b'", 1): "error: no | bars",
        ("get --raw '/a|b'", 2): "error: none",
    }
    found = table.read(table.render([family], [2, 1], cells))
    assert found == cells | {("get c", 1): "-", ("get c", 2): "needs `--some`"}
