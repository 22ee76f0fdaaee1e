"""Servers for client libraries to talk to, namespaces in them, and lines that can be cut."""

import itertools
import re
from collections.abc import Iterator

import pytest

from tests.clients import raw
from tests.clients.manifests import Custom
from tests.clients.storm import Storm
from tests.clients.wire import Wire
from tests.serving import Cluster, eventually

PAGED = 3000
"""How many ConfigMaps there are to be listed in pages."""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server with three nodes that all tests share."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server that keeps no more than its last 20 revisions."""
    options = ["--watch-window", "10", "--nodes", "0"]
    cluster = Cluster(tmp_path_factory.mktemp("forgetful"), *options)
    yield cluster
    cluster.stop()


@pytest.fixture
def wire(cluster: Cluster) -> Iterator[Wire]:
    """A line to the shared server, for this test to cut."""
    with Wire(cluster.url) as wire:
        yield wire


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A new namespace of the shared server."""
    return make_namespace(cluster, request)


@pytest.fixture
def expired(forgetful: Cluster, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A namespace of the forgetful server, and a revision of it that is forgotten.

    There are 30 ConfigMaps in it, `old-0` to `old-29`.
    """
    name = make_namespace(forgetful, request)
    place = f"{forgetful.url}/api/v1/namespaces/{name}/configmaps"
    revision = raw.call("GET", place)["metadata"]["resourceVersion"]
    raw.create_all(place, config_maps("old", 30))
    return name, revision


@pytest.fixture(scope="session")
def many(cluster: Cluster) -> str:
    """A namespace with 3,000 ConfigMaps `many-0000` and so on, each with `label: many`."""
    name = "many"
    raw.call("POST", f"{cluster.url}/api/v1/namespaces", {"metadata": {"name": name}})
    raw.create_all(f"{cluster.url}/api/v1/namespaces/{name}/configmaps", config_maps(name, PAGED))
    return name


@pytest.fixture(scope="session")
def widgets(cluster: Cluster) -> Custom:
    """A kind of custom resource that the shared server has."""
    custom = Custom("example.com")
    place = f"{cluster.url}/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    name = raw.call("POST", place, custom.definition())["metadata"]["name"]

    def established() -> bool:
        conditions = raw.call("GET", f"{place}/{name}")["status"]["conditions"]
        return {"Established": "True"}.items() <= {
            c["type"]: c["status"] for c in conditions
        }.items()

    eventually(established)
    return custom


@pytest.fixture
def storm(cluster: Cluster, namespace: str) -> Storm:
    """Ten thousand changes to come in the test's namespace."""
    return Storm(cluster.url, namespace, seed=1)


def config_maps(name: str, count: int) -> list[dict]:
    digits = len(str(count - 1)) if count > 1000 else 1
    return [
        {"metadata": {"name": f"{name}-{number:0{digits}}", "labels": {"label": name}}}
        for number in range(count)
    ]


def make_namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A new namespace that is named after the test, as soon as it has what each namespace gets."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_").lower())
    name = f"{words[:50].strip('-')}-{next(_numbers)}"
    raw.call("POST", f"{cluster.url}/api/v1/namespaces", {"metadata": {"name": name}})
    place = f"{cluster.url}/api/v1/namespaces/{name}"
    for kind in ("configmaps", "serviceaccounts"):
        eventually(lambda kind=kind: raw.call("GET", f"{place}/{kind}")["items"])
    return name
