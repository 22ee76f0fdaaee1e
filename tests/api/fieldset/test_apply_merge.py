"""Server-side apply: what becomes of the object, and of who owns its fields."""

import copy

import pytest

from miniplane.api import fieldset
from miniplane.api.errors import StatusError
from miniplane.api.schema import Node

CORE = "io.k8s.api.core.v1."
APPS = "io.k8s.api.apps.v1."
SCALING, SCALER = "io.k8s.api.autoscaling.", "HorizontalPodAutoscaler"
T0, T1, T2 = (f"2026-01-01T00:00:0{i}Z" for i in range(3))
LEAF = {}
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Place:
    """One object, as a registry would keep it, and those who apply to it."""

    def __init__(self, definition=CORE + "ConfigMap", api_version="v1", kind="ConfigMap"):
        self.definition, self.api_version, self.kind = definition, api_version, kind
        self.live = None
        self.merged = None

    def apply(self, manager, *, metadata=None, now=T0, **more):
        options = {k: more.pop(k) for k in ("force", "subresource") if k in more}
        config = {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": {"name": "a", **(metadata or {})},
            **more,
        }
        sent, before = copy.deepcopy(config), copy.deepcopy(self.live)
        out = fieldset.apply(
            self.definition,
            api_version=self.api_version,
            live=self.live,
            config=config,
            manager=manager,
            now=now,
            **options,
        )
        assert (config, self.live) == (sent, before), "nothing is changed in place"
        self.merged = out.obj
        self.keep(out.obj or self.live, out.managed)
        return self.live

    def update(self, manager, new, *, now=T0, **more):
        new = {**new, "metadata": {"name": "a", **new.get("metadata", {})}}
        managed = fieldset.update_managers(
            self.definition,
            api_version=self.api_version,
            old=self.live,
            new=new,
            manager=manager,
            now=now,
            **more,
        )
        self.keep(new, managed)

    def keep(self, obj, managed):
        obj = _without_nulls(obj)
        metadata = {**obj["metadata"], "uid": "u", "managedFields": managed}
        self.live = {**obj, "metadata": metadata}

    def owned(self, manager, operation="Apply"):
        for one in self.live["metadata"]["managedFields"] or ():
            if (one["manager"], one["operation"]) == (manager, operation):
                return one["fieldsV1"]
        return None

    def time(self, manager):
        (one,) = [e for e in self.live["metadata"]["managedFields"] if e["manager"] == manager]
        return one.get("time")


def _without_nulls(value):
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return value


@pytest.fixture
def place():
    return Place()


def pods(**more):
    return Place(CORE + "Pod", "v1", "Pod", **more)


def data(*names):
    return {"f:data": {f"f:{name}": LEAF for name in names}}


def test_an_apply_creates_and_owns_what_it_says(place):
    live = place.apply("me", data={"k": "v"}, metadata={"labels": {"l": "1"}, "namespace": "x"})
    assert live["data"] == {"k": "v"}
    assert live["metadata"]["managedFields"] == [
        {
            "manager": "me",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": T0,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:k": LEAF}, "f:metadata": {"f:labels": {"f:l": LEAF}}},
        }
    ]


def test_the_same_again_is_nothing(place):
    place.apply("me", data={"k": "v"})
    managed = place.live["metadata"]["managedFields"]
    place.apply("me", data={"k": "v"}, now=T1)
    assert place.merged is None
    assert place.live["metadata"]["managedFields"] == managed


def test_who_agrees_shares_and_has_no_time_of_its_own(place):
    place.apply("a", data={"k": "v"})
    place.apply("b", data={"k": "v"}, now=T1)
    assert place.merged is None
    assert place.owned("a") == place.owned("b") == data("k")
    assert (place.time("a"), place.time("b")) == (T0, None)


def test_what_is_left_out_goes_unless_somebody_has_it(place):
    place.apply("a", data={"k": "v", "l": "w"})
    place.apply("b", data={"k": "v"})
    place.apply("a", now=T1)
    assert place.live["data"] == {"k": "v"}
    assert place.owned("a") is None
    place.apply("b", now=T1)
    assert "data" not in place.live


def test_what_an_update_owns_stays(place):
    place.apply("a", data={"k": "v", "l": "w"})
    place.update("u", {"data": {"k": "v2", "l": "w"}}, now=T1)
    assert place.owned("a") == data("l")
    assert place.owned("u", "Update") == data("k")
    place.apply("a", now=T2)
    assert place.live["data"] == {"k": "v2"}


