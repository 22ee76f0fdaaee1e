"""The published definitions: nodes, markers, descriptions."""

import subprocess
import sys

import pytest

from miniplane.api import schema
from miniplane.api.resources import RESOURCES

CORE = "io.k8s.api.core.v1."


def test_every_served_kind_has_a_definition_with_metadata_and_its_kind():
    for row in RESOURCES:
        node = schema.node(row.definition)
        assert node.kind == "object"
        assert node.fields["metadata"].name.endswith("meta.v1.ObjectMeta")
        gvk = {"group": row.group, "version": row.version, "kind": row.kind}
        assert gvk in schema.group_version_kinds(row.definition)


def test_unknown_definition_is_a_key_error():
    with pytest.raises(KeyError):
        schema.node(CORE + "Gadget")
    with pytest.raises(KeyError):
        schema.describe(CORE + "Gadget")


def test_nodes_of_definitions_are_shared_and_marked_references_are_copies():
    pod = schema.node(CORE + "Pod")
    assert schema.node(CORE + "Pod") is pod
    assert pod.fields["spec"] is schema.node(CORE + "PodSpec")
    strategy = schema.node("io.k8s.api.apps.v1.DeploymentSpec").fields["strategy"]
    assert strategy is not schema.node("io.k8s.api.apps.v1.DeploymentStrategy")
    assert strategy.name == "io.k8s.api.apps.v1.DeploymentStrategy"
    assert strategy.patch_strategy == {"retainKeys"}
    assert set(strategy.fields) == {"type", "rollingUpdate"}


@pytest.mark.parametrize(
    ("definition", "field", "list_type", "keys", "strategy", "merge_key"),
    [
        ("PodSpec", "containers", "map", ("name",), {"merge"}, "name"),
        ("PodSpec", "volumes", "map", ("name",), {"merge", "retainKeys"}, "name"),
        ("PodSpec", "tolerations", "atomic", (), set(), ""),
        ("Container", "ports", "map", ("containerPort", "protocol"), {"merge"}, "containerPort"),
        ("Container", "args", "atomic", (), set(), ""),
        ("ServiceSpec", "ports", "map", ("port", "protocol"), {"merge"}, "port"),
        ("NodeSpec", "podCIDRs", "set", (), {"merge"}, ""),
    ],
)
def test_list_markers(definition, field, list_type, keys, strategy, merge_key):
    node = schema.node(CORE + definition).fields[field]
    assert node.kind == "list"
    assert (node.list_type, node.list_keys) == (list_type, keys)
    assert (node.patch_strategy, node.patch_merge_key) == (strategy, merge_key)


def test_list_map_keys_have_their_defaults():
    ports = schema.node(CORE + "Container").fields["ports"].item
    assert ports.fields["protocol"].default == "TCP"
    assert ports.fields["containerPort"].default is None
    assert schema.node(CORE + "ServicePort").fields["protocol"].default == "TCP"
    secret = schema.node(CORE + "PodSpec").fields["imagePullSecrets"].item
    assert secret.fields["name"].default == ""
    assert schema.node(CORE + "ServicePort").fields["name"].default is None


def test_atomic_maps_and_objects():
    assert schema.node("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector").map_type == "atomic"
    assert schema.node(CORE + "PodSpec").fields["nodeSelector"].map_type == "atomic"
    assert schema.node(CORE + "ObjectReference").map_type == "atomic"
    labels = schema.node("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").fields["labels"]
    assert (labels.kind, labels.map_type, labels.item.scalar) == ("map", "granular", "string")


@pytest.mark.parametrize(
    ("definition", "field", "kind", "scalar", "form"),
    [
        ("ServicePort", "targetPort", "scalar", "int-or-string", ""),
        ("ServicePort", "nodePort", "scalar", "integer", "int32"),
        ("PodSpec", "activeDeadlineSeconds", "scalar", "integer", "int64"),
        ("PodCondition", "lastTransitionTime", "scalar", "time", ""),
        ("Event", "eventTime", "scalar", "microtime", ""),
        ("EmptyDirVolumeSource", "sizeLimit", "scalar", "quantity", ""),
        ("PodSpec", "hostNetwork", "scalar", "boolean", ""),
    ],
)
def test_scalars(definition, field, kind, scalar, form):
    node = schema.node(CORE + definition).fields[field]
    assert (node.kind, node.scalar, node.format) == (kind, scalar, form)


def test_untyped_data_is_any():
    assert schema.node("io.k8s.api.apps.v1.ControllerRevision").fields["data"].kind == "any"
    entry = schema.node("io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry")
    assert entry.fields["fieldsV1"].kind == "any"
    props = schema.node("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    assert props.fields["default"].kind == "any"
    assert schema.node(CORE + "Secret").fields["data"].item.scalar == "bytes"


def test_recursive_definitions_end():
    props = schema.node("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    assert props.fields["properties"].item is props


def test_every_definition_can_be_walked_and_described():
    seen: set[int] = set()

    def walk(node):
        if id(node) in seen:
            return
        seen.add(id(node))
        assert node.kind in ("object", "map", "list", "scalar", "any")
        assert (node.kind in ("list", "map")) == (node.item is not None)
        if node.list_type == "map":
            assert node.list_keys and set(node.list_keys) <= set(node.item.fields)
        for child in node.fields.values():
            walk(child)
        if node.item is not None:
            walk(node.item)

    for name in schema.definitions():
        walk(schema.node(name))
        assert schema.describe(name)


def test_descriptions_are_published_in_both_openapi_forms():
    spec = schema.describe("io.k8s.api.apps.v1.StatefulSetSpec")
    assert "desired number of replicas" in spec["properties"]["replicas"]["description"]
    assert spec["properties"]["replicas"]["format"] == "int32"
    template = spec["properties"]["template"]
    assert template["allOf"] == [{"$ref": "#/components/schemas/" + CORE + "PodTemplateSpec"}]
    assert template["default"] == {}
    assert spec["properties"]["podManagementPolicy"]["enum"] == ["OrderedReady", "Parallel"]
    assert set(spec["required"]) == {"selector", "template"}
    older = schema.describe("io.k8s.api.apps.v1.StatefulSetSpec", v2=True)
    assert older["properties"]["template"]["$ref"] == "#/definitions/" + CORE + "PodTemplateSpec"
    assert "default" not in older["properties"]["template"]


def test_importing_reads_nothing():
    code = (
        "import builtins, io, pathlib, sys\n"
        "def refuse(*a, **k): raise SystemExit('read')\n"
        "from miniplane.api import schema\n"
        "from miniplane.api.schema import compact\n"
        "assert compact.lines.cache_info().currsize == 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_enumerations_say_what_their_values_mean():
    pod = schema.describe("io.k8s.api.core.v1.PodSpec")["properties"]
    assert pod["restartPolicy"]["enum"] == ["Always", "Never", "OnFailure"]
    [_, values] = pod["dnsPolicy"]["description"].split("\n\nPossible enum values:\n")
    lines = values.splitlines()
    assert [line.split("`")[1] for line in lines] == [f'"{v}"' for v in pod["dnsPolicy"]["enum"]]
    assert lines[2].startswith(' - `"Default"` indicates that the pod should use the default')
    assert pod["restartPolicy"]["description"].endswith(' - `"OnFailure"`')
