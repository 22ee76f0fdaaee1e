"""managedFields through creates, updates and patches."""

import copy
import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api import fieldset, schema
from miniplane.api.fieldset import entries, sets

CORE = "io.k8s.api.core.v1."
APPS = "io.k8s.api.apps.v1."
T0, T1, T2 = (f"2026-01-01T00:00:0{i}Z" for i in range(3))
LEAF = {}


def config_map(metadata=None, **fields):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata or {}, **fields}


def stored(obj, managed):
    """`obj` as a registry keeps it."""
    own = {"uid": "u-1", "resourceVersion": "7", "creationTimestamp": T0, "name": "a"}
    metadata = {**obj.get("metadata", {}), **own}
    if managed is not None:
        metadata["managedFields"] = managed
    return {**obj, "metadata": metadata}


def write(old, new, manager, *, now=T0, definition=CORE + "ConfigMap", version="v1", **more):
    return fieldset.update_managers(
        definition, api_version=version, old=old, new=new, manager=manager, now=now, **more
    )


def owned(managed):
    return {(e["manager"], e.get("subresource", "")): e["fieldsV1"] for e in managed or ()}


def times(managed):
    return {e["manager"]: e["time"] for e in managed}


def test_a_create_owns_what_is_set():
    new = config_map({"name": "a", "namespace": "x", "labels": {"l": "1"}}, data={"k": "v"})
    assert write(None, new, "test") == [
        {
            "manager": "test",
            "operation": "Update",
            "apiVersion": "v1",
            "time": T0,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:data": {".": {}, "f:k": {}},
                "f:metadata": {"f:labels": {".": {}, "f:l": {}}},
            },
        }
    ]
    assert write(None, config_map({"name": "a"}), "test") is None
    assert write(None, new, "")[0]["manager"] == "unknown"


def test_structs_that_are_always_there_are_not_owned_themselves():
    pod = {
        "metadata": {"name": "p"},
        "spec": {
            "containers": [
                {
                    "name": "a",
                    "image": "a",
                    "resources": {},
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                }
            ],
            "securityContext": {},
            "nodeSelector": {"disk": "fast"},
        },
        "status": {"phase": "Pending"},
    }
    managed = write(None, pod, "test", definition=CORE + "Pod")
    assert owned(managed)["test", ""] == {
        "f:spec": {
            "f:containers": {
                'k:{"name":"a"}': {
                    ".": {},
                    "f:image": {},
                    "f:name": {},
                    "f:ports": {
                        ".": {},
                        'k:{"containerPort":80,"protocol":"TCP"}': {
                            ".": {},
                            "f:containerPort": {},
                            "f:protocol": {},
                        },
                    },
                    "f:resources": {},
                }
            },
            "f:nodeSelector": {},
            "f:securityContext": {},
        }
    }


@pytest.mark.parametrize(
    ("definition", "new", "want"),
    [
        (
            CORE + "Event",
            {"involvedObject": {"name": "a"}, "source": {"component": "x"}, "eventTime": None},
            {"f:involvedObject": {}, "f:source": {"f:component": {}}},
        ),
        (APPS + "ControllerRevision", {"data": {"a": {"b": 1}}, "revision": 0}, {"f:data": {}}),
        (
            CORE + "PersistentVolumeClaim",
            {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
            {"f:spec": {"f:resources": {"f:requests": {".": {}, "f:storage": {}}}}},
        ),
        (
            APPS + "StatefulSet",
            {
                "spec": {
                    "serviceName": "",
                    "selector": {"matchLabels": {"a": "b"}},
                    "updateStrategy": {"type": "OnDelete"},
                    "template": {"metadata": {"labels": {"a": "b"}}},
                }
            },
            {
                "f:spec": {
                    "f:selector": {},
                    "f:template": {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}},
                    "f:updateStrategy": {"f:type": {}},
                }
            },
        ),
        (
            CORE + "ConfigMap",
            {
                "metadata": {
                    "finalizers": ["x/b", "x/a"],
                    "ownerReferences": [{"uid": "u", "name": "n"}],
                }
            },
            {
                "f:metadata": {
                    "f:finalizers": {".": {}, 'v:"x/a"': {}, 'v:"x/b"': {}},
                    "f:ownerReferences": {".": {}, 'k:{"uid":"u"}': {}},
                }
            },
        ),
        (
            CORE + "Service",
            {"spec": {"ports": [{"port": 443}, {"port": 80, "protocol": "UDP"}]}},
            {
                "f:spec": {
                    "f:ports": {
                        ".": {},
                        'k:{"port":80,"protocol":"UDP"}': {
                            ".": {},
                            "f:port": {},
                            "f:protocol": {},
                        },
                        'k:{"port":443,"protocol":"TCP"}': {".": {}, "f:port": {}},
                    }
                }
            },
        ),
    ],
)
def test_shapes_of_created_objects(definition, new, want):
    (entry,) = write(None, {"metadata": {}, **new}, "test", definition=definition)
    assert entry["fieldsV1"] == want
    assert list(sets.paths(entry["fieldsV1"])) == list(sets.paths(want))