def test_conflicts_and_force(place):
    place.apply("a", data={"k": "1", "l": "1", "m": "1"})
    with pytest.raises(StatusError) as caught:
        place.apply("b", data={"k": "2", "l": "1"})
    assert (caught.value.code, caught.value.reason) == (409, "Conflict")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "a": .data.k'
    place.apply("b", data={"k": "2", "l": "1"}, force=True, now=T1)
    assert place.live["data"] == {"k": "2", "l": "1", "m": "1"}
    assert place.owned("a") == data("l", "m")
    assert (place.time("a"), place.time("b")) == (T0, T1)


def test_conflicts_are_listed_by_manager(place):
    place.apply("a", data={"k": "1", "l": "1"})
    place.update("u", {"data": {"k": "1", "l": "1", "x": "1"}}, now=T1)
    with pytest.raises(StatusError) as caught:
        place.apply("b", data={"k": "2", "l": "2", "x": "2"})
    assert caught.value.message == (
        "Apply failed with 3 conflicts: "
        'conflicts with "a":\n- .data.k\n- .data.l\n'
        'conflicts with "u" using v1:\n- .data.x'
    )
    assert caught.value.details["causes"][2] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "u" using v1',
        "field": ".data.x",
    }


def test_an_object_that_nobody_manages(place):
    place.keep({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"k": "1"}}, None)
    with pytest.raises(StatusError, match=r'"before-first-apply" using v1: \.data\.k'):
        place.apply("me", data={"k": "2"})
    place.apply("me", data={"k": "1"})
    assert place.owned("before-first-apply", "Update") == {"f:data": {".": LEAF, "f:k": LEAF}}


def containers(*items):
    return {"containers": list(items)}


def names(live, field="containers"):
    return [item["name"] for item in live["spec"][field]]


def test_lists_of_named_items_are_merged():
    place = pods()
    web = {"name": "web", "image": "w", "ports": [{"containerPort": 80}]}
    place.apply("a", spec=containers(web, {"name": "x", "image": "x"}))
    place.apply("b", spec=containers({"name": "y", "image": "y"}, {"name": "web", "tty": True}))
    assert names(place.live) == ["y", "web", "x"]
    (merged,) = [c for c in place.live["spec"]["containers"] if c["name"] == "web"]
    assert merged == {**web, "tty": True}
    assert place.owned("a")["f:spec"]["f:containers"]['k:{"name":"web"}'] == {
        ".": LEAF,
        "f:image": LEAF,
        "f:name": LEAF,
        "f:ports": {
            'k:{"containerPort":80,"protocol":"TCP"}': {".": LEAF, "f:containerPort": LEAF}
        },
    }
    place.apply("a", spec=containers({"name": "web", "image": "w"}))
    assert sorted(names(place.live)) == ["web", "y"]
    place.apply("b")
    assert place.live["spec"]["containers"] == [{"name": "web", "image": "w"}]


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        ("abc", "abc", "abc"),
        ("abc", "b", "abc"),
        ("abc", "", "abc"),
        ("", "ab", "ab"),
        ("ab", "cd", "abcd"),
        ("ab", "ba", "ba"),
        ("abc", "ca", "bca"),
        ("abcd", "db", "acdb"),
        ("ab", "axb", "axb"),
        ("ab", "xa", "xab"),
        ("abcde", "xbyd", "axbcyde"),
    ],
)
def test_the_order_of_merged_lists(old, new, merged):
    """That of the configuration; what it does not name stays where it was, as far as it can."""
    place = Place()
    place.apply("a", metadata={"finalizers": list(old)} if old else {})
    place.apply("b", metadata={"finalizers": list(new)} if new else {})
    assert "".join(place.live["metadata"].get("finalizers", ())) == merged


def test_sets_belong_to_many(place):
    place.apply("a", metadata={"finalizers": ["x", "y"]})
    place.apply("b", metadata={"finalizers": ["y", "z"]})
    assert place.owned("b") == {"f:metadata": {"f:finalizers": {'v:"y"': LEAF, 'v:"z"': LEAF}}}
    place.apply("a")
    assert place.live["metadata"]["finalizers"] == ["y", "z"]


def test_atomic_lists_and_maps_have_one_owner_for_all():
    place = pods()
    place.apply("a", spec={"tolerations": [{"key": "a"}], "nodeSelector": {"a": "1"}})
    assert place.owned("a") == {"f:spec": {"f:nodeSelector": LEAF, "f:tolerations": LEAF}}
    with pytest.raises(StatusError) as caught:
        place.apply("b", spec={"tolerations": [{"key": "b"}], "nodeSelector": {"b": "1"}})
    assert [c["field"] for c in caught.value.details["causes"]] == [
        ".spec.nodeSelector",
        ".spec.tolerations",
    ]
    place.apply("b", spec={"tolerations": [{"key": "b"}]}, force=True)
    assert place.live["spec"]["tolerations"] == [{"key": "b"}]


