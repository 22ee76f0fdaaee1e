"""Large answers to those who accept gzip."""

import gzip

import aiohttp
import orjson
import pytest

from miniplane.api import resources
from miniplane.clock import RealClock
from miniplane.config import Config
from miniplane.server import compress
from miniplane.server.app import create_app
from miniplane.server.compress import Compressor
from miniplane.server.serve import Server

PODS = "/api/v1/namespaces/default/pods"
PROTOBUF = "application/vnd.kubernetes.protobuf"


@pytest.fixture
async def raw(http):
    """The client of the tests, but for what it does to compressed bodies: nothing."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        http.session = session
        yield http


def fill(registry, count=300, size=600):
    for i in range(count):
        labels = {"app": "x" * size}
        registry.put(
            resources.PODS,
            {"metadata": {"name": f"p-{i:03}", "namespace": "default", "annotations": labels}},
        )


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("deflate, gzip", True),
        (" gzip ,br", True),
        ("", False),
        ("identity", False),
        ("gzip;q=1.0", False),
        ("*", False),
    ],
)
def test_who_accepts_gzip(header, accepted):
    assert compress.accepted(header) is accepted


@pytest.mark.parametrize("accept", ["application/json", PROTOBUF, "application/yaml"])
async def test_large_lists_are_compressed(raw, registry, accept):
    fill(registry)
    plain = await raw(f"GET {PODS}", Accept=accept, Accept_Encoding="identity")
    assert "Content-Encoding" not in plain.headers
    assert len(plain.body) > compress.THRESHOLD
    packed = await raw(f"GET {PODS}", Accept=accept, Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers.getall("Vary") == ["Accept-Encoding"]
    assert packed.type == accept
    assert len(packed.body) < len(plain.body) / 5
    assert gzip.decompress(packed.body) == plain.body


async def test_large_objects_and_tables_are_compressed(raw, registry):
    data = {"k": "v" * compress.THRESHOLD}
    registry.put(resources.CONFIGMAPS, {"metadata": {"name": "a", "namespace": "b"}, "data": data})
    answer = await raw("GET /api/v1/namespaces/b/configmaps/a", Accept_Encoding="gzip")
    assert orjson.loads(gzip.decompress(answer.body))["data"] == data
    fill(registry)
    answer = await raw(
        f"GET {PODS}",
        Accept="application/json;as=Table;g=meta.k8s.io;v=v1",
        Accept_Encoding="gzip",
    )
    assert orjson.loads(gzip.decompress(answer.body))["kind"] == "Table"


async def test_small_answers_and_watches_are_not(raw, registry, pod):
    answer = await raw(f"GET {PODS}", Accept_Encoding="gzip")
    assert "Content-Encoding" not in answer.headers
    assert answer.json["items"]
    async with raw.open(f"GET {PODS}?watch=true", Accept_Encoding="gzip") as response:
        assert "Content-Encoding" not in response.headers


async def test_the_feature_gate_switches_it_off(registry):
    fill(registry)
    config = Config(port=0, feature_gates={"APIResponseCompression": False})
    app = create_app(registry, clock=RealClock(), config=config)
    async with aiohttp.ClientSession() as session, Server(app, config) as server:
        asked = {"Accept-Encoding": "gzip"}
        async with session.get(server.url + PODS, headers=asked) as response:
            assert "Content-Encoding" not in response.headers
            assert len(await response.read()) > compress.THRESHOLD


async def test_pieces_are_one_file_and_are_remembered():
    compressor = Compressor()
    head, tail = b"head", b"tail"
    large = orjson.dumps([{"n": n, "t": "x" * 20} for n in range(40_000)])
    assert len(large) > compress.IN_THREAD
    for _ in range(2):
        assert gzip.decompress(await compressor.gzip((head, large, tail))) == head + large + tail
    assert [source for source, _ in compressor._entries.values()] == [large]
    other = large[:-1]
    assert gzip.decompress(await compressor.gzip((other, b""))) == other


async def test_what_is_remembered_is_bounded():
    compressor = Compressor(kept=1_000_000)
    pieces = [bytes([n]) * 300_000 for n in range(8)]
    for piece in pieces:
        await compressor.gzip((piece,))
    kept = [source for source, _ in compressor._entries.values()]
    assert kept == pieces[-3:]
    await compressor.gzip((b"x" * 2_000_000,))
    assert [source for source, _ in compressor._entries.values()] == pieces[-3:]
