"""Which volume a claim gets, and what becomes of volumes."""

from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.controllers.volumes import bodies, plan
from miniplane.controllers.volumes.plan import (
    Assign,
    Bind,
    Fail,
    Lose,
    Provision,
    Recycle,
    Release,
    Remove,
    SetPhase,
    SyncClaim,
    Tell,
    Unbind,
)


def make_claim(
    name: str = "data",
    *,
    size: str = "2Gi",
    modes: tuple[str, ...] = ("ReadWriteOnce",),
    annotations: dict[str, str] | None = None,
    phase: str = "Pending",
    **spec: Any,
) -> Obj:
    return {
        "metadata": {
            "namespace": "a",
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "7",
            "annotations": annotations or {},
        },
        "spec": {
            "storageClassName": "fast",
            "accessModes": list(modes),
            "resources": {"requests": {"storage": size}},
            **spec,
        },
        "status": {"phase": phase},
    }


def make_volume(
    name: str,
    size: str = "2Gi",
    *,
    modes: tuple[str, ...] = ("ReadWriteOnce",),
    ref: Obj | None = None,
    phase: str = "Available",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    deleted: bool = False,
    **spec: Any,
) -> Obj:
    metadata: Obj = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    base: Obj = {
        "storageClassName": "fast",
        "capacity": {"storage": size},
        "accessModes": list(modes),
        **spec,
    }
    if ref is not None:
        base["claimRef"] = ref
    return {"metadata": metadata, "spec": base, "status": {"phase": phase}}


OURS = {"namespace": "a", "name": "data", "uid": "uid-data"}
RESERVED = {"namespace": "a", "name": "data"}
THEIRS = {"namespace": "a", "name": "other", "uid": "uid-other"}
TWO_MODES = ("ReadWriteOnce", "ReadOnlyMany")

