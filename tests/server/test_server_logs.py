"""GET of a pod's log and POST into it, in front of a whole cluster."""

import asyncio
import contextlib

import aiohttp
import pytest

from miniplane import testing
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import PODS
from miniplane.config import Config
from miniplane.server.app import create_app
from miniplane.server.serve import Server
from miniplane.server.verbs import watch as watch_verb
from miniplane.testing import objects

LOG = "/api/v1/namespaces/default/pods/web/log"
OWN = "/miniplane/v1/namespaces/default/pods/web/log"
NOTE = "sim.miniplane.dev/"


class Client:
    """A cluster and a client of it."""

    def __init__(self, cluster, session):
        self.cluster = cluster
        self.session = session

    def open(self, path=LOG, *, method="GET", body=None, **query):
        query = {key: str(value) for key, value in query.items()}
        return self.session.request(method, self.cluster.url + path, params=query, data=body)

    async def get(self, path=LOG, **query):
        """Status and text; of an error its message."""
        async with self.open(path, **query) as answer:
            if answer.status >= 400:
                return answer.status, (await answer.json())["message"]
            return answer.status, await answer.text()

    async def post(self, body, path=OWN, **query):
        async with self.open(path, method="POST", body=body, **query) as answer:
            return answer.status, await answer.json()

    @contextlib.asynccontextmanager
    async def follow(self, **query):
        async with self.open(follow="true", **query) as answer:
            yield answer

    async def make(self, name="web", notes=None, **spec):
        pod = objects.pod(name, **spec)
        pod["metadata"]["annotations"] = {f"{NOTE}log": "hello", **(notes or {})}
        await self.cluster.client.create(PODS, pod)
        await self.cluster.settle()


@contextlib.asynccontextmanager
async def client(**settings):
    async with (
        testing.cluster(nodes=1, http=True, **settings) as cluster,
        aiohttp.ClientSession() as session,
    ):
        yield Client(cluster, session)


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def line(answer):
    async with asyncio.timeout(10):
        return (await answer.content.readline()).decode()


async def test_the_answer_is_plain_text():
    async with client() as c:
        await c.make()
        async with c.open() as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/plain"
            assert answer.headers["Cache-Control"] == "no-cache, private"
            assert await answer.read() == b"hello\n"
        # Whatever a container writes comes out as it went in.
        assert (await c.post(b"\xff\x00\r\n\n  x"))[0] == 200
        async with c.open() as answer:
            assert await answer.read() == b"hello\n\xff\x00\r\n\n  x\n"
        assert await c.get(pretty="true", insecureSkipTLSVerifyBackend="true", tailLines=1) == (
            200,
            "  x\n",
        )


async def test_parts_of_the_log():
    async with client() as c:
        await c.make()
        await c.cluster.advance(10)
        await c.post("one\ntwo\n")
        await c.cluster.advance(10)
        await c.post("three")
        assert await c.get(tailLines=2) == (200, "two\nthree\n")
        assert await c.get(limitBytes=7) == (200, "hello\no")
        assert await c.get(sinceSeconds=5) == (200, "three\n")
        assert await c.get(sinceSeconds=15) == (200, "one\ntwo\nthree\n")
        stamped = (await c.get(timestamps="true"))[1].splitlines()
        moments = [text.partition(" ")[0] for text in stamped]
        assert all(len(moment) == len("2026-01-01T00:00:00.000000000Z") for moment in moments)
        assert moments == sorted(moments)
        assert (await c.get(sinceTime=moments[1]))[1] == "one\ntwo\nthree\n"
        assert (await c.get(sinceTime="2026-01-01T00:00:00+01:00"))[1].count("\n") == 4
        assert (await c.get(sinceTime="2036-01-01T00:00:00Z"))[1] == ""
        assert (await c.get(sinceTime=""))[1].count("\n") == 4


