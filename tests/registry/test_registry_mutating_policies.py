"""MutatingAdmissionPolicy: apply configurations and JSON patches in CEL."""

from typing import Any

import pytest

from miniplane.api import resources
from miniplane.testing import objects

GROUP = "admissionregistration.k8s.io"
POLICIES = resources.resource("mutatingadmissionpolicies", GROUP)
BINDINGS = resources.resource("mutatingadmissionpolicybindings", GROUP)
MAPS = resources.resource("configmaps")

RULE = {
    "apiGroups": ["*"],
    "apiVersions": ["*"],
    "operations": ["CREATE", "UPDATE", "DELETE"],
    "resources": ["configmaps", "pods", "deployments", "deployments/scale"],
}


def apply(expression: str) -> dict[str, Any]:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def json_patch(expression: str) -> dict[str, Any]:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def policy(*mutations: dict[str, Any], name: str = "p", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [RULE]},
            "mutations": list(mutations),
            "reinvocationPolicy": "Never",
            **spec,
        },
    }


def config_map(name: str = "x", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "default", "name": name, **metadata}, "data": {"a": "1"}}


@pytest.fixture
def bound(world):
    def make(*mutations: dict[str, Any], name: str = "p", **spec: Any):
        world.create(POLICIES, policy(*mutations, name=name, **spec))
        world.create(BINDINGS, {"metadata": {"name": name}, "spec": {"policyName": name}})
        return world

    return make


LABEL = apply("Object{metadata: Object.metadata{labels: Object.metadata.labels{seen: 'yes'}}}")


def test_a_configuration_is_merged_in(bound) -> None:
    world = bound(LABEL)
    made = world.create(MAPS, config_map(labels={"app": "a"}))
    assert made["metadata"]["labels"] == {"app": "a", "seen": "yes"}
    assert made["data"] == {"a": "1"}


def test_lists_are_merged_by_their_keys(bound) -> None:
    world = bound(
        apply(
            "Object{spec: Object.spec{initContainers: [Object.spec.initContainers{"
            'name: "side", image: "proxy", restartPolicy: "Always"}]}}'
        ),
        matchConditions=[{"name": "pods", "expression": "request.kind.kind == 'Pod'"}],
    )
    pod = world.create(resources.PODS, objects.pod("p"), namespace="default")
    (side,) = pod["spec"]["initContainers"]
    assert (side["image"], side["restartPolicy"]) == ("proxy", "Always")
    assert side["terminationMessagePolicy"] == "File", "defaults come after a change"


def test_a_json_patch_with_values_of_all_kinds(bound) -> None:
    world = bound(
        json_patch(
            '[JSONPatch{op: "test", path: "/data/a", value: "1"}, '
            'JSONPatch{op: "add", path: "/metadata/annotations", value: {}}, '
            'JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("a.io/b"), '
            'value: has(object.data.b) ? "b" : "none"}]'
        )
    )
    assert world.create(MAPS, config_map())["metadata"]["annotations"] == {"a.io/b": "none"}


def test_a_test_that_fails_leaves_it_as_it_is(bound) -> None:
    world = bound(
        json_patch(
            '[JSONPatch{op: "test", path: "/data/a", value: "2"}, '
            'JSONPatch{op: "replace", path: "/data/a", value: "3"}]'
        )
    )
    assert world.create(MAPS, config_map())["data"] == {"a": "1"}


def test_variables_and_several_mutations(bound) -> None:
    world = bound(
        apply("Object{spec: Object.spec{replicas: variables.more}}"),
        apply("Object{spec: Object.spec{replicas: variables.more}}"),
        variables=[{"name": "more", "expression": "object.spec.replicas + 1"}],
        matchConditions=[{"name": "d", "expression": "request.kind.kind == 'Deployment'"}],
    )
    deployment = objects.deployment("d", replicas=1)
    made = world.create(resources.DEPLOYMENTS, deployment, namespace="default")
    assert made["spec"]["replicas"] == 3


def test_reinvocation(bound) -> None:
    count = (
        'Object{metadata: Object.metadata{annotations: {"n": '
        'string(int(object.metadata.?annotations.?n.orValue("0")) + 1)}}}'
    )
    world = bound(apply(count), name="a", reinvocationPolicy="IfNeeded")
    bound_later = world.create(POLICIES, policy(LABEL, name="b"))
    assert bound_later["spec"]["reinvocationPolicy"] == "Never"
    world.create(BINDINGS, {"metadata": {"name": "b"}, "spec": {"policyName": "b"}})
    assert world.create(MAPS, config_map())["metadata"]["annotations"] == {"n": "2"}


def test_what_cannot_be_merged(bound) -> None:
    world = bound(apply("Object{data: Object.data{a: 1}}"))
    with world.refused(
        403, "Invalid", "policy 'p' with binding 'p' denied request: error applying"
    ):
        world.create(MAPS, config_map())
    world.patch(POLICIES, "p", {"spec": {"failurePolicy": "Ignore"}})
    assert world.create(MAPS, config_map())["data"] == {"a": "1"}


def test_atomic_parts_cannot_be_changed(bound) -> None:
    world = bound(
        apply("Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'a': 'b'}}}}"),
        matchConditions=[{"name": "d", "expression": "request.kind.kind == 'Deployment'"}],
    )
    said = (
        "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector"
    )
    with world.refused(403, "Invalid", said):
        deployment = objects.deployment("d", replicas=1)
        world.create(resources.DEPLOYMENTS, deployment, namespace="default")


def test_a_type_of_another_place(bound) -> None:
    world = bound(apply("Object{data: Object.spec{a: 'b'}}"))
    with world.refused(403, "Invalid", "type mismatch"):
        world.create(MAPS, config_map())


def test_deletes_are_left_alone(bound) -> None:
    world = bound(LABEL)
    world.create(MAPS, config_map())
    world.delete(MAPS, "x")


@pytest.mark.parametrize(
    ("mutation", "said"),
    [
        (apply("1"), 'spec.mutations[0].applyConfiguration.expression: Invalid value: "1": must'),
        (json_patch("true"), "must evaluate to list(JSONPatch) but got bool"),
        (apply("Object{spec: foo}"), "undeclared reference to 'foo'"),
        ({"patchType": "JSONPatch"}, "spec.mutations[0].jsonPatch.expression: Required value"),
    ],
)
def test_expressions_are_checked_when_they_are_stored(world, mutation, said) -> None:
    with world.refused(422, "Invalid", said):
        world.create(POLICIES, policy(mutation))
