"""What is peculiar to StatefulSets, DaemonSets and Jobs when they are written."""

import pytest

from miniplane.api.resources import DAEMON_SETS, JOBS, STATEFUL_SETS
from miniplane.testing import objects

GENERATION = "deprecated.daemonset.template.generation"
KEEPS_ALL = (
    "spec.revisionHistoryLimit: a negative value retains all historical revisions; "
    "a value >= 0 is recommended"
)


def daemon_set(**annotations):
    made = objects.daemon_set("agent")
    made["metadata"]["annotations"] = annotations
    return made


def changed(obj, image):
    spec = obj["spec"]
    pod = {**spec["template"]["spec"], "containers": [{"name": "main", "image": image}]}
    return {**obj, "spec": {**spec, "template": {**spec["template"], "spec": pod}}}


@pytest.mark.parametrize(("given", "begins"), [("42", 42), ("+7", 7), ("0", 1), ("-3", 1)])
def test_a_new_daemon_set_says_where_its_template_generations_begin(world, given, begins):
    made = world.create(DAEMON_SETS, daemon_set(**{GENERATION: given}))
    assert made["metadata"]["annotations"] == {GENERATION: str(begins)}
    again = world.update(DAEMON_SETS, changed(made, "v2"))
    assert again["metadata"]["annotations"] == {GENERATION: str(begins + 1)}


def test_afterwards_only_the_server_counts(world):
    made = world.create(DAEMON_SETS, daemon_set())
    assert made["metadata"]["annotations"] == {GENERATION: "1"}
    metadata = {**made["metadata"], "annotations": {GENERATION: "9", "team": "x"}}
    again = world.update(DAEMON_SETS, {**made, "metadata": metadata})
    assert again["metadata"]["annotations"] == {GENERATION: "1", "team": "x"}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("", "invalid syntax"),
        ("x", "invalid syntax"),
        ("1.5", "invalid syntax"),
        ("9" * 30, "value out of range"),
    ],
)
def test_a_template_generation_is_an_integer(world, given, problem):
    with world.refused(400, "BadRequest", f'strconv.ParseInt: parsing "{given}": {problem}'):
        world.create(DAEMON_SETS, daemon_set(**{GENERATION: given}))


def test_a_stateful_set_that_forgets_nothing_is_warned_of(world):
    assert world.post(STATEFUL_SETS, objects.stateful_set("a")).warnings == []
    made = world.post(STATEFUL_SETS, objects.stateful_set("web", revisionHistoryLimit=-1))
    assert made.warnings == [KEEPS_ALL]
    again = world.put(STATEFUL_SETS, changed(made.stored.obj, "v2"))
    assert again.warnings == [KEEPS_ALL]


def test_a_job_without_a_name_is_invalid(world):
    job = objects.job("once")
    del job["metadata"]["name"]
    with world.refused(422, "Invalid", "metadata.name: Required value"):
        world.create(JOBS, job)