INVALID = 'PodLogOptions "web" is invalid: '


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        (
            {"tailLines": -1},
            422,
            f"{INVALID}tailLines: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            {"limitBytes": 0},
            422,
            f"{INVALID}limitBytes: Invalid value: 0: must be greater than 0",
        ),
        (
            {"sinceSeconds": 0},
            422,
            f"{INVALID}sinceSeconds: Invalid value: 0: must be greater than 0",
        ),
        (
            {"sinceSeconds": 0, "sinceTime": "2026-01-01T00:00:00Z"},
            422,
            f"{INVALID}[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be "
            "specified",
        ),
        ({"stream": "Stdout"}, 422, f"{INVALID}stream: Forbidden: may not be specified"),
        ({"tailLines": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        (
            {"sinceTime": "x"},
            400,
            'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
        ),
        ({"container": "x"}, 400, "container x is not valid for pod web"),
        (
            {"previous": "true"},
            400,
            'previous terminated container "main" in pod "web" not found',
        ),
    ],
)
async def test_what_is_refused(query, code, message):
    async with client() as c:
        await c.make()
        assert await c.get(**query) == (code, message)
        assert await c.get(**query, follow="true") == (code, message)


async def test_options_are_looked_at_before_the_pod_is():
    async with client() as c:
        assert (await c.get(tailLines=-1))[0] == 422
        assert await c.get(tailLines=1) == (404, 'pods "web" not found')


async def test_streams_can_be_told_apart_behind_a_gate():
    async with client(feature_gates={"PodLogsQuerySplitStreams": True}) as c:
        await c.make()
        await c.post("oh", stream="stderr")
        assert await c.get(stream="Stdout") == (200, "hello\n")
        assert await c.get(stream="Stderr") == (200, "oh\n")
        assert await c.get(stream="All", tailLines=1) == (200, "oh\n")
        assert await c.get(stream="Stderr", tailLines=1) == (
            422,
            f"{INVALID}[]: Forbidden: `tailLines` and specific `stream` are mutually exclusive "
            "for now",
        )
        assert (await c.get(stream="Both"))[1] == (
            f'{INVALID}stream: Unsupported value: "Both": supported values: "All", "Stderr", '
            '"Stdout"'
        )


async def test_pods_that_have_no_log_yet():
    two = [{"name": name, "image": "x"} for name in ("a", "b")]
    async with client(pod_startup=5.0) as c:
        await c.cluster.client.create(PODS, objects.pod("web", containers=two))
        await c.cluster.drain()
        assert await c.get() == (
            400,
            "a container name must be specified for pod web, choose one of: [a b]",
        )
        waiting = 'container "b" in pod "web" is waiting to start: ContainerCreating'
        assert await c.get(container="b") == (400, waiting)
        assert (await c.post("x", container="b"))[1]["message"] == waiting
        # One that is nowhere yet has nothing to say, not even an error.
        nowhere = objects.pod("nowhere", nodeSelector={"a": "b"})
        await c.cluster.client.create(PODS, nowhere)
        await c.cluster.drain()
        async with c.open(LOG.replace("web", "nowhere"), follow="true") as answer:
            assert (answer.status, await answer.read()) == (204, b"")
        await c.cluster.client.create(PODS, objects.pod("lost", nodeName="gone"))
        await c.cluster.drain()
        assert await c.get(LOG.replace("web", "lost")) == (404, 'nodes "gone" not found')


async def test_containers_that_end_and_start_again():
    async with client() as c:
        notes = {f"{NOTE}run-for": "5s", f"{NOTE}exit-code": "3"}
        await c.make(notes=notes, initContainers=[{"name": "prepare", "image": "x"}])
        await c.post("first run")
        assert (await c.get(container="prepare"))[1].count("\n") == 2
        async with c.follow() as answer:
            assert await line(answer) == "hello\n"
            assert await line(answer) == "first run\n"
            await c.cluster.advance(5)
            assert await line(answer) == ""
        # At once the first time; then it waits.
        await c.post("second run")
        assert await c.get() == (200, "hello\nsecond run\n")
        assert await c.get(previous="true") == (200, "hello\nfirst run\n")
        await c.cluster.advance(6)
        state = (await c.cluster.pods())[0]["status"]["containerStatuses"][0]["state"]
        assert state["waiting"]["reason"] == "CrashLoopBackOff"
        assert await c.get() == (200, "hello\nsecond run\n")
        assert await c.get(previous="true") == (200, "hello\nsecond run\n")
        await c.post("after the fact")
        assert (await c.get(tailLines=1))[1] == "after the fact\n"


