"""Addresses, images, blockers and nodes."""

import pytest

from miniplane.controllers.kubelet import addresses, blockers, images, node
from miniplane.testing import objects

NOW = "2026-01-01T00:00:10Z"


def test_addresses_follow_one_another_and_are_not_taken_back_at_once():
    pool = addresses.Pool("10.244.3.0/24")
    assert [pool.take() for _ in range(3)] == ["10.244.3.2", "10.244.3.3", "10.244.3.4"]
    pool.release("10.244.3.3")
    assert pool.take() == "10.244.3.5"
    for _ in range(248):
        assert pool.take()
    assert [pool.take(), pool.take(), pool.take()] == ["10.244.3.254", "10.244.3.3", None]


def test_claimed_addresses_are_left_out():
    pool = addresses.Pool("10.244.3.0/24")
    pool.claim_all(["10.244.3.2", "10.244.4.3", "fd00::2", "nonsense", ""])
    assert pool.take() == "10.244.3.3"


def test_addresses_of_version_6():
    pool = addresses.Pool("fd00:10:244::/64")
    assert [pool.take(), pool.take()] == ["fd00:10:244::2", "fd00:10:244::3"]
    pool.release("fd00:10:244::2")


@pytest.mark.parametrize(
    "image, expected",
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1.27", "docker.io/library/nginx"),
        ("bitnami/redis:7", "docker.io/bitnami/redis"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b"),
        ("localhost:5000/a/b", "localhost:5000/a/b"),
        ("ghcr.io/x/y@sha256:0123", "ghcr.io/x/y"),
    ],
)
def test_repositories(image, expected):
    assert images.repository(image) == expected


@pytest.mark.parametrize(
    "image, complaint",
    [
        ("nginx", ""),
        ("localhost:5000/a/b__c:v1.0_2", ""),
        ("ghcr.io/x/y@sha256:" + "0" * 64, ""),
        ("EXAMPLE/web", ""),
        ("Nginx:1", "invalid reference format: repository name (library/Nginx) must be lowercase"),
        ("ghcr.io/X/y", "invalid reference format: repository name (X/y) must be lowercase"),
        ("nginx:", "invalid reference format"),
        ("a b", "invalid reference format"),
        ("-web", "invalid reference format"),
    ],
)
def test_names_that_are_none(image, complaint):
    assert images.complaint(image) == complaint


def test_an_image_that_is_never_pulled_is_there():
    [(reason, text)] = images.pull_events("web:dev", "Never", present=False)
    assert (reason, text.split(" already ")[0]) == ("Pulled", 'Container image "web:dev"')


def test_an_image_is_the_same_everywhere():
    assert images.image_id("nginx:1.27") == images.image_id("nginx:1.27")
    assert images.image_id("nginx:1.27") != images.image_id("nginx:1.28")
    assert images.image_id("a@sha256:12") == "docker.io/library/a@sha256:12"


def source(kind, name="x", **more):
    return {kind: {"secretName" if kind == "secret" else "name": name, **more}}


def blocked(*, there=None, volumes=(), **container):
    pod = objects.pod("web", volumes=[{"name": "v", **v} for v in volumes])
    pod["metadata"].update(uid="u", namespace="default")
    pod["spec"]["containers"][0].update(container)

    def lookup(kind, name):
        return (there or {}).get((kind, name))

    found = blockers.of_volumes(pod, lookup) or blockers.of_containers(pod, lookup).get("main")
    return (found.reason, found.message, found.container) if found else None


def mount(text):
    return ("FailedMount", f'MountVolume.SetUp failed for volume "v" : {text}', "")


def config(text):
    return ("CreateContainerConfigError", text, "main")


