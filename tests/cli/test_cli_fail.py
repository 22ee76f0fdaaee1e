"""`miniplane fail` and `heal`, against a cluster that is served over HTTP."""

import asyncio

import pytest

from miniplane import testing
from miniplane.api.resources import NODES, PODS
from miniplane.cli import main
from miniplane.testing import objects


@pytest.fixture
async def run(monkeypatch, capsys):
    """Runs a command against a cluster with a pod; status, what it prints and complains of."""
    async with testing.cluster(nodes=1, http=True) as c:
        await c.client.create(PODS, objects.pod("web", labels={"app": "web"}))
        await c.settle()
        monkeypatch.setenv("MINIPLANE_SERVER", c.url)

        async def command(*argv):
            status = await asyncio.to_thread(main.main, argv)
            out = capsys.readouterr()
            return status, out.out, out.err

        command.cluster = c
        yield command


async def notes(c, resource, name, namespace=""):
    found = (await c.client.get(resource, name, namespace))["metadata"].get("annotations") or {}
    return {k: v for k, v in found.items() if k.startswith("sim.")}


@pytest.mark.parametrize(
    ("flags", "key", "value"),
    [
        (["--crashloop"], "", "crashloop"),
        (["--image-pull"], "", "image-pull"),
        (["--oom", "-c", "main"], ".main", "oom"),
        (["--not-ready", "-n", "default"], "", "not-ready"),
        (["--exit", "3"], "", "exit=3"),
    ],
)
async def test_a_pod_fails_and_heals(run, flags, key, value):
    assert await run("fail", "pod", "web", *flags) == (0, f"pod/web fails: {value}\n", "")
    assert await notes(run.cluster, PODS, "web", "default") == {
        f"sim.miniplane.dev/fail{key}": value
    }
    assert await run("heal", "pod", "web") == (0, "pod/web healed\n", "")
    assert await notes(run.cluster, PODS, "web", "default") == {}


async def test_pods_by_label(run):
    assert await run("fail", "pod", "-l", "app=web", "--oom") == (0, "pod/web fails: oom\n", "")
    assert await run("heal", "pod", "-l", "app in (web)") == (0, "pod/web healed\n", "")
    assert await run("heal", "pod", "web", "-c", "main") == (
        0,
        "pod/web has nothing to be healed of\n",
        "",
    )
    found = await run("heal", "pod", "-l", "app=db")
    assert found == (1, "", "miniplane: no pods with app=db in namespace default\n")


@pytest.mark.parametrize(
    ("argv", "status", "complaint"),
    [
        (["web", "--liveness"], 1, "pod/web: no container has a livenessProbe"),
        (["web", "-c", "x", "--oom"], 1, "pod/web: the pod has no container 'x'"),
        (["web", "--exit", "x"], 2, "--exit: a number from 0 to 255 is wanted, not 'x'"),
        (["nope", "--oom"], 1, 'pods "nope" not found'),
        (["--oom"], 2, "the name of a pod or --selector is wanted"),
    ],
)
async def test_pods_that_cannot_fail(run, argv, status, complaint):
    assert await run("fail", "pod", *argv) == (status, "", f"miniplane: {complaint}\n")
    assert await notes(run.cluster, PODS, "web", "default") == {}


async def test_a_node_stops_and_comes_back(run):
    assert await run("fail", "node", "node-1") == (0, "node/node-1 stopped\n", "")
    stopped = "sim.miniplane.dev/stopped"
    assert await notes(run.cluster, NODES, "node-1") == {stopped: "true"}
    status, out, _ = await run("fail", "node", "node-1", "--for", "5m")
    until = (await notes(run.cluster, NODES, "node-1"))[stopped]
    assert (status, out) == (0, f"node/node-1 stopped until {until}\n")
    assert await run("heal", "node", "node-1") == (0, "node/node-1 healed\n", "")
    assert await notes(run.cluster, NODES, "node-1") == {}
    found = await run("fail", "node", "node-1", "--for", "5")
    assert found == (2, "", "miniplane: --for: a duration such as 5m is wanted, not '5'\n")


async def test_a_node_is_short_of_something(run):
    flag, key = "--memory-pressure", "sim.miniplane.dev/memory-pressure"
    assert await run("fail", "node", "node-1", flag) == (0, "node/node-1 has memory-pressure\n", "")
    assert await notes(run.cluster, NODES, "node-1") == {key: "true"}
    status, out, _ = await run("fail", "node", "node-1", flag, "--for", "30s")
    until = (await notes(run.cluster, NODES, "node-1"))[key]
    assert (status, out) == (0, f"node/node-1 has memory-pressure until {until}\n")
    assert await run("heal", "node", "node-1") == (0, "node/node-1 healed\n", "")
    assert await notes(run.cluster, NODES, "node-1") == {}


async def test_a_node_of_a_certain_size(run):
    flags = ["--zone", "b", "--cpu", "4", "--memory", "8Gi", "--pods", "9", "--label", "a=b"]
    more = [
        "--extended",
        "example.com/gpu=2",
        "--taint",
        "a=b:NoExecute",
        "--taint",
        "c:NoSchedule",
    ]
    assert await run("node", "add", "big", *flags, *more) == (0, "node/big added\n", "")
    await run.cluster.settle()
    found = await run.cluster.client.get(NODES, "big")
    labels = found["metadata"]["labels"]
    assert (labels["a"], labels["topology.kubernetes.io/zone"]) == ("b", "b")
    sizes = {k: found["status"]["allocatable"][k] for k in ("cpu", "memory", "pods")}
    assert sizes == {"cpu": "4", "memory": "8Gi", "pods": "9"}
    assert found["status"]["capacity"]["example.com/gpu"] == "2"
    assert found["spec"]["taints"] == [
        {"key": "a", "value": "b", "effect": "NoExecute"},
        {"key": "c", "effect": "NoSchedule"},
    ]


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--cpu", "x"], "--cpu: a quantity such as 4 or 8Gi is wanted, not 'x'"),
        (["--pods", "-1"], "--pods: a quantity such as 4 or 8Gi is wanted, not '-1'"),
        (["--extended", "gpu"], "--extended: KEY=VALUE is wanted, not 'gpu'"),
        (["--extended", "a.b/c=x"], "--extended: a quantity such as 4 or 8Gi is wanted, not 'x'"),
        (["--taint", "a=b"], "--taint: KEY=VALUE:EFFECT is wanted, not 'a=b'"),
    ],
)
async def test_sizes_that_are_none(run, flags, complaint):
    assert await run("node", "add", "big", *flags) == (2, "", f"miniplane: {complaint}\n")
