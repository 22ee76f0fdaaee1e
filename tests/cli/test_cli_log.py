"""`miniplane log` against a real server."""

import asyncio
import io
import os

import pytest

from miniplane import testing
from miniplane.api.resources import PODS
from miniplane.cli import arguments, log, main
from miniplane.cli.failure import Failure
from miniplane.testing import objects


def parsed(*argv, **env):
    args = arguments.parse(["log", *argv], env)
    return args.pod, args.text, args.namespace, args.container, args.stderr


def test_the_words_may_stand_before_and_after_the_flags():
    assert parsed("web", "hello", "there") == ("web", ["hello", "there"], None, None, False)
    assert parsed("web", "-n", "ns", "-c", "main", "hello") == (
        *("web", ["hello"]),
        *("ns", "main", False),
    )
    assert parsed("-n", "ns", "web", "hello", "--stderr") == ("web", ["hello"], "ns", None, True)
    assert parsed("web", "--", "-x") == ("web", ["-x"], None, None, False)
    assert parsed("web", MINIPLANE_NAMESPACE="ns") == ("web", [], "ns", None, False)
    for wrong in (["web", "--bogus"], ["web", "-n", "ns", "text", "--bogus"], []):
        with pytest.raises(Failure):
            parsed(*wrong)


def run_against_a_server(*commands):
    """What the pod `web` has been made to say by the commands, and their exit statuses."""

    async def story():
        async with testing.cluster(nodes=1, http=True) as cluster:
            pod = objects.pod("web")
            pod["metadata"]["annotations"] = {"sim.miniplane.dev/log": ""}
            await cluster.client.create(PODS, pod)
            await cluster.settle()
            codes = [
                await asyncio.to_thread(main.main, ["log", *argv, "--server", cluster.url])
                for argv in commands
            ]
            return codes, cluster.logs.read("default", "web")

    return asyncio.run(story())


def test_lines_are_written(capsys):
    commands = (
        ["web", "hello", "there"],
        ["pod/web", "-c", "main", "--stderr", "more"],
        ["none", "hello"],
        ["web/x", "hello"],
        ["web", "-n", "a/b", "hello"],
    )
    codes, text = run_against_a_server(*commands)
    assert codes == [0, 0, 1, 2, 1]
    assert text == "hello there\nmore\n"
    assert capsys.readouterr().err.splitlines() == [
        'miniplane: pods "none" not found',
        "miniplane: the name of a pod is wanted, not 'web/x'",
        'miniplane: pods "web" not found',
    ]


class Pipe(io.StringIO):
    """stdin with this in it."""

    def __init__(self, data):
        super().__init__()
        self.reading, writing = os.pipe()
        os.write(writing, data)
        os.close(writing)

    def fileno(self):
        return self.reading

    def close(self):
        os.close(self.reading)
        super().close()


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_lines_come_from_stdin(monkeypatch, chunk):
    monkeypatch.setattr(log, "CHUNK", chunk)
    with Pipe(b"one\ntwo \xc3\xa9\n\nthe last one") as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        codes, text = run_against_a_server(["web"])
    assert codes == [0]
    assert text == "one\ntwo é\n\nthe last one\n"
