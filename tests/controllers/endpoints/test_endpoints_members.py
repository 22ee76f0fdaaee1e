"""Pods as services see them, and which services see them."""

import asyncio
import gc
import random
import weakref
from typing import Any

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.resources import NODES, PODS, SERVICES
from miniplane.controllers.endpoints import members, triggers
from miniplane.controllers.endpoints.targets import Target, families_of, selector_of
from miniplane.testing import objects
from miniplane.testing.harness import cluster


def make_pod(**status: Any) -> Obj:
    return {
        "metadata": {"namespace": "a", "name": "p", "uid": "u", "labels": {"app": "web"}},
        "spec": {
            "nodeName": "node-0",
            "containers": [
                {"name": "a", "ports": [{"name": "web", "containerPort": 8080}]},
                {"name": "b", "ports": [{"containerPort": 1}, {"name": "dns", "protocol": "UDP",
                                                               "containerPort": 53}]},
            ],
            "initContainers": [
                {"name": "side", "restartPolicy": "Always",
                 "ports": [{"name": "proxy", "containerPort": 15001}]},
                {"name": "first", "ports": [{"name": "never", "containerPort": 9}]},
            ],
        },
        "status": {"phase": "Running", "podIP": "10.244.0.1", **status},
    }  # fmt: skip


def test_a_pod_is_a_target_while_it_has_an_address_and_lives() -> None:
    assert Target.of(None) is None
    assert Target.of(make_pod(podIP="")) is None
    assert Target.of(make_pod(phase="Succeeded")) is None
    target = Target.of(make_pod())
    assert target is not None
    assert (target.ips, target.ready, target.node) == (("10.244.0.1",), False, "node-0")
    assert target.ports == (("web", "TCP", 8080), ("dns", "UDP", 53), ("proxy", "TCP", 15001))


def test_what_a_service_cannot_see_makes_no_difference() -> None:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    one, other = make_pod(conditions=[ready]), make_pod(conditions=[ready])
    other["metadata"]["annotations"] = {"a": "b"}
    other["status"]["conditions"] = [{**ready, "lastTransitionTime": "2026-01-01T00:00:09Z"}]
    assert Target.of(one) == Target.of(other)
    other["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert Target.of(one) != Target.of(other)


def test_which_services_have_endpoints_made_for_them() -> None:
    def service(**spec: Any) -> Obj:
        return {"metadata": {"name": "s"}, "spec": spec}

    assert selector_of(service(selector={"a": "b"})) == {"a": "b"}
    assert selector_of(service(selector={})) is None
    assert selector_of(service()) is None
    assert selector_of(service(type="ExternalName", selector={"a": "b"})) is None
    assert families_of(service(ipFamilies=["IPv6"])) == ["IPv6"]
    assert families_of(service(clusterIP="fd00::1")) == ["IPv6"]
    assert families_of(service(clusterIP="None")) == ["IPv4"]


def test_trigger_times() -> None:
    created = "2026-01-01T00:00:00Z"
    service = {"metadata": {"namespace": "a", "name": "s", "creationTimestamp": created}}
    feed = members.Feed()
    known: dict[str, Target] = {}

    def see(*times: str) -> str:
        ready = {"type": "Ready", "status": "True"}
        now: dict[str, Target] = {}
        for number, time in enumerate(times):
            pod = make_pod(conditions=[{**ready, "lastTransitionTime": time}])
            pod["metadata"]["name"] = f"p{number}"
            target = Target.of(pod)
            assert target is not None
            now[target.name] = target
        for name in {**known, **now}:
            feed.note("a/s", name, known.get(name))
        known.clear()
        known.update(now)
        return triggers.changed_at(service, known, feed.take("a/s"))

    assert see() == created, "a new service"
    assert see() == ""
    assert see("2026-01-01T00:00:05Z", "2026-01-01T00:00:03Z") == "2026-01-01T00:00:03Z"
    assert see("2026-01-01T00:00:05Z", "2026-01-01T00:00:09Z") == "2026-01-01T00:00:09Z"
    assert see("2026-01-01T00:00:05Z") == ""
    feed.forget("a/s")
    assert see() == created


def test_of_several_changes_the_feed_tells_what_was_known_before() -> None:
    feed = members.Feed()
    first = Target.of(make_pod())
    feed.note("a/s", "p", first)
    assert feed.take("a/s") is None, "nobody has asked before: all is new"
    feed.note("a/s", "p", first)
    feed.note("a/s", "p", Target.of(make_pod(podIP="10.244.0.2")))
    feed.note("a/s", "q", None)
    assert feed.take("a/s") == {"p": first, "q": None}
    assert feed.take("a/s") == {}


@pytest.mark.parametrize("seed", range(10))
async def test_members_are_those_that_match(seed: int) -> None:
    """Services and pods come, go and change; the index stays true, and tells of what changes."""
    rng = random.Random(seed)
    async with cluster(nodes=0, seed=seed, controllers="endpoints-controller") as c:
        index = members.shared(c.cluster.manager.ctx.informers)
        told: list[str] = []
        index.listen(told.append)
        await c.client.create(NODES, objects.node("n"))
        for step in range(80):
            pod, service = f"p{rng.randrange(6)}", f"s{rng.randrange(3)}"
            labels = {"app": rng.choice("xy"), "tier": rng.choice("xy")}
            act = rng.random()
            before = {f"default/s{n}": list(index.of(f"default/s{n}").values()) for n in range(3)}
            told.clear()
            try:
                if act < 0.3:
                    made = objects.pod(pod, labels=labels, nodeName="n")
                    await c.client.create(PODS, made)
                elif act < 0.45:
                    ip = {"podIP": f"10.0.0.{step}", "podIPs": [{"ip": f"10.0.0.{step}"}]}
                    status = {"status": {"phase": "Running", **ip}}
                    await c.client.patch(PODS, pod, status, "default", subresource="status")
                elif act < 0.6:
                    await c.client.patch(PODS, pod, {"metadata": {"labels": labels}}, "default")
                elif act < 0.7:
                    await c.client.delete(PODS, pod, "default")
                elif act < 0.85:
                    selector = dict(rng.sample(sorted(labels.items()), rng.randint(1, 2)))
                    await c.client.create(SERVICES, objects.service(service, selector=selector))
                elif act < 0.95:
                    selector = {"app": labels["app"], "tier": None}
                    spec = {"spec": {"selector": selector}}
                    await c.client.patch(SERVICES, service, spec, "default")
                else:
                    await c.client.delete(SERVICES, service, "default")
            except StatusError as error:
                assert error.reason in ("NotFound", "AlreadyExists", "Invalid"), error
            await c.settle()
            index._check()
            if act < 0.7:
                changed = [
                    key for key, found in before.items() if found != list(index.of(key).values())
                ]
                assert all(key in told for key in changed)


async def test_the_index_goes_with_its_cluster() -> None:
    async with cluster(nodes=0, controllers="endpoints-controller") as c:
        informers = c.cluster.manager.ctx.informers
        index = weakref.ref(members.shared(informers))
        same = members.shared(informers) is index()
    assert same
    del c, informers
    await asyncio.sleep(0)
    gc.collect()
    assert index() is None
