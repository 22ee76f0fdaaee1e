"""What objects use of a quota, each revision of them looked at once."""

import random

import pytest

from miniplane.api import resources
from miniplane.api.podresources import add_to
from miniplane.api.quantity import ZERO
from miniplane.api.quotas import usage
from miniplane.client.protocol import PlainHandle
from miniplane.clock import format_time, parse_time
from miniplane.controllers.resourcequota import plan

NOW = parse_time("2026-01-01T00:00:00Z")
NAMES = ["pods", "count/pods", "requests.memory", "cpu"]


class Counted(PlainHandle):
    """Counts how often it is read."""

    reads = 0

    def __getattribute__(self, name):
        if name == "obj":
            Counted.reads += 1
        return super().__getattribute__(name)


def make_pod(rng, revision):
    memory = rng.choice(["1Gi", "1073741824", "0", "100M"])
    metadata = {"name": f"p{revision}", "resourceVersion": str(revision)}
    if rng.random() < 0.3:
        deleted = format_time(NOW + rng.choice([-60, -20, 0]))
        metadata |= {"deletionTimestamp": deleted, "deletionGracePeriodSeconds": 30}
    requests = {"memory": memory, "cpu": rng.choice(["100m", "0.1", "1"])}
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]},
        "status": {"phase": rng.choice(["Running", "Running", "Succeeded"])},
    }


@pytest.mark.parametrize("seed", range(20))
def test_a_tally_is_the_sum_of_what_each_object_uses(seed):
    rng = random.Random(seed)
    tally = plan.Tally({"hard": {}}, resources.PODS, NAMES)
    pods, now, made = [], NOW, 0
    for _ in range(15):
        now += rng.choice([0, 10, 60])
        pods = [pod for pod in pods if rng.random() < 0.8]
        for _ in range(rng.randrange(6)):
            made += 1
            pods.append(make_pod(rng, made))
        rng.shuffle(pods)
        expected = {name: ZERO for name in NAMES}
        for pod in pods:
            meta = pod["metadata"]
            late = "deletionTimestamp" in meta and now > parse_time(meta["deletionTimestamp"]) + 30
            mine = usage.of(resources.PODS, pod, expired=late)
            add_to(expected, {name: mine[name] for name in NAMES if name in mine})
        found = tally.total([PlainHandle(pod) for pod in pods], now)
        assert {n: str(v) for n, v in found.items()} == {n: str(v) for n, v in expected.items()}


def test_a_revision_is_read_once():
    tally = plan.Tally({"hard": {}}, resources.PODS, NAMES)
    rng = random.Random(0)
    handles = [Counted(make_pod(rng, revision)) for revision in range(1, 6)]
    tally.total(handles, NOW)
    first = Counted.reads
    Counted.reads = 0
    tally.total(handles, NOW)
    # Once each, for the revision.
    assert Counted.reads == 5 and first > 5
