"""What `miniplane.testing` gives to tests, over a cluster that is no more than a clock."""

import pytest

from miniplane.api import decode
from miniplane.api.resources import PODS, of_kind
from miniplane.client.protocol import ObjectList, PlainHandle
from miniplane.runtime import settle
from miniplane.testing import Harness, NotSettled, objects


class Manager:
    def parts(self):
        return iter(())


class ClusterOf:
    """As much of a cluster as the harness asks for."""

    def __init__(self, clock, client=None):
        self.clock = clock
        self.client = client
        self.manager = Manager()

    async def settle(self, *, max_seconds):
        await settle.settle(self.clock, self.manager.parts, max_seconds=max_seconds)

    async def advance(self, seconds):
        await settle.advance(self.clock, self.manager.parts, seconds)


async def test_until_moves_time_just_far_enough(clock):
    harness = Harness(ClusterOf(clock))
    start = clock.time()
    seen = []
    for delay in (5, 10, 15):
        clock.call_later(delay, lambda d=delay: seen.append(d), background=delay == 10)
    assert await harness.until(lambda: 10 in seen and "yes") == "yes"
    assert clock.time() == start + 10

    async def third():
        return 15 in seen

    assert await harness.until(third) is True
    with pytest.raises(NotSettled, match="not true after 600 s"):
        await harness.until(lambda: 20 in seen)
    clock.call_later(1000, seen.clear)
    with pytest.raises(NotSettled):
        await harness.until(lambda: not seen)


async def test_settle_and_advance(clock):
    harness = Harness(ClusterOf(clock))
    start = clock.time()
    clock.call_later(60, lambda: None)
    await harness.settle()
    assert clock.time() == start + 60
    await harness.advance(30)
    assert clock.time() == start + 90
    clock.call_later(60, lambda: None)
    with pytest.raises(NotSettled):
        await harness.settle(max_seconds=59)


async def test_lists_are_objects(clock):
    class Client:
        async def list(self, resource, namespace, *, label_selector=""):
            asked = {"resource": resource, "namespace": namespace, "selector": label_selector}
            return ObjectList([PlainHandle(asked)], "1")

    harness = Harness(ClusterOf(clock, Client()))
    assert await harness.pods("a", label_selector="x=1") == [
        {"resource": PODS, "namespace": "a", "selector": "x=1"}
    ]


@pytest.mark.parametrize(
    "obj",
    [
        objects.pod("p", labels={"a": "b"}, nodeName="n"),
        objects.deployment("d", replicas=2, pod_fields={"nodeName": "n"}, paused=True),
        objects.stateful_set("s", podManagementPolicy="Parallel"),
        objects.daemon_set("d"),
        objects.job("j", backoffLimit=2),
        objects.service("s", clusterIP="None"),
        objects.config_map("c", {"k": "v"}),
        objects.namespace("n"),
        objects.node("n", unschedulable=True),
    ],
    ids=lambda obj: obj["kind"],
)
def test_the_objects_are_what_they_say(obj):
    resource = of_kind(obj["apiVersion"], obj["kind"])
    decoded, problems = decode.decode(resource.definition, obj)
    assert problems == []
    assert decoded["metadata"] == obj["metadata"]
    assert ("namespace" in obj["metadata"]) == resource.namespaced


def test_every_call_makes_a_new_object():
    one, two = objects.stateful_set("web"), objects.stateful_set("web")
    one["spec"]["template"]["metadata"]["labels"]["x"] = "y"
    assert one["spec"]["selector"] == two["spec"]["selector"]
    assert "x" not in two["spec"]["template"]["metadata"]["labels"]
