"""Decoding objects: what is dropped, what always shows, what is refused in which words."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api import decode, schema
from miniplane.api.decode import careful, fast, gojson, types
from miniplane.api.errors import StatusError
from miniplane.api.resources import RESOURCES

CORE = "io.k8s.api.core.v1."
POD = CORE + "Pod"
APPS = "io.k8s.api.apps.v1."
CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"


def clean(definition, raw):
    obj, problems = decode.decode(definition, raw)
    assert problems == []
    return obj


def cause_of(definition, raw) -> str:
    with pytest.raises(decode.TypeMismatch) as caught:
        decode.decode(definition, raw)
    kind = definition.rpartition(".")[2]
    assert caught.value.message.endswith(f"cannot be handled as a {kind}: {caught.value.cause}")
    return caught.value.cause


def problems_of(definition, text: str) -> list[str]:
    value, _ = decode.parse_json(text.encode())
    return decode.decode(definition, value)[1]


def test_a_small_pod_comes_back_as_a_server_writes_it():
    raw = {
        "kind": "Pod",
        "apiVersion": "v1",
        "spec": {
            "containers": [{"name": "a", "image": "b", "tty": False, "env": []}],
            "hostNetwork": False,
            "nodeName": "",
            "securityContext": {},
            "volumes": [{"name": "v", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 0,
            "hostAliases": None,
        },
        "metadata": {"name": "x", "labels": {}, "creationTimestamp": None, "generation": 0},
    }
    before = copy.deepcopy(raw)
    pod = clean(POD, raw)
    assert pod == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x"},
        "spec": {
            "containers": [{"name": "a", "image": "b", "resources": {}}],
            "securityContext": {},
            "volumes": [{"name": "v", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 0,
        },
        "status": {},
    }
    assert list(pod)[:3] == ["apiVersion", "kind", "metadata"]
    assert raw == before
    pod["spec"]["containers"][0]["resources"]["x"] = 1
    assert raw == before


def test_templates_and_statuses_always_show():
    deployment = clean(APPS + "Deployment", {"metadata": {"name": "d"}})
    assert deployment["spec"] == {"strategy": {}, "template": {"metadata": {}, "spec": {}}}
    assert deployment["status"] == {}
    assert clean(APPS + "StatefulSet", None)["status"] == {"availableReplicas": 0, "replicas": 0}
    assert clean(CORE + "Service", {})["status"] == {"loadBalancer": {}}
    assert "status" not in clean(CORE + "ConfigMap", {})


def test_some_empty_lists_show_as_null():
    assert clean("io.k8s.api.rbac.v1.ClusterRole", {"rules": []})["rules"] is None
    slice_ = clean("io.k8s.api.discovery.v1.EndpointSlice", {"addressType": "IPv4"})
    assert slice_["endpoints"] is None
    terms = [{"matchLabelExpressions": [{"key": "zone"}]}]
    class_ = clean("io.k8s.api.storage.v1.StorageClass", {"allowedTopologies": terms})
    assert class_["allowedTopologies"][0]["matchLabelExpressions"][0]["values"] is None
    claims = [{"resourceClaimName": "a"}]
    extended = {"resourceClaimName": "a"}
    status = {
        "nodeAllocatableResourceClaimStatuses": claims,
        "extendedResourceClaimStatus": extended,
    }
    pod = clean(POD, {"status": status})
    assert pod["status"]["nodeAllocatableResourceClaimStatuses"][0]["resources"] is None
    assert pod["status"]["extendedResourceClaimStatus"]["requestMappings"] is None
    assert "containers" not in clean(POD, {"spec": {"containers": []}})["spec"]
    condition = {"type": "Ready", "status": "True", "lastProbeTime": None}
    pod = clean(POD, {"status": {"conditions": [condition]}})
    assert pod["status"]["conditions"] == [
        {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": None}
    ]


def test_status_of_a_container_shows_its_zeroes():
    status = {"name": "c", "state": {"running": {}}}
    pod = clean(POD, {"status": {"containerStatuses": [status]}})
    assert pod["status"]["containerStatuses"] == [
        {
            "name": "c",
            "state": {"running": {"startedAt": None}},
            "lastState": {},
            "ready": False,
            "restartCount": 0,
            "image": "",
            "imageID": "",
        }
    ]


def test_nulls_in_lists_and_maps_become_zero_values():
    pod = clean(POD, {"spec": {"containers": [None, {"name": "c", "args": ["a", None]}]}})
    assert pod["spec"]["containers"] == [
        {"name": "", "resources": {}},
        {"name": "c", "args": ["a", ""], "resources": {}},
    ]
    assert clean(CORE + "ConfigMap", {"data": {"a": None}})["data"] == {"a": ""}
    assert clean(CORE + "Secret", {"data": {"a": None, "b": ""}})["data"] == {"a": "", "b": ""}


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ("1024Mi", "1Gi"),
        (0.5, "500m"),
        ("1000m", "1"),
        (2, "2"),
        ("1.5Gi", "1536Mi"),
        (" 5 ", "5"),
    ],
)
def test_quantities_become_canonical(given_, written):
    quota = clean(CORE + "ResourceQuota", {"spec": {"hard": {"cpu": given_}}})
    assert quota["spec"]["hard"] == {"cpu": written}


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
        ("2024-02-29T12:00:00.987Z", "2024-02-29T12:00:00Z"),
        ("2024-03-01T00:30:00+02:00", "2024-02-29T22:30:00Z"),
        ("2024-02-29T1:02:03Z", "2024-02-29T01:02:03Z"),
    ],
)
def test_times_become_utc_seconds(given_, written):
    pod = clean(POD, {"metadata": {"creationTimestamp": given_}})
    assert pod["metadata"] == {"creationTimestamp": written}


def test_the_zero_time_is_no_time():
    zero = "0001-01-01T00:00:00Z"
    assert clean(POD, {"metadata": {"creationTimestamp": zero}})["metadata"] == {}
    event = clean(CORE + "Event", {"firstTimestamp": zero})
    assert event["firstTimestamp"] is None


def test_micro_times_keep_six_digits():
    lease = {"spec": {"renewTime": "2024-01-01T02:00:00.123456+02:00"}}
    assert clean("io.k8s.api.coordination.v1.Lease", lease)["spec"] == {
        "renewTime": "2024-01-01T00:00:00.123456Z"
    }


@pytest.mark.parametrize(
    ("definition", "raw", "cause"),
    [
        (
            APPS + "StatefulSet",
            {"spec": {"replicas": "3"}},
            "json: cannot unmarshal string into Go struct field StatefulSetSpec.spec.replicas "
            "of type int32",
        ),
        (
            APPS + "StatefulSet",
            {"spec": {"replicas": 1.5}},
            "json: cannot unmarshal number 1.5 into Go struct field StatefulSetSpec.spec.replicas "
            "of type int32",
        ),
        (
            APPS + "StatefulSet",
            {"spec": {"replicas": 1 << 31}},
            "json: cannot unmarshal number 2147483648 into Go struct field "
            "StatefulSetSpec.spec.replicas of type int32",
        ),
        (
            POD,
            {"spec": {"containers": [{"args": ["a", 1]}]}},
            "json: cannot unmarshal number into Go struct field Container.spec.containers.args "
            "of type string",
        ),
        (
            POD,
            {"spec": {"restartPolicy": True}},
            "json: cannot unmarshal bool into Go struct field PodSpec.spec.restartPolicy "
            "of type v1.RestartPolicy",
        ),
        (
            POD,
            {"spec": {"containers": {}}},
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers "
            "of type []v1.Container",
        ),
        (
            POD,
            {"spec": []},
            "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec",
        ),
        (
            POD,
            {"metadata": {"labels": {"a": 1}}},
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels "
            "of type string",
        ),
        (
            POD,
            {"metadata": {"labels": ["a"]}},
            "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels "
            "of type map[string]string",
        ),
        (
            POD,
            {"metadata": {"creationTimestamp": 1}},
            "json: cannot unmarshal number into Go struct field "
            "ObjectMeta.metadata.creationTimestamp of type string",
        ),
        (
            POD,
            {"metadata": {"creationTimestamp": "today"}},
            'parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"',
        ),
        (
            CORE + "Service",
            {"spec": {"ports": [{"targetPort": True}]}},
            "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort "
            "of type int32",
        ),
        (
            CORE + "Secret",
            {"data": {"a": "not base64"}},
            "illegal base64 data at input byte 3",
        ),
        (
            POD,
            {"spec": {"hostNetwork": 1, "containers": [{"resources": {"limits": {"cpu": "x"}}}]}},
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (POD, [], "json: cannot unmarshal array into Go value of type v1.Pod"),
        (
            CRD,
            {"spec": {"versions": [{"schema": {"openAPIV3Schema": {"items": 1,
             "additionalProperties": 1}}}]}},
            "boolean or JSON schema expected",
        ),
    ],
)  # fmt: skip
def test_wrong_types_are_refused_in_gos_words(definition, raw, cause):
    assert cause_of(definition, raw) == cause


def test_the_message_names_kind_and_version_of_the_body():
    with pytest.raises(StatusError) as caught:
        decode.decode(CORE + "ConfigMap", {"apiVersion": "v1", "metadata": {"name": True}})
    assert caught.value.to_status()["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal bool '
        "into Go struct field ObjectMeta.metadata.name of type string"
    )


def test_unknown_fields_are_named_in_order_and_dropped():
    text = (
        '{"metadata":{"name":"a","label":"x"},"spec":{"bogus":1,"containers":[{"name":"a",'
        '"imagepullpolicy":"Always","foo":{"bar":1}}]},"Kind":"x"}'
    )
    assert problems_of(POD, text) == [
        'unknown field "metadata.label"',
        'unknown field "spec.bogus"',
        'unknown field "spec.containers[0].imagepullpolicy"',
        'unknown field "spec.containers[0].foo"',
        'unknown field "Kind"',
    ]
    assert decode.decode(POD, json.loads(text), strict=False)[1] == []
    assert "bogus" not in decode.decode(POD, json.loads(text))[0]["spec"]


def test_doubled_and_unknown_fields_are_reported_in_document_order():
    text = (
        '{"metadata":{"name":"a","bogus":true,"labels":{"x":"1","x":"2"}},'
        '"data":{"k":"1","k":"2"},"more":[1],"data":{"l":"3"}}'
    )
    assert problems_of(CORE + "ConfigMap", text) == [
        'unknown field "metadata.bogus"',
        'duplicate field "metadata.labels.x"',
        'duplicate field "data.k"',
        'unknown field "more"',
        'duplicate field "data"',
    ]
    value, _ = decode.parse_json(text.encode())
    obj, _ = decode.decode(CORE + "ConfigMap", value)
    assert obj["data"] == {"k": "2", "l": "3"}
    assert obj["metadata"]["labels"] == {"x": "2"}


def test_a_hundred_problems_are_enough():
    text = "{" + ",".join(f'"f{i}":1' for i in range(300)) + "}"
    assert len(problems_of(POD, text)) == 100


def test_case_matters():
    assert problems_of(POD, '{"Spec":{}}') == ['unknown field "Spec"']


def test_untyped_parts_stay_as_they_are():
    data = {"a": {"b": [1, None, {"c": {}}]}, "n": 1.0}
    revision = clean(APPS + "ControllerRevision", {"data": data, "revision": 1})
    assert revision["data"] == data
    assert revision["data"] is not data and revision["data"]["a"] is not data["a"]
    assert decode.embed(data) == data


def test_json_schemas_in_all_their_forms():
    schema_ = {
        "type": "object",
        "properties": {
            "a": {"additionalProperties": False, "default": {"x": None}},
            "b": {"items": {"type": "string", "nullable": False}, "enum": [1, "a", None]},
            "c": {"additionalProperties": {"type": "integer", "maximum": 5.0}},
        },
    }
    version = {"name": "v1", "served": True, "storage": True}
    raw = {"spec": {"versions": [{**version, "schema": {"openAPIV3Schema": schema_}}]}}
    out = clean(CRD, raw)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert out["properties"] == {
        "a": {"additionalProperties": False, "default": {"x": None}},
        "b": {"items": {"type": "string"}, "enum": [1, "a", None]},
        "c": {"additionalProperties": {"type": "integer", "maximum": 5}},
    }


def test_blank_objects_have_all_their_nulls():
    assert decode.blank(APPS + "StatefulSet") == {
        "metadata": {},
        "spec": {
            "replicas": 0,
            "selector": None,
            "serviceName": "",
            "template": {"metadata": {}, "spec": {"containers": None}},
            "updateStrategy": {},
        },
        "status": {"availableReplicas": 0, "replicas": 0},
    }
    assert decode.blank(POD)["spec"] == {"containers": None}


def test_untyped_objects():
    value, _ = decode.parse_json(b'{"spec":{"a":1,"b":[{"c":1.0}],"a":2}}')
    assert decode.untyped(value) == (
        {"spec": {"a": 2, "b": [{"c": 1}]}},
        ['duplicate field "spec.a"'],
    )
    with pytest.raises(StatusError):
        decode.untyped({"a": float("inf")})


# Values of a definition, for properties: mostly in order, sometimes not.


def values(go_type: types.Type, depth: int = 0):
    if go_type.kind == "struct":
        fields = go_type.fields
        if depth > 3 or not fields:
            return st.just({})
        return st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True).flatmap(
            lambda names: st.fixed_dictionaries(
                {n: st.none() | values(fields[n].type, depth + 1) for n in names}
            )
        )
    if go_type.kind == "list":
        return st.lists(values(go_type.item, depth + 1), max_size=2)
    if go_type.kind == "map":
        return st.dictionaries(st.text(max_size=3), values(go_type.item, depth + 1), max_size=2)
    return {
        "string": st.text(max_size=3),
        "bool": st.booleans(),
        "int": st.integers(max(go_type.low, -5), 5),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "bytes": st.sampled_from(["", "aGk=", "AAAA"]),
        "quantity": st.sampled_from(["1", "1024Mi", "0.5", 2, 0.25, "0"]),
        "time": st.sampled_from(["2024-01-02T03:04:05Z", "0001-01-01T00:00:00Z"]),
        "microtime": st.sampled_from(["2024-01-02T03:04:05.000001Z"]),
        "int-or-string": st.sampled_from([0, 80, "http", ""]),
        "raw": st.sampled_from([{}, {"a": [1]}, "x", 1]),
    }.get(go_type.kind, st.sampled_from([{}, {"type": "string"}, True, False, []]))


DEFINITIONS = [row.definition for row in RESOURCES]
RAW = st.sampled_from(DEFINITIONS).flatmap(
    lambda d: st.tuples(st.just(d), values(types.Type("struct", "", d)))
)
NOISE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "status", "containers", "template", "x", "data"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(RAW)
def test_fast_and_careful_agree(definition_and_raw):
    definition, raw = definition_and_raw
    try:
        expected, problems = careful.decode(definition, raw)
    except careful.Mismatch:
        with pytest.raises(fast.Doubt):
            fast.decoder(definition)(raw)
        return
    try:
        assert fast.decoder(definition)(raw) == expected
    except fast.Doubt:
        return
    assert problems == []


@settings(max_examples=150, deadline=None)
@given(RAW)
def test_decoding_twice_changes_nothing(definition_and_raw):
    definition, raw = definition_and_raw
    try:
        once, _ = decode.decode(definition, raw)
    except StatusError:
        return
    assert decode.decode(definition, once) == (once, [])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(DEFINITIONS), NOISE)
def test_noise_is_decoded_or_refused(definition, raw):
    try:
        obj, _ = decode.decode(definition, raw)
    except StatusError as error:
        assert error.code == 400
    else:
        assert isinstance(obj, dict)


def test_every_definition_decodes_nothing():
    for definition in schema.definitions():
        if definition not in types.SPECIAL:
            assert decode.decode(definition, {}) == (decode.zero(definition), [])


def test_doubled_keys_in_every_place():
    def double(value):
        if isinstance(value, dict):
            pairs = [(k, double(v)) for k, v in value.items()]
            return gojson.Duplicated(pairs + pairs)
        return [double(v) for v in value] if isinstance(value, list) else value

    raw = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "args": ["x"]}]}}
    plain, _ = decode.decode(POD, raw)
    obj, problems = decode.decode(POD, double(raw))
    assert obj == plain
    assert 'duplicate field "spec.containers[0].args"' in problems


def test_deep_schemas_fit_the_stack():
    schema_ = {"type": "string"}
    for _ in range((gojson.MAX_DEPTH - 10) // 2):
        schema_ = {"properties": {"a": schema_}, "bogus": 1}
    version = {"name": "v1", "schema": {"openAPIV3Schema": schema_}}
    raw = {"spec": {"versions": [version]}}

    def below(frames):
        return below(frames - 1) if frames else decode.decode(CRD, raw)

    obj, problems = below(200)
    assert problems[0].startswith(
        'unknown field "spec.versions[0].schema.openAPIV3Schema.bogus"'[:40]
    )
    assert decode.decode(CRD, obj)[0] == obj
