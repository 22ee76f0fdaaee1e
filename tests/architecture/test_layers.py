"""The layers as the table of `tools/check_layers.py` has them."""

import importlib.util
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def load_check():
    spec = importlib.util.spec_from_file_location("check_layers", ROOT / "tools/check_layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_imports_point_down() -> None:
    assert load_check().complaints() == []


def test_the_check_sees_every_module() -> None:
    found = set(load_check().sources().values())
    for folder in ("miniplane", "api", "controllers"):
        for path in (ROOT / folder).rglob("*.py"):
            assert (
                path in found
                or path.is_relative_to(ROOT / "miniplane/api")
                or (path.is_relative_to(ROOT / "miniplane/controllers"))
            )


def test_every_module_stands_in_a_row() -> None:
    check = load_check()
    outside = {"miniplane"}
    rows = {module: check.layer_of(module) for module in check.sources()}
    assert [module for module, row in rows.items() if row is None and module not in outside] == []


def test_the_check_notices(tmp_path) -> None:
    """A check that never complains would be none."""
    check = load_check()
    path = tmp_path / "wrong.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from miniplane.server import app\n"
        "def late():\n"
        "    from miniplane import cluster\n"
    )
    imported = {name for _, name in check.imports_of(path)}
    assert "miniplane.server" not in imported, "what only type checkers see does not count"
    assert "miniplane.cluster" in imported, "what is imported late counts"
    assert check.layer_of("miniplane.cluster") < check.layer_of("miniplane.store.mvcc")