KEY = {"name": "x", "key": "k"}
MAP = {("configmap", "x"): {"data": {"a": "1"}}}
PROJECTED = {"projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}}


@pytest.mark.parametrize(
    "found, expected",
    [
        (blocked(volumes=[{"emptyDir": {}}, PROJECTED]), None),
        (blocked(volumes=[source("configMap")]), mount('configmap "x" not found')),
        (blocked(volumes=[source("secret")]), mount('secret "x" not found')),
        (blocked(volumes=[source("secret", optional=True)]), None),
        (blocked(volumes=[source("configMap")], there=MAP), None),
        (
            blocked(volumes=[source("configMap", items=[{"key": "b"}])], there=MAP),
            mount("configmap references non-existent config key: b"),
        ),
        (
            blocked(volumes=[{"persistentVolumeClaim": {"claimName": "data"}}]),
            mount('persistentvolumeclaim "data" not found'),
        ),
        (
            blocked(env=[{"name": "A", "valueFrom": {"configMapKeyRef": KEY}}]),
            config('configmap "x" not found'),
        ),
        (
            blocked(env=[{"name": "A", "valueFrom": {"configMapKeyRef": KEY}}], there=MAP),
            config("couldn't find key k in ConfigMap default/x"),
        ),
        (
            blocked(
                env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "a"}}}],
                there=MAP,
            ),
            None,
        ),
        (blocked(envFrom=[{"secretRef": {"name": "x"}}]), config('secret "x" not found')),
        (blocked(envFrom=[{"secretRef": {"name": "x", "optional": True}}]), None),
        (
            blocked(
                env=[{"name": "A", "valueFrom": {"configMapKeyRef": KEY}}],
                there={("configmap", "x"): {"binaryData": {"k": "AA=="}}},
            ),
            config("couldn't find key k in ConfigMap default/x"),
        ),
        (
            blocked(volumes=[source("secret", items=[{"key": "b"}])], there={("secret", "x"): {}}),
            mount("references non-existent secret key: b"),
        ),
        (
            blocked(
                volumes=[
                    {
                        "projected": {
                            "sources": [{"secret": {"name": "a"}}, {"configMap": {"name": "b"}}]
                        }
                    }
                ]
            ),
            mount('[secret "a" not found, configmap "b" not found]'),
        ),
        (
            blocked(securityContext={"runAsNonRoot": True, "runAsUser": 0}),
            config(
                "container's runAsUser breaks non-root policy "
                '(pod: "web_default(u)", container: main)'
            ),
        ),
        (blocked(securityContext={"runAsNonRoot": True}), None),
        (
            blocked(
                env=[
                    {
                        "name": "A",
                        "valueFrom": {
                            "resourceFieldRef": {"containerName": "b", "resource": "limits.cpu"}
                        },
                    }
                ]
            ),
            config("container b not found"),
        ),
    ],
)
def test_what_is_missing(found, expected):
    assert found == expected


def test_a_new_node_is_complete():
    made = node.registration("node-1", address="172.18.0.3", now=NOW, machine_id="0" * 32)
    assert node.is_simulated(made)
    assert node.is_reported(made)
    assert node.internal_ip(made) == "172.18.0.3"
    status = made["status"]
    assert status["capacity"] == status["allocatable"]
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "MemoryPressure": "False",
        "DiskPressure": "False",
        "PIDPressure": "False",
        "Ready": "True",
    }


def test_a_report_keeps_what_others_said():
    old = {
        "capacity": {"cpu": "2"},
        "allocatable": {"cpu": "1"},
        "conditions": [
            {"type": "NetworkUnavailable", "status": "False"},
            {"type": "Ready", "status": "Unknown", "lastTransitionTime": "x"},
            {"type": "PIDPressure", "status": "False", "lastTransitionTime": "y"},
        ],
    }
    new = node.status(old, "n", address="1.2.3.4", now=NOW, machine_id="0" * 32)
    assert (new["capacity"]["cpu"], new["allocatable"]["cpu"]) == ("2", "1")
    since = {c["type"]: c.get("lastTransitionTime") for c in new["conditions"]}
    assert since == {
        "NetworkUnavailable": None,
        "MemoryPressure": NOW,
        "DiskPressure": NOW,
        "PIDPressure": "y",
        "Ready": NOW,
    }


def test_a_silent_node_is_not_what_its_kubelet_reported():
    made = node.registration("node-1", address="172.18.0.3", now=NOW, machine_id="0" * 32)
    made["status"]["conditions"][-1]["status"] = "Unknown"
    assert not node.is_reported(made)
