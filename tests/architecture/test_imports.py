"""Every module can be imported alone, and the light ones stay light.

One interpreter tries many modules: before each, it forgets all of miniplane again, so that none
lives on what another has imported. What the libraries have imported stays, as it would anyway; so
do, to save time, the modules of `miniplane.api`, where the module to be tried is not one of them.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "miniplane"
SHARES = 2

ALONE = """
import importlib, json, sys
failures = {}
for name in json.loads(sys.argv[1]):
    for known in [m for m in sys.modules if m.partition(".")[0] == "miniplane"]:
        if name.startswith("miniplane.api") or not known.startswith("miniplane.api"):
            del sys.modules[known]
    try:
        importlib.import_module(name)
    except BaseException as error:
        failures[name] = repr(error)
print(json.dumps(failures))
"""

IMPORTED = """
import json, sys
before = set(sys.modules)
exec(sys.argv[1])
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def modules() -> list[str]:
    """All modules by import name. The links are followed by hand: rglob does not."""
    found = []
    for folder, prefix in (
        (PACKAGE, "miniplane"),
        (ROOT / "api", "miniplane.api"),
        (ROOT / "controllers", "miniplane.controllers"),
    ):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if folder == PACKAGE and parts[0] in ("api", "controllers"):
                continue
            found.append(".".join([prefix, *(p for p in parts if p != "__init__")]))
    # Running it is what that one is for.
    return [name for name in found if name != "miniplane.__main__"]


def run(script: str, *args: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, *args]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=ROOT.parent)


def answer(process: subprocess.Popen[str]) -> object:
    out, _ = process.communicate()
    assert process.returncode == 0
    return json.loads(out)


def test_every_module_can_be_imported_alone() -> None:
    names = modules()
    assert len(names) > 100
    running = [run(ALONE, json.dumps(names[share::SHARES])) for share in range(SHARES)]
    failures: dict[str, str] = {}
    for process in running:
        found = answer(process)
        assert isinstance(found, dict)
        failures |= found
    assert failures == {}


@pytest.mark.parametrize(
    ("statement", "banned"),
    [
        # What is imported by whoever says `import miniplane`.
        ("import miniplane", ("miniplane.", "aiohttp", "pydantic", "orjson", "yaml", "asyncio")),
        ("import miniplane.cli", ("miniplane.server", "aiohttp", "pydantic", "yaml")),
        ("import miniplane.api", ("aiohttp", "pydantic", "asyncio", "yaml")),
        # Tests without HTTP do not pay for it.
        ("import miniplane.testing", ("aiohttp", "miniplane.server", "miniplane.registry")),
        ("from miniplane.store import mvcc, watch", ("miniplane.api", "pydantic", "aiohttp")),
        ("import miniplane.client.inprocess", ("aiohttp", "miniplane.server")),
        ("import miniplane.registry.registry", ("aiohttp", "miniplane.server", "miniplane.client")),
        # Nobody pays for keys that are not wanted.
        ("import miniplane.cluster, miniplane.server.app", ("cryptography",)),
        ("import miniplane.controllers.table", ("miniplane.server", "miniplane.registry")),
    ],
)
def test_light_modules_stay_light(statement, banned) -> None:
    imported = answer(run(IMPORTED, statement))
    assert isinstance(imported, list)
    heavy = [
        name
        for name in imported
        for ban in banned
        if name == ban.rstrip(".") + ("" if not ban.endswith(".") else " ")
        or name.startswith(ban.rstrip(".") + ".")
    ]
    assert heavy == []


def test_the_links_are_what_they_should_be() -> None:
    for name in ("api", "controllers"):
        link = PACKAGE / name
        assert link.is_symlink()
        assert os.readlink(link) == f"../{name}"