def test_changes_move_ownership_and_removals_end_it():
    first = config_map({"labels": {"a": "1", "b": "2"}}, data={"one": "1", "two": "2"})
    live = stored(first, write(None, first, "test"))
    second = config_map(
        {"labels": {"b": "2", "c": "3"}, "annotations": {"note": "x"}},
        data={"two": "2", "three": "3"},
    )
    managed = write(live, second, "merger", now=T1)
    assert owned(managed) == {
        ("test", ""): {
            "f:data": {".": {}, "f:two": {}},
            "f:metadata": {"f:labels": {".": {}, "f:b": {}}},
        },
        ("merger", ""): {
            "f:data": {"f:three": {}},
            "f:metadata": {
                "f:annotations": {".": {}, "f:note": {}},
                "f:labels": {"f:c": {}},
            },
        },
    }
    assert times(managed) == {"test": T0, "merger": T1}
    third = config_map(second["metadata"])
    managed = write(stored(second, managed), third, "merger", now=T2)
    assert times(managed) == {"test": T0, "merger": T1}, "a removal is not a claim"
    assert owned(managed)["test", ""] == {"f:metadata": {"f:labels": {".": {}, "f:b": {}}}}


def test_writes_without_a_change_claim_nothing():
    first = config_map(data={"a": "1"})
    live = stored(first, write(None, first, "test"))
    managed = write(live, config_map(data={"a": "1"}), "other", now=T1)
    assert managed == live["metadata"]["managedFields"]
    assert write(live, config_map(data={"a": "1"}), "test", now=T1) == managed


def test_the_stored_object_is_not_changed_and_shared():
    first = config_map({"labels": {"x": "y"}}, data={"a": "1", "b": "2"})
    live = stored(first, write(None, first, "test"))
    before = copy.deepcopy(live)
    managed = write(live, config_map({"labels": {"x": "z"}}, data={"a": "1", "b": "2"}), "me")
    assert live == before
    kept = live["metadata"]["managedFields"][0]["fieldsV1"]
    (theirs,) = (e["fieldsV1"] for e in managed if e["manager"] == "test")
    assert theirs["f:data"] is kept["f:data"]
    assert theirs["f:metadata"] == {"f:labels": {}}


def pod(labels=None, **status):
    return {
        "metadata": {"name": "p", **({"labels": labels} if labels else {})},
        "spec": {"containers": [{"name": "a"}], "hostname": "h"},
        "status": status,
    }


def test_each_endpoint_resets_what_is_not_its_own():
    live = stored(pod(), write(None, pod(phase="Running"), "test", definition=CORE + "Pod"))
    assert "f:status" not in owned(live["metadata"]["managedFields"])["test", ""]
    sent = pod(labels={"x": "y"}, phase="Running")
    sent["spec"] = {"containers": [{"name": "b"}]}
    sent["metadata"]["ownerReferences"] = [{"uid": "u"}]
    managed = write(live, sent, "kubelet", definition=CORE + "Pod", subresource="status")
    assert owned(managed) == {
        ("test", ""): owned(live["metadata"]["managedFields"])["test", ""],
        ("kubelet", "status"): {
            "f:metadata": {"f:labels": {".": {}, "f:x": {}}},
            "f:status": {"f:phase": {}},
        },
    }


def test_a_deployments_status_does_not_reach_its_labels():
    old = {"metadata": {}, "spec": {"replicas": 1}, "status": {}}
    live = stored(old, write(None, old, "test", definition=APPS + "Deployment"))
    sent = {"metadata": {"labels": {"a": "b"}}, "spec": {}, "status": {"replicas": 1}}
    managed = write(live, sent, "ctl", definition=APPS + "Deployment", subresource="status")
    assert owned(managed)["ctl", "status"] == {"f:status": {"f:replicas": {}}}
    assert owned(managed)["test", ""] == {"f:spec": {"f:replicas": {}}}


