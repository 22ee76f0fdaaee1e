"""How many replicas what pods use asks for."""

import pytest

from miniplane.controllers.podautoscaler import replicas, usage
from miniplane.controllers.podautoscaler.replicas import Question, Tolerances
from miniplane.controllers.podautoscaler.usage import MetricError, Usage

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z
LONG_AGO, JUST_NOW = "2025-12-31T00:00:00Z", "2025-12-31T23:59:00Z"


def pod(number, *, ready=True, phase="Running", request="1", since=LONG_AGO, deleted=False):
    meta = {"name": f"p{number}"} | ({"deletionTimestamp": JUST_NOW} if deleted else {})
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
    return {
        "metadata": meta,
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": request}}}]},
        "status": {"phase": phase, "startTime": since, "conditions": [condition]},
    }


def asked(pods, levels, *, current=None, resource="cpu", tolerances=replicas.DEFAULT):
    usages = {
        f"p{number}": Usage(level, NOW) for number, level in enumerate(levels) if level is not None
    }
    count = len(pods) if current is None else current
    return Question(pods, usages, resource, count, NOW, tolerances)


def some(count, **more):
    return [pod(number, **more) for number in range(count)]


@pytest.mark.parametrize(
    ("pods", "levels", "target", "wanted", "percent"),
    [
        (some(3), [300, 500, 700], 30, 5, 50),
        (some(3), [300, 500, 700], 50, 3, 50),
        (some(3), [300, 500, 700], 47, 3, 50),  # within the tolerance
        (some(5), [100, 300, 500, 250, 250], 50, 3, 28),
        # Pods that start count as using nothing on the way up,
        ([pod(0, ready=False, since=JUST_NOW), *some(3)[1:]], [300, 500, 700], 30, 4, 60),
        ([pod(0, phase="Pending"), *some(3)[1:]], [None, 500, 700], 30, 4, 60),
        # and not at all on the way down.
        ([pod(0, phase="Pending"), *some(3)[1:]], [None, 200, 200], 40, 1, 20),
        # Pods that are going or have failed do not count.
        ([*some(2), pod(2, deleted=True)], [800, 800, 0], 40, 4, 80),
        ([*some(2), pod(2, phase="Failed")], [800, 800, 0], 40, 4, 80),
        # Nothing is known of a pod: it neither lets the others grow nor shrink by itself.
        (some(2), [1000, None], 100, 2, 100),
        (some(2), [1900, None], 100, 2, 190),
        (some(2), [600, None], 100, 2, 60),
        (some(4), [3000, 3000, 3000, None], 100, 9, 300),
        (some(5), [100, 100, 100, 100, None], 50, 3, 10),
    ],
)
def test_a_target_in_percent(pods, levels, target, wanted, percent):
    proposal = replicas.by_utilization(asked(pods, levels), target)
    assert (proposal.replicas, proposal.utilization) == (wanted, percent)


@pytest.mark.parametrize(
    ("levels", "target", "wanted"),
    [
        ([20_000, 10_000, 30_000], 15_000, 4),
        ([20_000, 10_000, 30_000], 20_000, 3),
        ([12_000, 12_000, 12_000], 20_000, 2),
        ([None, 12_000, 12_000], 20_000, 3),  # the silent one counts as 20
    ],
)
def test_a_target_a_pod(levels, target, wanted):
    proposal = replicas.by_average(asked(some(3), levels, resource="memory"), target)
    assert proposal.replicas == wanted


def test_tolerances_can_be_set_for_each_direction():
    exact = Tolerances(down=0.5, up=0.0)
    assert replicas.by_utilization(asked(some(3), [310] * 3, tolerances=exact), 30).replicas == 4
    assert replicas.by_utilization(asked(some(3), [160] * 3, tolerances=exact), 30).replicas == 3


def test_containers_and_sidecars_and_whole_pods_have_requests():
    first = pod(0)
    first["spec"]["initContainers"] = [
        {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}},
        {"name": "i", "resources": {"requests": {"cpu": "7"}}},
    ]
    assert replicas.by_utilization(asked([first], [1000]), 50).utilization == 50
    assert replicas.by_utilization(asked([first], [500]), 50, "s").utilization == 50
    first["spec"]["resources"] = {"requests": {"cpu": "4"}}
    assert replicas.by_utilization(asked([first], [1000]), 50).utilization == 25


@pytest.mark.parametrize(
    ("pods", "levels", "text"),
    [
        ([], [], "no pods returned by selector while calculating replica count"),
        (
            some(1, phase="Pending"),
            [None],
            "did not receive metrics for targeted pods (pods might be unready)",
        ),
        (some(1, request=None), [5], "missing request for cpu in container c of Pod p0"),
        (some(1, request="0"), [5], "no metrics returned matched known pods"),
    ],
)
def test_what_cannot_be_said(pods, levels, text):
    with pytest.raises(MetricError) as caught:
        replicas.by_utilization(asked(pods, levels), 50)
    assert str(caught.value) == text


def metrics(name, window="1m0s", **containers):
    return {
        "metadata": {"name": name, "namespace": "default"},
        "timestamp": "2026-01-01T00:00:00Z",
        "window": window,
        "containers": [
            {"name": container, "usage": {} if cpu is None else {"cpu": cpu}}
            for container, cpu in containers.items()
        ],
    }


def test_the_usage_of_pods():
    items = [metrics("a", x="250m", y="1"), metrics("b", "1m30s", x="5000001n"), metrics("c")]
    assert usage.of_pods(items, "cpu") == {"a": Usage(1250, NOW, 60.0), "b": Usage(6, NOW, 90.0)}
    assert usage.of_pods(items[:2], "cpu", "x") == {
        "a": Usage(250, NOW, 60.0),
        "b": Usage(6, NOW, 90.0),
    }
    assert usage.of_pods([metrics("a", x="1", y=None)], "cpu") == {}
    with pytest.raises(MetricError, match="no metrics returned from resource metrics API"):
        usage.of_pods([], "cpu")
    with pytest.raises(MetricError, match="container z not present in metrics for pod default/a"):
        usage.of_pods(items, "cpu", "z")
