"""How refusals call an object that has no name yet, but something to make it from."""

import pytest

from miniplane.api.resources import CONFIGMAPS, NAMESPACES, PODS
from miniplane.testing import objects


def unnamed_pod(**spec):
    pod = objects.pod("x", **spec)
    pod["metadata"] = {"generateName": "agent-", "namespace": "default"}
    return pod


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
        ({"serviceAccountName": "none"}, "error looking up service account default/none"),
    ],
)
def test_plugins_that_may_change_the_object_know_no_made_name(world, spec, why):
    with world.refused(403, "Forbidden", f'pods "agent-" is forbidden: {why}') as caught:
        world.create(PODS, unnamed_pod(**spec))
    assert caught.value.details["name"] == "agent-"


def test_a_given_name_is_told(world):
    with world.refused(403, "Forbidden", 'pods "web" is forbidden: no PriorityClass'):
        world.create(PODS, objects.pod("web", priorityClassName="none"))


def test_nor_does_the_refusal_of_a_namespace_that_goes(world):
    world.delete(NAMESPACES, "other")
    with world.refused(403, "Forbidden", 'configmaps "late-" is forbidden: unable to create new'):
        world.create(CONFIGMAPS, {"metadata": {"generateName": "late-", "namespace": "other"}})