def test_subresources_of_pods_own_their_part_only():
    live = stored(pod(), write(None, pod(), "test", definition=CORE + "Pod"))
    sent = copy.deepcopy(pod(labels={"x": "y"}))
    sent["spec"]["ephemeralContainers"] = [{"name": "dbg"}]
    sent["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1"}}
    write_to = functools.partial(write, live, sent, "me", definition=CORE + "Pod")
    assert owned(write_to(subresource="ephemeralcontainers"))["me", "ephemeralcontainers"] == {
        "f:spec": {"f:ephemeralContainers": {".": {}, 'k:{"name":"dbg"}': {".": {}, "f:name": {}}}}
    }
    assert owned(write_to(subresource="resize"))["me", "resize"] == {
        "f:spec": {
            "f:containers": {
                'k:{"name":"a"}': {"f:resources": {".": {}, "f:limits": {".": {}, "f:cpu": {}}}}
            }
        }
    }


def test_the_same_name_on_another_endpoint_is_another_manager():
    live = stored(pod(), write(None, pod(), "me", definition=CORE + "Pod"))
    managed = write(
        live, pod(phase="Running"), "me", definition=CORE + "Pod", subresource="status", now=T1
    )
    assert [(e["manager"], e.get("subresource", "")) for e in managed] == [
        ("me", ""),
        ("me", "status"),
    ]
    assert list(managed[1]) == [
        "manager",
        "operation",
        "apiVersion",
        "time",
        "fieldsType",
        "fieldsV1",
        "subresource",
    ]


@pytest.mark.parametrize("sent", [[], [{}]])
def test_ownership_can_be_given_up(sent):
    first = config_map(data={"a": "1"})
    live = stored(first, write(None, first, "test"))
    changed = config_map({"managedFields": sent}, data={"a": "2"})
    assert write(live, changed, "test", now=T1) is None
    untracked = stored(config_map(data={"a": "2"}), None)
    assert write(untracked, config_map(data={"a": "3"}), "test", now=T1) is None


def test_a_create_with_an_empty_list_is_tracked():
    assert owned(write(None, config_map({"managedFields": []}, data={"a": "1"}), "test")) == {
        ("test", ""): {"f:data": {".": {}, "f:a": {}}}
    }


def mine(**more):
    entry = {
        "manager": "x",
        "operation": "Update",
        "apiVersion": "v1",
        "time": T0,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:b": {}, "f:a": {}}},
    }
    return {k: v for k, v in {**entry, **more}.items() if v is not None}


def test_clients_may_edit_the_list():
    first = config_map(data={"a": "1", "b": "2"})
    live = stored(first, write(None, first, "test"))
    managed = write(live, config_map({"managedFields": [mine()]}, data=first["data"]), "test")
    assert managed == [mine()]
    assert list(managed[0]["fieldsV1"]["f:data"]) == ["f:a", "f:b"]


@pytest.mark.parametrize(
    "sent",
    [
        [mine(operation="Frob")],
        [mine(apiVersion=None)],
        [mine(fieldsType="FieldsV2")],
        [mine(fieldsV1={"a": {}})],
        [mine(), "x"],
        "x",
        None,
    ],
)
def test_lists_that_are_not_valid_are_ignored(sent):
    first = config_map(data={"a": "1"})
    live = stored(first, write(None, first, "test"))
    managed = write(live, config_map({"managedFields": sent}, data={"a": "1"}), "test", now=T1)
    assert managed == live["metadata"]["managedFields"]


def test_subresources_do_not_take_the_list_from_the_request():
    live = stored(pod(), write(None, pod(), "test", definition=CORE + "Pod"))
    sent = pod(phase="Running")
    sent["metadata"]["managedFields"] = []
    managed = write(live, sent, "me", definition=CORE + "Pod", subresource="status", now=T1)
    assert {e["manager"] for e in managed} == {"test", "me"}


def test_entries_are_in_order():
    first = config_map(data={"a": "1"})
    listed = [
        mine(manager="u", time=T2, fieldsV1={"f:data": {"f:a": {}}}),
        mine(manager="b", time=T1),
        mine(manager="a", time=T1),
        mine(manager="z", time=None),
        mine(manager="q", operation="Apply", time=T2),
    ]
    live = stored(first, listed)
    managed = write(live, config_map(data={"a": "1", "c": "2"}), "new", now=T1)
    assert [e["manager"] for e in managed] == ["q", "z", "a", "b", "new", "u"]


