"""The predicates about pods, and views."""

import doctest
from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.controllers import pods, revisions, scaling
from miniplane.controllers.daemonset import backoff
from miniplane.controllers.pods import PodView
from miniplane.controllers.statefulset import replica

NOW = 1_767_225_610.0


def pod(phase: str = "Running", *, since: str | None = "2026-01-01T00:00:00Z", **meta: Any) -> Obj:
    """A pod that became ready at `since`, ten seconds before `NOW`; None: not ready."""
    status: Obj = {"phase": phase, "conditions": [{"type": "PodScheduled", "status": "True"}]}
    if since is not None:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
        status["conditions"].append(ready)
    metadata = {"name": "web-0", "namespace": "a", "uid": "u", **meta}
    return {"metadata": metadata, "spec": {}, "status": status}


def test_phases() -> None:
    assert pods.is_running(pod()) and not pods.is_terminal(pod())
    assert pods.is_pending(pod("Pending"))
    assert pods.is_failed(pod("Failed")) and pods.is_terminal(pod("Failed"))
    assert pods.is_succeeded(pod("Succeeded")) and not pods.is_active(pod("Succeeded"))
    assert pods.phase({"metadata": {}}) == ""
    assert not pods.is_active(pod(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert pods.is_active(pod("Pending"))


@pytest.mark.parametrize(
    ("min_ready", "available", "wait"), [(0, True, None), (10, True, None), (11, False, 1.0)]
)
def test_availability(min_ready: int, available: bool, wait: float | None) -> None:
    found = pod()
    assert pods.is_ready(found)
    assert pods.is_available(found, min_ready, NOW) is available
    assert PodView.of(found).available(min_ready, NOW) is available
    assert pods.seconds_to_available(found, min_ready, NOW) == wait


def test_not_ready_is_never_available() -> None:
    found = pod(since=None)
    assert not pods.is_ready(found) and not pods.is_available(found, 0, NOW)
    assert pods.seconds_to_available(found, 5, NOW) is None
    # Ready, but nobody knows since when: available only where that does not matter.
    timeless = pod()
    del timeless["status"]["conditions"][1]["lastTransitionTime"]
    assert pods.is_available(timeless, 0, NOW) and not pods.is_available(timeless, 1, NOW)
    assert PodView.of(timeless).available(0, NOW) and not PodView.of(timeless).available(1, NOW)


def pinned(*values: str, operator: str = "In", key: str = "metadata.name") -> Obj:
    terms = [{"matchFields": [{"key": key, "operator": operator, "values": list(values)}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"metadata": {"name": "x"}, "spec": {"affinity": {"nodeAffinity": required}}}


def test_target_node() -> None:
    assert pods.target_node(pinned("a")) == "a"
    assert pods.target_node(pinned("a", "b")) == ""
    assert pods.target_node(pinned("a", operator="NotIn")) == ""
    assert pods.target_node({"metadata": {}, "spec": {}}) == ""
    bound = pinned("a")
    bound["spec"]["nodeName"] = "b"
    assert pods.target_node(bound) == "b"


def test_pods_from_templates_are_private() -> None:
    template = {
        "metadata": {"labels": {"app": "x"}, "annotations": {"a": "b"}, "finalizers": ["f/f"]},
        "spec": {"containers": []},
    }
    made = pods.from_template(template, owner="web", owner_ref={"uid": "u"})
    assert made["metadata"] == {
        "generateName": "web-",
        "labels": {"app": "x"},
        "annotations": {"a": "b"},
        "finalizers": ["f/f"],
        "ownerReferences": [{"uid": "u"}],
    }
    made["metadata"]["labels"]["more"] = "y"
    made["spec"]["nodeName"] = "n"
    assert template["metadata"]["labels"] == {"app": "x"}
    assert template["spec"] == {"containers": []}
    assert pods.from_template({}, owner="web", owner_ref={})["metadata"]["labels"] == {}


def test_views() -> None:
    claims = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    ref = {"uid": "s", "controller": True}
    found = pod(labels={"controller-revision-hash": "r"}, ownerReferences=[{"uid": "o"}, ref])
    found["spec"] = {"nodeName": "n", "volumes": claims}
    view = PodView.of(found)
    assert (view.name, view.namespace, view.uid, view.node) == ("web-0", "a", "u", "n")
    assert view.bound and view.ready and view.running_and_ready and not view.terminating
    assert (view.revision, view.claims) == ("r", (("data", "data-web-0"),))
    assert view.controller == ref
    elsewhere = {**found, "spec": {**found["spec"], "nodeName": "m"}}
    assert PodView.of(elsewhere) == view, "where it runs makes no difference"
    assert PodView.of({**found, "status": {"phase": "Failed"}}) != view


@pytest.mark.parametrize("module", [scaling, revisions, replica, backoff])
def test_examples_in_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
