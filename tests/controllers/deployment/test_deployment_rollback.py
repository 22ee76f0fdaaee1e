"""Going back to an old revision by the annotation of old."""

from typing import Any

import pytest

from miniplane.api.objects import Obj, annotations_of
from miniplane.api.resources import DEPLOYMENTS, EVENTS, REPLICA_SETS
from miniplane.controllers.deployment import replicasets as sets
from miniplane.controllers.deployment import rollback
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster

REQUEST = "deprecated.deployment.rollback.to"
CAUSE = "kubernetes.io/change-cause"


@pytest.fixture
async def stage():
    async with cluster(nodes=0, controllers="deployment-controller") as harness:
        yield harness


async def annotate(stage: Harness, **annotations: str) -> None:
    patch = {"metadata": {"annotations": annotations}}
    await stage.client.patch(DEPLOYMENTS, "web", patch, "default")


async def image(stage: Harness, image: str, **annotations: str) -> None:
    containers = [{"name": "main", "image": image}]
    spec: Any = {"template": {"spec": {"containers": containers}}}
    patch = {"metadata": {"annotations": annotations}, "spec": spec}
    await stage.client.patch(DEPLOYMENTS, "web", patch, "default")
    await stage.settle()


async def three_revisions(stage: Harness) -> None:
    await stage.client.create(DEPLOYMENTS, objects.deployment("web", replicas=0))
    await stage.settle()
    for version in ("v1", "v2", "v3"):
        await image(stage, version, **{CAUSE: version})


async def read(stage: Harness) -> tuple[str, dict[str, str], list[str]]:
    """The image, the annotations, and what was told besides the scaling."""
    deployment = await stage.client.get(DEPLOYMENTS, "web", "default")
    told = [
        f"{e['type']} {e['reason']}: {e['message']}"
        for e in await stage.list(EVENTS)
        if e["reason"] != "ScalingReplicaSet"
    ]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return container["image"], annotations_of(deployment), told


async def test_to_a_revision(stage):
    await three_revisions(stage)
    await annotate(stage, **{REQUEST: "2"})
    await stage.settle()
    now, annotations, told = await read(stage)
    assert now == "v1"
    assert annotations == {CAUSE: "v1", sets.REVISION: "5"}
    assert told == ['Normal DeploymentRollback: Rolled back deployment "web" to revision 2']
    found = {sets.revision_of(rs): rs for rs in await stage.list(REPLICA_SETS)}
    assert annotations_of(found[5])[sets.REVISION_HISTORY] == "2"


async def test_to_the_revision_before(stage):
    await three_revisions(stage)
    await annotate(stage, **{REQUEST: "0"})
    await stage.settle()
    now, annotations, _ = await read(stage)
    assert (now, REQUEST in annotations) == ("v2", False)


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        (
            "9",
            "DeploymentRollbackRevisionNotFound: Unable to find the revision to rollback to.",
        ),
        (
            "4",
            "DeploymentRollbackTemplateUnchanged: The rollback revision contains the same template "
            'as current deployment "web"',
        ),
    ],
)
async def test_where_nothing_is_to_be_gone_back_to(stage, revision, told):
    await three_revisions(stage)
    await annotate(stage, **{REQUEST: revision})
    await stage.settle()
    now, annotations, found = await read(stage)
    assert (now, annotations[CAUSE], REQUEST in annotations) == ("v3", "v3", False)
    assert found == [f"Warning {told}"]


async def test_there_is_no_revision_before_the_first(stage):
    body = objects.deployment("web", replicas=0)
    body["metadata"]["annotations"] = {REQUEST: "0"}
    await stage.client.create(DEPLOYMENTS, body)
    await stage.settle()
    _, annotations, told = await read(stage)
    assert REQUEST not in annotations
    assert told == [
        "Warning DeploymentRollbackRevisionNotFound: Unable to find last revision.",
    ]


async def test_not_while_paused(stage):
    await three_revisions(stage)
    await stage.client.patch(DEPLOYMENTS, "web", {"spec": {"paused": True}}, "default")
    await annotate(stage, **{REQUEST: "2"})
    await stage.settle()
    assert (await read(stage))[0] == "v3"
    await stage.client.patch(DEPLOYMENTS, "web", {"spec": {"paused": False}}, "default")
    await stage.settle()
    assert (await read(stage))[0] == "v1"


@pytest.mark.parametrize(
    ("text", "target"), [("3", 3), ("0", 0), ("+7", 7), ("-1", -1), ("", None), ("two", None)]
)
def test_what_is_asked_for(text, target):
    deployment: Obj = {"metadata": {"annotations": {REQUEST: text}}}
    assert rollback.target_of(deployment) == target


def test_a_revision_that_is_no_number_is_left_alone():
    deployment = objects.deployment("web")
    deployment["metadata"]["annotations"] = {"team": "a"}
    present = {sets.REVISION: "first"}
    assert sets.annotations(deployment, present, 4, exists=True) == present