def test_the_oldest_of_more_than_ten_updaters_share_an_entry():
    data, live = {}, None
    for i in range(12):
        data = {**data, f"k{i:02}": "v"}
        now = f"2026-01-01T00:00:{i:02}Z"
        managed = write(live, config_map(data=data), f"m{i:02}", now=now)
        live = stored(config_map(data=data), managed)
    assert len(managed) == 10
    assert managed[0] == mine(
        manager="ancient-changes",
        time="2026-01-01T00:00:02Z",
        fieldsV1={"f:data": {".": {}, "f:k00": {}, "f:k01": {}, "f:k02": {}}},
    )
    assert [e["manager"] for e in managed[1:]] == [f"m{i:02}" for i in range(3, 12)]


def test_lists_that_cannot_be_tracked_keep_the_stored_entries():
    first = pod()
    live = stored(first, write(None, first, "test", definition=CORE + "Pod"))
    broken = pod()
    broken["spec"]["containers"] = [{"image": "x"}]
    managed = write(live, broken, "me", definition=CORE + "Pod")
    assert managed is live["metadata"]["managedFields"]
    assert write(None, broken, "me", definition=CORE + "Pod") is None


def test_entries_of_other_versions():
    """They follow the change in terms of their own version; versions not served are dropped."""
    v1 = "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler"
    v2 = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"
    target = {"kind": "Deployment", "name": "d"}
    old = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "a"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3, "minReplicas": 1},
    }
    managed = write(None, old, "one", definition=v1, version="autoscaling/v1")
    managed.append(mine(apiVersion="autoscaling/v2beta2", fieldsV1={"f:spec": {}}))
    live = stored({**old, "apiVersion": "autoscaling/v2"}, managed)
    new = {**old, "apiVersion": "autoscaling/v2", "spec": {**old["spec"], "maxReplicas": 5}}
    managed = write(live, new, "two", definition=v2, version="autoscaling/v2", now=T1)
    assert owned(managed) == {
        ("one", ""): {
            "f:spec": {"f:minReplicas": {}, "f:scaleTargetRef": {}},
        },
        ("two", ""): {"f:spec": {"f:maxReplicas": {}}},
    }


def test_custom_resources_start_empty():
    root = schema.Node("object")
    replicas = schema.Node("scalar", scalar="integer")
    spec = schema.Node("object")
    spec.fields = {"replicas": replicas}
    root.fields = {"spec": spec, "status": schema.Node("any")}
    obj = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "a"},
        "spec": {"replicas": 1},
        "status": {"phase": "x"},
    }
    managed = write(None, obj, "test", definition=root, version="example.com/v1")
    assert owned(managed)["test", ""] == {"f:spec": {".": {}, "f:replicas": {}}}
    live = stored({k: v for k, v in obj.items() if k != "status"}, managed)
    managed = write(
        live,
        {**obj, "metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 9}},
        "ctl",
        definition=root,
        version="example.com/v1",
        subresource="status",
    )
    assert owned(managed) == {
        ("test", ""): {"f:spec": {".": {}, "f:replicas": {}}},
        ("ctl", "status"): {"f:status": {".": {}, "f:phase": {}}},
    }
    wrong = {**obj, "spec": "text"}
    assert write(None, wrong, "test", definition=root, version="example.com/v1") is None


def test_same_but_times():
    one, other = [mine(), mine(manager="y")], [mine(time=T1), mine(manager="y", time=T2)]
    assert fieldset.same_but_times(one, other)
    assert not fieldset.same_but_times(one, other[::-1]), "a time may change the order"
    assert not fieldset.same_but_times(one, other[:1])
    assert not fieldset.same_but_times(one, [mine(), mine(manager="y", fieldsV1={"f:a": {}})])


keys = st.sampled_from("abc")
string_maps = st.dictionaries(keys, st.sampled_from("12"), max_size=3)
maps = st.fixed_dictionaries(
    {"metadata": st.fixed_dictionaries({}, optional={"labels": string_maps})},
    optional={"data": string_maps, "immutable": st.booleans()},
)
steps = st.lists(st.tuples(st.sampled_from(["p", "q", "r"]), maps), min_size=1, max_size=6)


@settings(deadline=None, max_examples=200, database=None)
@given(steps)
def test_through_any_history(history):
    """Nobody owns what is not there, or what another owns; the last writer owns what it changed."""
    live = None
    for i, (manager, obj) in enumerate(history):
        managed = write(live, obj, manager, now=f"2026-01-01T00:00:{i:02}Z")
        created = write(None, obj, "all")
        there = set(sets.paths(created[0]["fieldsV1"])) if created else set()
        seen = set()
        for entry in managed or ():
            own = set(sets.paths(entry["fieldsV1"]))
            assert own <= there
            assert not own & seen
            seen |= own
        assert managed is None or managed == entries.in_order(list(managed))
        live = stored(obj, managed)
        assert write(live, obj, "noop", now=T2) == managed
