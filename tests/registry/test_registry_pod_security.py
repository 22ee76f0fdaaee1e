"""Namespaces that ask for Pod Security Standards."""

from miniplane.api.resources import CRON_JOBS, DEPLOYMENTS, NAMESPACES, PODS
from miniplane.testing import objects

PREFIX = "pod-security.kubernetes.io/"


def ask(world, **levels):
    labels = {PREFIX + mode.replace("_", "-"): level for mode, level in levels.items()}
    patch = {"metadata": {"labels": labels}}
    return world.send_patch(NAMESPACES, "default", patch).warnings


def test_what_is_enforced_is_refused(world):
    ask(world, enforce="baseline")
    text = (
        'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces '
        "(hostNetwork=true)"
    )
    with world.refused(403, "Forbidden", text):
        world.create(PODS, objects.pod("p", hostNetwork=True))
    world.create(PODS, objects.pod("p"))
    with world.refused(403, "Forbidden", "host namespaces"):
        world.create(PODS, objects.pod("q", hostNetwork=True), dry_run=True)


def test_what_is_warned_of_is_taken(world):
    ask(world, warn="restricted", warn_version="v1.30")
    warnings = world.post(PODS, objects.pod("p")).warnings
    assert [w for w in warnings if 'would violate PodSecurity "restricted:v1.30": ' in w]


def test_workloads_are_warned_of_and_taken(world):
    ask(world, enforce="baseline")
    assert world.post(DEPLOYMENTS, objects.deployment("a")).warnings == []
    body = objects.deployment("b")
    body["spec"]["template"]["spec"]["hostPID"] = True
    [text] = world.post(DEPLOYMENTS, body).warnings
    assert text == 'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'
    job = {"template": {"spec": objects.pod_spec(hostPID=True, restartPolicy="Never")}}
    cron = {"schedule": "@daily", "jobTemplate": {"spec": job}}
    metadata = {"name": "c", "namespace": "default"}
    [again] = world.post(CRON_JOBS, {"metadata": metadata, "spec": cron}).warnings
    assert again == text


def test_only_new_images_are_looked_at_again(world):
    world.create(PODS, objects.pod("p", hostNetwork=True))
    ask(world, enforce="baseline")
    world.patch(PODS, "p", {"metadata": {"labels": {"a": "b"}}})
    world.patch(PODS, "p", {"status": {"phase": "Running"}}, subresource="status")
    containers = [{**world.get(PODS, "p")["spec"]["containers"][0], "image": "other"}]
    with world.refused(403, "Forbidden", "violates PodSecurity"):
        world.patch(PODS, "p", {"spec": {"containers": containers}})


def test_a_stricter_level_tells_of_the_pods_that_are_there(world):
    for name in ("b", "a"):
        world.create(PODS, objects.pod(name, hostNetwork=True))
    world.create(
        PODS, objects.pod("c", hostPID=True, volumes=[{"name": "v", "hostPath": {"path": "/"}}])
    )
    assert ask(world, enforce="baseline") == [
        'existing pods in namespace "default" violate the new PodSecurity enforce level '
        '"baseline:latest"',
        "a (and 1 other pod): host namespaces",
        "c: host namespaces, hostPath volumes",
    ]
    assert ask(world, warn="baseline") == []
    assert ask(world, enforce="privileged") == []


def test_labels_must_be_good(world):
    body = {"metadata": {"name": "n", "labels": {PREFIX + "enforce": "strict"}}}
    text = 'Namespace "n" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]'
    with world.refused(422, "Invalid", text, "must be one of privileged, baseline, restricted"):
        world.create(NAMESPACES, body)
    with world.refused(422, "Invalid", "metadata.labels"):
        ask(world, audit_version="1.30")
