"""Checks that imports point down only. Run by `make lint`; prints each import that does not.

The table is the architecture: a module may import from its own row and from the rows below it.
"""

import ast
import pathlib
import sys

LAYERS: tuple[tuple[str, ...], ...] = (
    ("miniplane.cli", "miniplane.testing", "miniplane.__main__"),
    ("miniplane.cluster",),
    ("miniplane.server", "miniplane.dns", "miniplane.controllers"),
    ("miniplane.runtime",),
    ("miniplane.client",),
    ("miniplane.registry",),
    ("miniplane.store",),
    ("miniplane.pki",),
    ("miniplane.rounds",),
    ("miniplane.config", "miniplane.clock", "miniplane.ids", "miniplane.metrics"),
    ("miniplane.api",),
)
APART = (
    ("miniplane.server", "miniplane.controllers"),
    ("miniplane.controllers", "miniplane.server"),
)
"""Of one row, but not to see each other."""

NEVER = {
    "miniplane.controllers": ("miniplane.registry", "miniplane.store", "aiohttp"),
    "miniplane.server": ("miniplane.store",),
    "miniplane.store": ("miniplane.api", "pydantic", "aiohttp", "miniplane.config"),
    "miniplane.api": ("asyncio", "aiohttp", "time", "random", "uuid"),
}
"""What a part may not import although it stands further down, or outside."""

ROOT = pathlib.Path(__file__).resolve().parent.parent


def sources() -> dict[str, pathlib.Path]:
    """All modules of the package by their import name, through the links too."""
    found = {}
    places = {"miniplane": ROOT / "miniplane"}
    for linked in ("api", "controllers"):
        places[f"miniplane.{linked}"] = ROOT / linked
    for package, folder in places.items():
        for path in sorted(folder.rglob("*.py")):
            relative = path.relative_to(folder).with_suffix("")
            if package == "miniplane" and relative.parts[0] in ("api", "controllers"):
                continue
            parts = [p for p in relative.parts if p != "__init__"]
            found[".".join([package, *parts])] = path
    return found


def layer_of(module: str) -> int | None:
    for index, row in enumerate(LAYERS):
        if any(module == part or module.startswith(part + ".") for part in row):
            return index
    return None


def imports_of(path: pathlib.Path) -> list[tuple[int, str]]:
    """Each imported module with its line. Imports for type checkers alone do not count."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module))
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def belongs(module: str, part: str) -> bool:
    return module == part or module.startswith(part + ".")


def complaints() -> list[str]:
    out = []
    modules = sources()
    for module, path in modules.items():
        mine = layer_of(module)
        seen = set()
        for line, imported in imports_of(path):
            theirs = layer_of(imported)
            bad = ""
            if mine is not None and theirs is not None and theirs < mine:
                bad = "points up"
            for one, other in APART:
                if belongs(module, one) and belongs(imported, other):
                    bad = "these two do not see each other"
            for part, banned in NEVER.items():
                if belongs(module, part) and any(belongs(imported, b) for b in banned):
                    bad = f"not for {part}"
            if bad and (line, bad) not in seen:
                seen.add((line, bad))
                out.append(f"{path.relative_to(ROOT)}:{line}: {module} imports {imported}: {bad}")
    return out


if __name__ == "__main__":
    problems = complaints()
    print("\n".join(problems) or f"layers: {len(sources())} modules, all imports point down")
    sys.exit(1 if problems else 0)