CHOICES: list[tuple[str, Obj, list[Obj], str | None]] = [
    ("none", make_claim(), [], None),
    ("one", make_claim(), [make_volume("a")], "a"),
    ("the smallest that is large enough", make_claim(),
     [make_volume("a", "5Gi"), make_volume("b", "3Gi"), make_volume("c", "1Gi")], "b"),
    ("units do not matter", make_claim(size="2Gi"), [make_volume("a", "2048Mi")], "a"),
    ("the fewest access modes", make_claim(),
     [make_volume("a", "2Gi", modes=TWO_MODES), make_volume("b", "9Gi")], "b"),
    ("all access modes", make_claim(modes=TWO_MODES), [make_volume("a")], None),
    ("another class", make_claim(), [make_volume("a", storageClassName="slow")], None),
    ("another mode", make_claim(volumeMode="Block"), [make_volume("a")], None),
    ("taken", make_claim(), [make_volume("a", ref=THEIRS, phase="Bound")], None),
    ("not yet known to be free", make_claim(), [make_volume("a", phase="Pending")], None),
    ("on its way out", make_claim(), [make_volume("a", deleted=True)], None),
    ("reserved for it", make_claim(), [make_volume("a"), make_volume("b", "9Gi", ref=RESERVED)],
     "b"),
    ("reserved, though of another class", make_claim(),
     [make_volume("b", ref=RESERVED, storageClassName="slow")], "b"),
    ("reserved, but too small", make_claim(), [make_volume("b", "1Gi", ref=RESERVED)], None),
    ("by labels", make_claim(selector={"matchLabels": {"disk": "ssd"}}),
     [make_volume("a"), make_volume("b", labels={"disk": "ssd"})], "b"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("about", "claim", "volumes", "expected"), CHOICES, ids=lambda v: str(v)[:30]
)
def test_choose(about: str, claim: Obj, volumes: list[Obj], expected: str | None) -> None:
    for found in (volumes, volumes[::-1]):
        chosen = plan.choose(claim, found, delayed=False)
        assert (chosen and chosen["metadata"]["name"]) == expected, about


def test_a_delayed_claim_gets_only_what_is_reserved_for_it() -> None:
    assert plan.choose(make_claim(), [make_volume("a")], delayed=True) is None
    reserved = make_volume("b", ref=RESERVED)
    assert plan.choose(make_claim(), [reserved], delayed=True) is reserved


def make_class(provisioner: str = "miniplane.dev/standard", *, delayed: bool = False) -> Obj:
    mode = "WaitForFirstConsumer" if delayed else "Immediate"
    return {
        "metadata": {"name": "fast"},
        "provisioner": provisioner,
        "volumeBindingMode": mode,
        "reclaimPolicy": "Delete",
    }


def planned(
    claim: Obj,
    *volumes: Obj,
    storage_class: Obj | None = None,
    default: str = "",
    pods: tuple[str, ...] = (),
) -> plan.ClaimAction:
    named = {v["metadata"]["name"]: v for v in volumes}.get(claim["spec"].get("volumeName", ""))
    return plan.plan_claim(
        claim,
        named=named,
        candidates=lambda: volumes,
        storage_class=storage_class,
        default_class=default,
        waiting_pods=lambda: pods,
    )


def test_claims_that_name_no_volume() -> None:
    claim, volume = make_claim(), make_volume("a")
    assert planned(claim, volume) == Bind(volume)
    assert planned(make_claim(storageClassName="")) == Tell(
        "Normal",
        "FailedBinding",
        "no persistent volumes available for this claim and no storage class is set",
    )
    assert planned(claim) == Tell(
        "Warning", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found'
    )
    simulated = make_class()
    assert planned(claim, storage_class=simulated) == Provision(
        simulated, "miniplane.dev/standard", True
    )
    external = make_class("example.com/disks")
    assert planned(claim, storage_class=external) == Provision(external, "example.com/disks", False)
    former = make_class("kubernetes.io/aws-ebs")
    assert planned(claim, storage_class=former) == Provision(former, "ebs.csi.aws.com", False)
    nobody = make_class("kubernetes.io/no-provisioner")
    assert planned(claim, storage_class=nobody) == Tell(
        "Warning",
        "ProvisioningFailed",
        "no volume plugin matched name: kubernetes.io/no-provisioner",
    )


def test_the_default_class_is_given_to_who_says_nothing() -> None:
    silent = make_claim()
    del silent["spec"]["storageClassName"]
    assert planned(silent, default="fast") == Assign("fast")
    assert isinstance(planned(make_claim(storageClassName=""), default="fast"), Tell)
    older = {**make_class(), "metadata": {"name": "b", "creationTimestamp": "2026-01-01T00:00:00Z"}}
    newer = {**make_class(), "metadata": {"name": "c", "creationTimestamp": "2026-01-02T00:00:00Z"}}
    plain = {**make_class(), "metadata": {"name": "d", "creationTimestamp": "2026-01-03T00:00:00Z"}}
    for storage_class in (older, newer):
        storage_class["metadata"]["annotations"] = {plan.DEFAULT_CLASS: "true"}
    assert plan.default_class([older, newer, plain]) == "c"
    assert plan.default_class([plain]) == ""


def test_delayed_claims_wait_for_their_pod() -> None:
    delayed = make_class(delayed=True)
    for pods, reason, message in (
        ((), "WaitForFirstConsumer", "waiting for first consumer to be created before binding"),
        (("p",), "WaitForPodScheduled", "waiting for pod p to be scheduled"),
        (("p", "q"), "WaitForPodScheduled", "waiting for pods p,q to be scheduled"),
    ):
        found = planned(make_claim(), make_volume("a"), storage_class=delayed, pods=pods)
        assert found == Tell("Normal", reason, message)
    placed = make_claim(annotations={plan.SELECTED_NODE: "node-0"})
    assert isinstance(planned(placed, make_volume("a"), storage_class=delayed), Provision)


NAMED: list[tuple[Obj | None, plan.ClaimAction]] = [
    (None, None),
    (make_volume("v"), Bind(make_volume("v"))),
    (make_volume("v", ref=RESERVED), Bind(make_volume("v", ref=RESERVED))),
    (
        make_volume("v", ref=THEIRS),
        Tell("Warning", "FailedBinding", 'volume "v" already bound to a different claim.'),
    ),
    *(
        (volume, Tell("Warning", "VolumeMismatch", f'Cannot bind to requested volume "v": {why}'))
        for volume, why in (
            (make_volume("v", "1Gi"), "requested PV is too small"),
            (make_volume("v", storageClassName="x"), "storageClassName does not match"),
            (make_volume("v", volumeMode="Block"), "incompatible volumeMode"),
            (make_volume("v", modes=("ReadOnlyMany",)), "incompatible accessMode"),
            (make_volume("v", deleted=True), 'the volume is marked for deletion "v"'),
        )
    ),
]


@pytest.mark.parametrize(("volume", "expected"), NAMED)
def test_claims_that_name_a_volume(volume: Obj | None, expected: plan.ClaimAction) -> None:
    claim = make_claim(volumeName="v")
    assert planned(claim, *([volume] if volume else [])) == expected


def test_claims_that_were_bound_before() -> None:
    done = {plan.BIND_COMPLETED: "yes"}
    claim = make_claim(volumeName="v", annotations=done)
    assert isinstance(planned(claim, make_volume("v", ref=OURS)), Bind)
    assert isinstance(planned(claim, make_volume("v")), Bind)
    lost = planned(claim)
    assert isinstance(lost, Lose) and lost.reason == "ClaimLost"
    taken = planned(claim, make_volume("v", ref=THEIRS))
    assert isinstance(taken, Lose) and taken.reason == "ClaimMisbound"
    forgot = planned(make_claim(annotations=done))
    assert isinstance(forgot, Lose) and "lost reference" in forgot.message


PROVISIONED = {plan.PROVISIONED_BY: "miniplane.dev/standard"}
VOLUMES: list[tuple[str, Obj, Obj | None, object]] = [
    ("free", make_volume("v"), None, SetPhase("Available")),
    ("reserved", make_volume("v", ref=RESERVED), make_claim(), SetPhase("Available")),
    ("its claim is gone", make_volume("v", ref=OURS), None, Release()),
    ("another claim of that name", make_volume("v", ref={**OURS, "uid": "x"}), make_claim(),
     Release()),
    ("the claim does not know yet", make_volume("v", ref=OURS), make_claim(), SyncClaim()),
    ("bound", make_volume("v", ref=OURS), make_claim(volumeName="v"), SetPhase("Bound")),
    ("the claim has another", make_volume("v", ref=OURS), make_claim(volumeName="w"), Unbind()),
    ("the same, and it was made for it",
     make_volume("v", ref=OURS, annotations=PROVISIONED, persistentVolumeReclaimPolicy="Delete"),
     make_claim(volumeName="w"), Release()),
]  # fmt: skip


@pytest.mark.parametrize(("about", "volume", "claim", "expected"), VOLUMES)
def test_volumes(about: str, volume: Obj, claim: Obj | None, expected: object) -> None:
    assert plan.plan_volume(volume, claim) == expected, about


RECLAIMS: list[tuple[Obj, object]] = [
    ({}, None),
    ({"persistentVolumeReclaimPolicy": "Retain"}, None),
    ({"persistentVolumeReclaimPolicy": "Recycle", "nfs": {}}, Recycle()),
    (
        {"persistentVolumeReclaimPolicy": "Recycle", "csi": {}},
        Fail("VolumeFailedRecycle", "No recycler plugin found for the volume!"),
    ),
    ({"persistentVolumeReclaimPolicy": "Delete", "hostPath": {"path": "/tmp/x"}}, Remove()),
    (
        {"persistentVolumeReclaimPolicy": "Delete", "hostPath": {"path": "/srv"}},
        Fail(
            "VolumeFailedDelete",
            "host_path deleter only supports /tmp/.+ but received provided /srv",
        ),
    ),
    (
        {"persistentVolumeReclaimPolicy": "Delete", "csi": {}},
        Fail(
            "VolumeFailedDelete",
            'error getting deleter volume plugin for volume "v": no deletable volume plugin '
            "matched",
        ),
    ),
]


@pytest.mark.parametrize(("spec", "expected"), RECLAIMS)
def test_reclaim(spec: Obj, expected: object) -> None:
    assert plan.plan_reclaim(make_volume("v", **spec)) == expected


def test_reclaim_of_provisioned_volumes() -> None:
    policy = {"persistentVolumeReclaimPolicy": "Delete", "csi": {}}
    assert plan.plan_reclaim(make_volume("v", annotations=PROVISIONED, **policy)) == Remove()
    others = {plan.PROVISIONED_BY: "example.com/disks"}
    assert plan.plan_reclaim(make_volume("v", annotations=others, **policy)) is None


def test_bodies_of_a_binding() -> None:
    claim, volume = make_claim(), make_volume("v", "5Gi")
    bound = bodies.bound_volume(volume, claim)
    assert bound is not None
    assert bound["spec"]["claimRef"]["uid"] == "uid-data"
    assert bound["metadata"]["annotations"] == {plan.BOUND_BY_CONTROLLER: "yes"}
    assert bodies.bound_volume(bound, claim) is None
    reserved = bodies.bound_volume(make_volume("v", ref=RESERVED), claim)
    assert reserved is not None
    assert plan.BOUND_BY_CONTROLLER not in reserved["metadata"]["annotations"]

    named = bodies.bound_claim(claim, volume)
    assert named is not None and named["spec"]["volumeName"] == "v"
    assert named["metadata"]["annotations"] == {
        plan.BIND_COMPLETED: "yes",
        plan.BOUND_BY_CONTROLLER: "yes",
    }
    assert bodies.bound_claim(named, volume) is None
    chosen = bodies.bound_claim(make_claim(volumeName="v"), volume)
    assert chosen is not None
    assert chosen["metadata"]["annotations"] == {plan.BIND_COMPLETED: "yes"}

    status = bodies.bound_status(named, volume)
    assert status == {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "5Gi"},
    }
    assert bodies.bound_status({**named, "status": status}, volume) is None
    assert claim == make_claim() and volume == make_volume("v", "5Gi"), "they were changed"


def test_bodies_of_an_unbinding() -> None:
    mine = make_volume("v", ref=OURS, annotations={plan.BOUND_BY_CONTROLLER: "yes", "a": "b"})
    free = bodies.unbound_volume(mine)
    assert "claimRef" not in free["spec"] and free["metadata"]["annotations"] == {"a": "b"}
    theirs = bodies.unbound_volume(make_volume("v", ref=OURS))
    assert theirs["spec"]["claimRef"] == RESERVED
    assert "claimRef" not in bodies.recycled_volume(make_volume("v", ref=OURS))["spec"]