async def test_following():
    async with client() as c:
        await c.make(notes={f"{NOTE}log-every": "2s"})
        async with c.follow(tailLines=0, timestamps="true") as answer:
            assert answer.headers["Transfer-Encoding"] == "chunked"
            await c.post("one\ntwo")
            assert (await line(answer)).endswith("Z one\n")
            assert (await line(answer)).endswith("Z two\n")
            await c.cluster.advance(2)
            assert (await line(answer)).endswith("Z hello\n")
            await c.cluster.client.delete(PODS, "web", "default")
            await c.cluster.settle()
            assert await line(answer) == ""
        assert len(c.cluster.logs.book) == 0
        assert c.cluster.logs.book.size == 0


async def test_following_so_many_bytes():
    async with client() as c:
        await c.make()
        async with c.follow(limitBytes=9) as answer:
            assert await line(answer) == "hello\n"
            await c.post("and more")
            assert await answer.text() == "and"


async def test_following_ends_when_a_pod_is_removed_by_force():
    async with client() as c:
        await c.make()
        async with c.follow() as answer:
            assert await line(answer) == "hello\n"
            options = DeleteOptions(grace_period_seconds=0)
            await c.cluster.client.delete(PODS, "web", "default", options=options)
            assert await line(answer) == ""


async def test_a_reader_that_leaves_leaves_nothing_behind():
    async with client() as c:
        await c.make(notes={f"{NOTE}log-every": "2s"})
        timers = len(c.cluster.clock._background.active())
        async with c.follow() as answer:
            assert await line(answer) == "hello\n"
            assert len(c.cluster.logs.book) == 1
            _, metrics = await c.get("/metrics")
            [going] = [x for x in metrics.splitlines() if x.startswith("apiserver_longrunning")]
            assert 'subresource="log",verb="CONNECT"' in going
        await until(lambda: len(c.cluster.logs.book) == 0)
        assert len(c.cluster.clock._background.active()) == timers


async def test_a_slow_reader_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(watch_verb, "STALLED", 0.2)
    async with client() as c:
        await c.make()
        host, port = c.cluster.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(f"GET {LOG}?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await until(lambda: len(c.cluster.logs.book) == 1)
        for _ in range(30):
            c.cluster.logs.write("default", "web", "x" * 1_000_000)
            await asyncio.sleep(0)
        log = next(iter(c.cluster.logs.book._logs()))
        await until(lambda: not log.listeners)
        writer.close()


async def test_stopping_the_server_ends_its_readers_at_once():
    async with client() as c:
        await c.make()
        cluster, config = c.cluster.cluster, Config(port=0)
        app = create_app(cluster.registry, clock=cluster.clock, config=config, logs=cluster.logs)
        async with Server(app, config) as server:
            path = f"{server.url}{LOG}?follow=1"
            async with c.session.get(path) as one, c.session.get(path) as two:
                assert await line(one) == await line(two) == "hello\n"
                async with asyncio.timeout(1):
                    await server.stop()
                assert await one.text() == await two.text() == ""
        assert len(c.cluster.logs.book) == 0


async def test_what_can_not_be_written():
    async with client() as c:
        await c.make()
        assert (await c.post("x"))[1]["status"] == "Success"
        assert (await c.post(""))[0] == 200
        status, answer = await c.post("x", OWN.replace("web", "none"))
        assert (status, answer["message"]) == (404, 'pods "none" not found')
        status, answer = await c.post("x", stream="Stdout")
        assert (status, answer["message"]) == (
            400,
            'stream must be "stdout" or "stderr", not "Stdout"',
        )
        status, answer = await c.post("x" * (3 * 2**20 + 1))
        assert status == 413
        assert (await c.get(OWN))[0] == 405
        for path in ("/miniplane", "/miniplane/v2" + OWN[13:], OWN + "/x"):
            assert (await c.post("x", path))[0] == 404


async def test_who_may_write_and_read():
    async with client() as c:
        await c.make()
        headers = {"Impersonate-User": "jane"}
        async with c.session.post(c.cluster.url + OWN, data="x", headers=headers) as answer:
            assert answer.status == 403
            assert (await answer.json())["message"] == (
                f'forbidden: User "jane" cannot post path "{OWN}"'
            )
        async with c.session.get(c.cluster.url + LOG, headers=headers) as answer:
            assert answer.status == 403
            assert 'cannot get resource "pods/log"' in (await answer.json())["message"]
