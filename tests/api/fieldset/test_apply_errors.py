"""What apply says of configurations that do not fit the schema."""

import pytest

from miniplane.api import fieldset
from miniplane.api.errors import StatusError
from miniplane.api.fieldset import problems, typed
from miniplane.api.schema import Node

POD = "io.k8s.api.core.v1.Pod"
DEPLOYMENT = "io.k8s.api.apps.v1.Deployment"


def refusal(config, definition=POD):
    with pytest.raises(StatusError) as caught:
        fieldset.apply(definition, api_version="v1", live=None, config=config, manager="m", now="")
    assert (caught.value.code, caught.value.reason) == (500, "")
    return caught.value.message


def pod(**spec):
    metadata = {"name": "p", "namespace": "x"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


START = "failed to create typed patch object (x/p; /v1, Kind=Pod): "


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"bogus": 1}, ".spec.bogus: field not declared in schema"),
        ({"containers": {"a": 1}}, ".spec.containers: expected list, got &{map[a:1]}"),
        ({"nodeSelector": [1, "x"]}, ".spec.nodeSelector: expected map, got &{[1 x]}"),
        (
            {"activeDeadlineSeconds": "1"},
            ".spec.activeDeadlineSeconds: expected numeric (int or float), got string",
        ),
        ({"hostNetwork": "yes"}, ".spec.hostNetwork: expected boolean, got &{yes}"),
        (
            {"nodeName": 5},
            ".spec.nodeName: expected string, got &value.valueUnstructured{Value:5}",
        ),
        (
            {"nodeName": {"a": ["b", None]}},
            ".spec.nodeName: expected string, got &value.valueUnstructured{Value:"
            'map[string]interface {}{"a":[]interface {}{"b", interface {}(nil)}}}',
        ),
        (
            {"containers": [{"image": "i"}]},
            ".spec.containers: element 0: associative list with keys has an element that omits all "
            'key fields ["name"] (and doesn\'t have default values for any key fields)',
        ),
        (
            {"containers": ["x"]},
            ".spec.containers: element 0: associative list with keys may not have non-map elements",
        ),
        (
            {"containers": [None]},
            ".spec.containers: element 0: associative list with keys may not have a null element",
        ),
        (
            {"containers": [{"name": "a"}, {"name": "a"}]},
            '.spec.containers: duplicate entries for key [name="a"]',
        ),
        (
            {"tolerations": [{"key": "a"}, {"key": 1}]},
            ".spec.tolerations[1].key: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (
            {"containers": [{"name": "a", "resources": {"limits": {"cpu": [1]}}}]},
            '.spec.containers[name="a"].resources.limits.cpu: expected any scalar, got &{[1]}',
        ),
        (
            {"containers": [{"name": "a", "ports": [{"containerPort": 8, "name": 1}]}]},
            '.spec.containers[name="a"].ports[containerPort=8,protocol="TCP"].name: expected '
            "string, got &value.valueUnstructured{Value:1}",
        ),
        (
            {"hostname": 1, "subdomain": 2},
            "errors:\n  .spec.hostname: expected string, got &value.valueUnstructured{Value:1}\n"
            "  .spec.subdomain: expected string, got &value.valueUnstructured{Value:2}",
        ),
    ],
)
def test_what_does_not_fit(spec, why):
    assert refusal(pod(**spec)) == START + why


def test_sets():
    def finalizers(value):
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": value}}

    start = "failed to create typed patch object (/; /v1, Kind=Pod): .metadata.finalizers: "
    text = "element 0: associative list without keys has an element that's a"
    assert refusal(finalizers(["x", "x"])) == start + 'duplicate entries for key [="x"]'
    assert refusal(finalizers([{}])) == start + text + " map type"
    assert refusal(finalizers([None])) == start + text + "n explicit null"
    assert refusal(finalizers([[]])) == (
        start + "element 0: not supported: associative list with lists as elements"
    )


def test_objects_without_much_of_a_name():
    assert refusal({"spec": 1}, DEPLOYMENT) == (
        "failed to create typed patch object (/; /, Kind=): .spec: expected map, got &{1}"
    )
    config = {"apiVersion": "a/b/c", "kind": "X", "metadata": {"name": 1}}
    assert "(/; /, Kind=X): .metadata.name: expected string" in refusal(config)


def test_times_numbers_and_nulls_are_taken_as_they_come():
    config = pod(activeDeadlineSeconds=1.5, hostname=None, containers=None)
    config["metadata"]["creationTimestamp"] = None
    config["metadata"]["deletionGracePeriodSeconds"] = 1
    fieldset.apply(POD, api_version="v1", live=None, config=config, manager="m", now="")


def test_a_live_object_that_its_schema_has_left_behind():
    root, number = Node("object"), Node("scalar", scalar="integer")
    root.fields = {"size": number}
    of = {"apiVersion": "e.com/v1", "kind": "W", "metadata": {"name": "w"}}
    with pytest.raises(StatusError) as caught:
        fieldset.apply(
            root,
            api_version="e.com/v1",
            live={**of, "size": "big"},
            config={**of, "size": 1},
            manager="m",
            now="",
        )
    assert caught.value.message == (
        "failed to create typed live object (/w; e.com/v1, Kind=W): .size: expected numeric (int "
        "or float), got string"
    )


def test_nothing_wrong_has_no_words():
    assert problems.describe(typed.builtin(POD), pod(hostname="x")) == ""


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ("f:a", ".a"),
        ('k:{"b":1,"name":"x\\"y"}', '[b=1,name="x\\"y"]'),
        ("v:true", "[=true]"),
        ('v:"\u00e9"', '[="\u00e9"]'),
        ("v:1.5", "[=1.5]"),
        ("v:[1,null]", "[=[1,null]]"),
        ('v:{"a":1}', "[=a=1]"),
        ("i:3", "[3]"),
    ],
)
def test_elements_in_words(element, text):
    assert problems.element_text(element) == text