def test_nulls_take_away_what_is_there(place):
    place = Place(APPS + "Deployment", "apps/v1", "Deployment")
    place.apply("a", spec={"replicas": 3, "paused": True})
    with pytest.raises(StatusError, match=r"\.spec\.replicas"):
        place.apply("b", spec={"replicas": None})
    place.apply("b", spec={"replicas": None}, force=True)
    assert place.live["spec"] == {"paused": True}
    assert place.owned("b") == {"f:spec": {"f:replicas": LEAF}}


def test_empty_lists_say_nothing_empty_maps_do():
    place = pods()
    place.apply("a", spec={"volumes": [], "securityContext": {}, "nodeSelector": {}})
    assert place.owned("a") == {"f:spec": {"f:nodeSelector": LEAF, "f:securityContext": LEAF}}


def test_a_status_is_owned_through_its_subresource_only():
    place = pods()
    place.apply("a", spec={"hostname": "h"}, status={"message": "m"})
    assert place.owned("a") == {"f:spec": {"f:hostname": LEAF}}
    place.apply("a", spec={"hostname": "i"}, status={"reason": "r"}, subresource="status")
    entries = place.live["metadata"]["managedFields"]
    assert [(e.get("subresource"), e["fieldsV1"]) for e in entries] == [
        (None, {"f:spec": {"f:hostname": LEAF}}),
        ("status", {"f:status": {"f:reason": LEAF}}),
    ]
    with pytest.raises(StatusError) as caught:
        place.apply("b", status={"reason": "x"}, subresource="status")
    assert caught.value.details["causes"][0]["message"] == (
        'conflict with "a" with subresource "status"'
    )


def test_ownership_is_compared_in_the_owners_version():
    place = Place(SCALING + "v1." + SCALER, "autoscaling/v1", SCALER)
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 3}
    place.apply("a", spec={**target, "minReplicas": 2, "targetCPUUtilizationPercentage": 50})
    old, place.definition = place.live, SCALING + "v2." + SCALER
    place.api_version = "autoscaling/v2"
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    metrics = {"metrics": [{"type": "Resource", "resource": metric}]}
    spec = {**target, **metrics, "minReplicas": 2}
    place.live = {**old, "apiVersion": "autoscaling/v2", "spec": spec}
    other = {**metric, "target": {"type": "Utilization", "averageUtilization": 60}}
    changed = {**target, "metrics": [{"type": "Resource", "resource": other}]}
    with pytest.raises(StatusError) as caught:
        place.apply("b", spec=changed)
    assert [c["field"] for c in caught.value.details["causes"]] == [
        ".spec.targetCPUUtilizationPercentage"
    ]
    place.apply("a", spec={**target, **metrics})
    assert place.live["spec"] == {**target, **metrics}
    assert [e["apiVersion"] for e in place.live["metadata"]["managedFields"]] == ["autoscaling/v2"]


def test_owners_of_forgotten_versions_are_dropped(place):
    place.apply("a", data={"k": "1"})
    entry = {**place.live["metadata"]["managedFields"][0], "apiVersion": "v0", "manager": "old"}
    place.live["metadata"]["managedFields"].append(entry)
    place.apply("b", data={"l": "1"})
    assert place.owned("old") is None
    assert place.owned("a") == data("k")


def test_parts_of_what_is_atomic_count_as_the_whole():
    """As after a schema has made it atomic."""
    place = pods()
    place.apply("a", spec={"nodeSelector": {"a": "1"}})
    place.live["metadata"]["managedFields"][0]["fieldsV1"] = {
        "f:spec": {"f:nodeSelector": {"f:a": LEAF}}
    }
    with pytest.raises(StatusError, match=r"conflict with \"a\": .spec.nodeSelector"):
        place.apply("b", spec={"nodeSelector": {"a": "2"}})


# -- kubectl's annotation


def csa(place, config, live=None):
    """`config`, as client-side apply would leave it."""
    text = '{"apiVersion":"v1","kind":"ConfigMap","data":' + config + "}"
    metadata = {"annotations": {LAST_APPLIED: text}}
    place.update("kubectl-client-side-apply", {"data": live or {"k": "1"}, "metadata": metadata})


def test_kubectl_takes_over_what_client_side_apply_set(place):
    csa(place, '{"k":"1"}')
    place.apply("kubectl", data={"k": "2"}, now=T1)
    assert place.live["data"] == {"k": "2"}
    assert place.live["metadata"]["annotations"][LAST_APPLIED] == (
        '{"apiVersion":"v1","data":{"k":"2"},"kind":"ConfigMap","metadata":{"name":"a"}}\n'
    )


