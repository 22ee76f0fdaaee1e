"""docs/kubectl.md: written from what forms did, and read back to check that it is still true.

A cell is `works`, `-` where the minor does not know the form, `needs --FLAG`, or what kubectl says
where miniplane does not do it. Of the last kind the table shows a number, and the text under it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.e2e.matrix.forms import Family, Form

DOCUMENT = Path(__file__).parents[3] / "docs" / "kubectl.md"

WORKS = "works"
UNKNOWN = "-"
MISSING = "?"
"""Only where a part of the forms was run to write the page."""

Cells = Mapping[tuple[str, int], str]
"""What a form, by its line, came to with a minor."""

_INTRO = """\
# What kubectl does here

The subcommands of kubectl that talk to a server, in their common forms, with each minor of kubectl
that was tried. `works` means that output, exit status and what became of the objects were as they
have to be; `-`, that this minor does not know the form; `needs`, that it works when the server runs
with a flag; a number, that miniplane does not do it, and what kubectl says instead. `{ns}` stands
for a namespace.

`completion`, `config`, `kustomize`, `options` and `plugin` ask no server, and `alpha` holds no
command that does.

`make test PYTEST_ARGS="tests/e2e/matrix --write-table"` writes this page, and `make test` compares
it with the kubectls that it finds.
"""


def render(families: Sequence[Family], minors: Iterable[int], cells: Cells) -> str:
    minors = sorted(minors)
    parts = [_INTRO]
    for family in families:
        notes: dict[str, int] = {}
        rows = [_row("`kubectl` ...", [f"1.{minor}" for minor in minors])]
        rows.append("|---" * (len(minors) + 1) + "|\n")
        for form in family.forms:
            texts = [_cell(form, minor, cells, notes) for minor in minors]
            rows.append(_row(_code(form.row), texts))
        parts.append(f"\n## {family.title}\n\n{''.join(rows)}")
        parts += [f"\n{number}. `{text}`" for text, number in notes.items()]
        parts += ["\n"] if notes else []
    return "".join(parts)


def _cell(form: Form, minor: int, cells: Cells, notes: dict[str, int]) -> str:
    if not form.known_to(minor):
        return UNKNOWN
    if form.flag:
        return f"needs `{form.flag}`"
    text = cells.get((form.row, minor), MISSING)
    if text in (WORKS, MISSING):
        return text
    return f"({notes.setdefault(text, len(notes) + 1)})"


def _row(first: str, others: Sequence[str]) -> str:
    return f"| {first} | {' | '.join(others)} |\n"


def _code(row: str) -> str:
    r"""A line as code in a cell, where a bar would end it.

    >>> _code("get --raw /a|b")
    '`get --raw /a\\|b`'
    """
    return f"`{row}`".replace("|", r"\|")


def read(text: str) -> dict[tuple[str, int], str]:
    """The cells of a document that `render` wrote, numbers replaced by what they stand for."""
    cells: dict[tuple[str, int], str] = {}
    for section in text.split("\n## ")[1:]:
        notes = {f"({n})": note for n, note in re.findall(r"^(\d+)\. `(.*)`$", section, re.M)}
        rows = [_columns(line) for line in section.splitlines() if line.startswith("| ")]
        minors = [int(title.removeprefix("1.")) for title in rows[0][1:]]
        for first, *others in rows[1:]:
            for minor, cell in zip(minors, others, strict=True):
                cells[first, minor] = notes.get(cell, cell)
    return cells


def _columns(row: str) -> list[str]:
    columns = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    return [columns[0].strip("`").replace(r"\|", "|"), *columns[1:]]


def expected(form: Form, minor: int, cells: Cells) -> str:
    """What `read` finds for a form, if it came to `cells`."""
    notes: dict[str, int] = {}
    cell = _cell(form, minor, cells, notes)
    return next(iter(notes), cell)
