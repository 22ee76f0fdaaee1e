"""Field selectors: the fields of each kind and the texts for those it does not have."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniplane.api import resources
from miniplane.api.errors import StatusError
from miniplane.api.selectors import fields

POD = {
    "metadata": {"name": "a", "namespace": "x"},
    "spec": {
        "nodeName": "n1",
        "restartPolicy": "Never",
        "schedulerName": "mine",
        "serviceAccountName": "builder",
        "hostNetwork": True,
    },
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.9",
        "podIPs": [{"ip": "10.0.0.9"}],
        "nominatedNodeName": "n2",
    },
}


@pytest.mark.parametrize(
    "text",
    [
        "metadata.name=a",
        "metadata.name==a",
        "metadata.namespace!=y",
        "spec.nodeName=n1",
        "spec.host=n1",
        "spec.restartPolicy=Never",
        "spec.schedulerName=mine",
        "spec.serviceAccountName=builder",
        "spec.hostNetwork=true",
        "status.phase=Running",
        "status.podIP=10.0.0.9",
        "status.podIPs=",
        "status.nominatedNodeName=n2",
        "status.phase=Running,spec.nodeName!=,",
    ],
)
def test_pods(text):
    assert fields.parse(text, resources.PODS).matches(POD)


def test_fields_that_a_pod_does_not_have():
    bare = {"metadata": {"name": "b"}}
    for text in ("spec.nodeName=", "spec.hostNetwork=false", "status.podIP=", "status.phase="):
        assert fields.parse(text, resources.PODS).matches(bare)
    assert not fields.parse("spec.nodeName!=", resources.PODS).matches(bare)


@pytest.mark.parametrize(
    ("plural", "group", "text", "obj"),
    [
        ("nodes", "", "spec.unschedulable=false", {}),
        ("nodes", "", "spec.unschedulable=true", {"spec": {"unschedulable": True}}),
        ("namespaces", "", "status.phase=Active", {"status": {"phase": "Active"}}),
        ("secrets", "", "type=Opaque", {"type": "Opaque"}),
        ("services", "", "spec.clusterIP=None", {"spec": {"clusterIP": "None"}}),
        ("services", "", "spec.type=NodePort", {"spec": {"type": "NodePort"}}),
        ("replicationcontrollers", "", "status.replicas=0", {}),
        ("replicationcontrollers", "", "status.replicas=2", {"status": {"replicas": 2}}),
        ("jobs", "batch", "status.successful=3", {"status": {"succeeded": 3}}),
        (
            "certificatesigningrequests",
            "certificates.k8s.io",
            "spec.signerName=s",
            {"spec": {"signerName": "s"}},
        ),
        ("resourceslices", "resource.k8s.io", "spec.driver=d", {"spec": {"driver": "d"}}),
        ("configmaps", "", "metadata.name=", {}),
    ],
)
def test_other_kinds(plural, group, text, obj):
    assert fields.parse(text, resources.resource(plural, group)).matches(obj)


def test_events_in_both_versions():
    core = {
        "involvedObject": {"kind": "Pod", "name": "a", "uid": "u", "fieldPath": "spec"},
        "reason": "Started",
        "type": "Normal",
        "source": {"component": "kubelet"},
        "reportingComponent": "",
    }
    text = "involvedObject.kind=Pod,involvedObject.name=a,involvedObject.uid=u,source=kubelet"
    assert fields.parse(text, resources.EVENTS).matches(core)
    assert fields.parse("reportingComponent=,type=Normal", resources.EVENTS).matches(core)
    new = "regarding.kind=Pod,regarding.fieldPath=spec,reason=Started,reportingController="
    assert fields.parse(new, resources.EVENTS_V1).matches(core)
    noted = {"regarding": {"name": "b"}, "reportingController": "mine"}
    assert fields.parse("source=mine", resources.EVENTS).matches(noted)
    assert fields.parse("regarding.name=b", resources.EVENTS_V1).matches(noted)


@pytest.mark.parametrize(
    ("resource", "text", "message"),
    [
        (
            resources.PODS,
            "status.phase>Running",
            "invalid selector: 'status.phase>Running'; can't understand 'status.phase>Running'",
        ),
        (
            resources.PODS,
            "metadata.name",
            "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
        ),
        (
            resources.PODS,
            "a=b=c,metadata.name=x",
            "invalid field selector: unescaped character in value: 61",
        ),
        (resources.PODS, "spec.hostname=a", "field label not supported: spec.hostname"),
        (resources.NODES, "metadata.namespace=a", "field label not supported: metadata.namespace"),
        (resources.EVENTS, "regarding.name=a", "field label not supported: regarding.name"),
        (resources.EVENTS_V1, "source=a", "field label not supported: source"),
        (
            resources.CONFIGMAPS,
            "data.k=v",
            '"data.k" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (
            resources.REPLICA_SETS,
            "status.replicas=0",
            '"status.replicas" is not a known field selector: only "metadata.name", '
            '"metadata.namespace"',
        ),
        (resources.JOBS, "a=b", 'field label "a" not supported for Job'),
        (
            resources.resource("resourceslices", "resource.k8s.io"),
            "metadata.namespace=a",
            "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: "
            "metadata.namespace",
        ),
    ],
)
def test_error_texts(resource, text, message):
    with pytest.raises(StatusError) as caught:
        fields.parse(text, resource)
    assert caught.value.message == message
    assert caught.value.code == 400


def test_the_exact_value_of_a_field():
    selector = fields.parse("metadata.name=a,status.phase!=Failed", resources.PODS)
    assert selector.exact("metadata.name") == "a"
    assert selector.exact("status.phase") is None
    assert str(selector) == "metadata.name=a,status.phase!=Failed"


def test_nothing_selects_everything():
    assert fields.parse("", resources.PODS).empty
    assert fields.parse(",", resources.PODS).matches({})


def test_selectable_fields_of_custom_resources():
    widgets = resources.CONFIGMAPS
    paths = (".spec.color", ".spec['a.b']")
    selector = fields.parse("spec.color=red,metadata.name=w", widgets, selectable=paths)
    assert selector.matches({"metadata": {"name": "w"}, "spec": {"color": "red"}})
    assert not selector.matches({"metadata": {"name": "w"}, "spec": {"color": 3}})
    with pytest.raises(StatusError) as caught:
        fields.parse("spec.color=red", widgets, selectable=())
    assert caught.value.message == "field label not supported: spec.color"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "status", "name", "involvedObject", "source"]),
            below,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(resources.RESOURCES), st.dictionaries(st.just("spec"), JSON, max_size=1))
def test_every_field_of_every_kind_reads_any_object(resource, obj):
    for name in fields.supported(resource):
        selector = fields.parse(f"{name}=x", resource)
        assert selector.matches(obj) in (True, False)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [(r"a\,b", "a,b"), (r"a\=b", "a=b"), (r"a\\", "a\\"), ("", ""), ("a!b", "a!b")],
)
def test_values_are_unescaped(value, meaning):
    chosen = fields.parse(f"metadata.name={value},metadata.namespace!=x", resources.PODS)
    assert chosen.exact("metadata.name") == meaning
    assert len(chosen.terms) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("metadata.name=a=b", "unescaped character in value: 61"),
        (r"metadata.name=a\x", r"invalid escape sequence: \x"),
        ("metadata.name=a\\", "invalid escape sequence: \\"),
    ],
)
def test_values_that_are_escaped_badly_are_refused(text, why):
    with pytest.raises(StatusError) as caught:
        fields.parse(text, resources.PODS)
    assert caught.value.message == f"invalid field selector: {why}"