def test_what_was_changed_since_is_a_conflict_even_for_kubectl(place):
    csa(place, '{"k":"1","l":"1"}', {"k": "1", "l": "changed"})
    with pytest.raises(StatusError) as caught:
        place.apply("kubectl", data={"k": "2", "l": "2"})
    assert [c["field"] for c in caught.value.details["causes"]] == [".data.l"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"apiVersion":"v2"}'])
def test_annotations_that_say_nothing(place, text):
    metadata = {"annotations": {LAST_APPLIED: text}}
    place.update("u", {"data": {"k": "1"}, "metadata": metadata})
    with pytest.raises(StatusError, match="conflict with"):
        place.apply("kubectl", data={"k": "2"})


def test_the_annotation_is_kept_for_kubectl_alone(place):
    csa(place, '{"k":"1"}')
    before = place.live["metadata"]["annotations"]
    place.apply("me", data={"l": "<&>"})
    assert place.live["metadata"]["annotations"] == before
    place.apply("kubectl", data={"l": "<&>"}, metadata={"annotations": before})
    assert place.live["metadata"]["annotations"][LAST_APPLIED] == (
        '{"apiVersion":"v1","data":{"l":"\\u003c\\u0026\\u003e"},"kind":"ConfigMap",'
        '"metadata":{"annotations":{},"name":"a"}}\n'
    )


def test_an_annotation_that_would_be_too_long_goes(place):
    csa(place, '{"k":"1"}')
    place.apply("kubectl", data={"k": "x" * 300_000})
    assert LAST_APPLIED not in place.live["metadata"]["annotations"]


# -- custom resources


@pytest.fixture
def widgets():
    text, number, free = (
        Node("scalar", scalar="string"),
        Node("scalar", scalar="integer"),
        Node("any"),
    )
    part, parts, tags, spec, root = (
        Node(k) for k in ("object", "list", "list", "object", "object")
    )
    part.fields = {"name": text, "count": number}
    parts.item, parts.list_type, parts.list_keys = part, "map", ("name",)
    tags.item, tags.list_type = text, "set"
    spec.fields = {"parts": parts, "tags": tags, "free": free, "size": number}
    root.fields = {"spec": spec}
    return Place(root, "example.com/v1", "Widget")


def test_custom_resources(widgets):
    widgets.apply("a", spec={"parts": [{"name": "x", "count": 1}], "free": {"m": {"n": [1]}}})
    assert widgets.owned("a") == {
        "f:spec": {
            "f:free": {"f:m": {".": LEAF, "f:n": LEAF}},
            "f:parts": {'k:{"name":"x"}': {".": LEAF, "f:count": LEAF, "f:name": LEAF}},
        }
    }
    widgets.apply("b", spec={"free": {"m": {"o": True}}, "parts": [{"name": "x"}]})
    assert widgets.live["spec"]["free"] == {"m": {"n": [1], "o": True}}
    widgets.apply("a")
    assert widgets.live["spec"] == {"free": {"m": {"o": True}}, "parts": [{"name": "x"}]}


def test_true_is_not_one(widgets):
    widgets.apply("a", spec={"free": {"m": 1}})
    widgets.apply("a", spec={"free": {"m": True}}, now=T1)
    assert widgets.live["spec"]["free"]["m"] is True
    widgets.apply("a", spec={"free": {"m": True}, "size": 1})
    widgets.apply("b", spec={"size": 1.0})
    assert widgets.merged is None


def test_a_schema_that_has_changed_since(widgets):
    """What has become atomic is owned as a whole, by those who owned a part of it."""
    widgets.apply("a", spec={"parts": [{"name": "x", "count": 1}], "tags": ["t"]})
    spec = widgets.definition.fields["spec"]
    root, changed, parts = Node("object"), Node("object"), Node("list")
    parts.item = spec.fields["parts"].item
    changed.fields = {**spec.fields, "parts": parts}
    root.fields = {"spec": changed}
    widgets.definition = root
    live = copy.deepcopy(widgets.live)
    widgets.update("u", {**live, "spec": {**live["spec"], "size": 1}})
    assert widgets.owned("a") == {"f:spec": {"f:parts": LEAF, "f:tags": {'v:"t"': LEAF}}}
    widgets.live = live
    with pytest.raises(StatusError, match=r'conflict with "a": \.spec\.parts'):
        widgets.apply("b", spec={"parts": [{"name": "y"}]})
