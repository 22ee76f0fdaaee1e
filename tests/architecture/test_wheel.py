"""The wheel: complete, and nothing in site-packages but `miniplane`.

People install miniplane into projects that have packages `api` and `controllers` of their own.
"""

import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def can_build() -> bool:
    """Without a network, a build takes what is installed: setuptools from 70.1 on makes wheels by
    itself."""
    try:
        version = importlib.metadata.version("setuptools")
        importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError:
        return False
    major, minor = (int(part) for part in version.split(".")[:2])
    return (major, minor) >= (70, 1)


pytestmark = pytest.mark.skipif(not can_build(), reason="needs pip, and setuptools from 70.1 on")

USE = """
import api, controllers
import miniplane.api.resources, miniplane.controllers.table
from miniplane.api import schema
from miniplane.cluster import Cluster
assert api.MINE == controllers.MINE == "the project's own"
assert "site" in miniplane.api.__file__ and "site" in miniplane.controllers.__file__
assert schema.node("io.k8s.api.core.v1.Pod").fields["spec"] is not None
print(len(miniplane.api.resources.RESOURCES))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> pathlib.Path:
    """Built from a copy of what is in the repository, so that nothing is left behind in it."""
    source = tmp_path_factory.mktemp("source")
    for name in ("miniplane", "api", "controllers"):
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=skip)
    for path in [*ROOT.glob("*.toml"), *ROOT.glob("README.md"), *ROOT.glob("LICENSE*")]:
        shutil.copy(path, source)
    (source / "README.md").touch()
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", str(out)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [built] = out.glob("*.whl")
    return built


def files(folder: pathlib.Path) -> set[str]:
    """What is in a package of the repository, by the name it must have in the wheel."""
    prefix = "" if folder.name == "miniplane" else "miniplane/"
    found = set()
    for path in folder.rglob("*"):
        relative = path.relative_to(ROOT)
        linked = folder.name == "miniplane" and relative.parts[1] in ("api", "controllers")
        if path.is_file() and "__pycache__" not in relative.parts and not linked:
            found.add(prefix + relative.as_posix())
    return found


def test_only_miniplane_is_installed(wheel) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"miniplane"}
    assert len(tops) == 2


def test_everything_is_in_it_the_data_included(wheel) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = files(ROOT / "miniplane") | files(ROOT / "api") | files(ROOT / "controllers")
    assert wanted - names == set()
    assert any(name.startswith("miniplane/api/data/") for name in names)
    packed = {name for name in names if name.startswith("miniplane/")}
    assert packed - wanted == set()


def test_it_lives_beside_a_project_with_an_api_of_its_own(wheel, tmp_path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    project = tmp_path / "project"
    for name in ("api", "controllers"):
        (project / name).mkdir(parents=True)
        (project / name / "__init__.py").write_text('MINE = "the project\'s own"\n')
    paths = [str(project), str(site), *(p for p in sys.path if "site-packages" in p)]
    script = f"import sys\nsys.path[:0] = {paths!r}\n{USE}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, cwd=project
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


def test_the_command_is_installed(wheel) -> None:
    archive = zipfile.ZipFile(wheel)
    [entry] = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert "miniplane = miniplane.cli.main:main" in archive.read(entry).decode()
