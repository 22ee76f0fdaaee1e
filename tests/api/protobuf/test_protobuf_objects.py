"""Bodies in the Kubernetes protobuf encoding, built here by hand from field numbers."""

import base64
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api import decode, protobuf
from miniplane.api.errors import StatusError
from miniplane.api.protobuf import wire

CORE = "io.k8s.api.core.v1."
META = "io.k8s.apimachinery.pkg.apis.meta.v1."


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, value: "int | float | str | bytes") -> bytes:
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(*pairs) -> bytes:
    return b"".join(field(number, value) for number, value in pairs)


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\0" + message((1, message((1, api_version), (2, kind))), (2, raw), (3, ""), (4, ""))


def entry(key: str, value: "str | bytes") -> bytes:
    return message((1, key), (2, value))


def test_a_namespace_as_kubectl_sends_it():
    body = base64.b64decode(
        "azhzAAoPCgJ2MRIJTmFtZXNwYWNlEhoKEgoCcGISABoAIgAqADIAOABCABIAGgIKABoAIgA="
    )
    raw = protobuf.decode(body)
    assert (raw["apiVersion"], raw["kind"]) == ("v1", "Namespace")
    assert decode.decode(CORE + "Namespace", raw) == (
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "pb"},
            "spec": {},
            "status": {},
        },
        [],
    )


def test_maps_bytes_times_and_embedded_objects():
    meta = message(
        (1, "s"),
        (8, message((1, 1704164645), (2, 999))),
        (11, entry("a", "b")),
        (11, entry("c", "")),
        (
            17,
            message(
                (1, "kubectl"), (2, "Update"), (6, "FieldsV1"), (7, message((1, '{"f:a":{}}')))
            ),
        ),
    )
    raw = message((1, meta), (2, entry("k", b"\xff\x00")), (3, "Opaque"), (5, 1))
    assert protobuf.decode(envelope("v1", "Secret", raw)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "s",
            "creationTimestamp": "2024-01-02T03:04:05Z",
            "labels": {"a": "b", "c": ""},
            "managedFields": [
                {
                    "manager": "kubectl",
                    "operation": "Update",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:a": {}},
                }
            ],
        },
        "data": {"k": "/wA="},
        "type": "Opaque",
        "immutable": True,
    }


def test_quantities_ports_and_fields_of_embedded_structs():
    service_port = message((1, "http"), (3, 80), (4, message((1, 1), (3, "web"))))
    other_port = message((3, 81), (4, message((1, 0), (2, 8080))))
    service = protobuf.decode_message(
        CORE + "Service", message((2, message((1, service_port), (1, other_port))))
    )
    assert service["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "web"},
        {"port": 81, "targetPort": 8080},
    ]
    volume = protobuf.decode_message(
        CORE + "Volume",
        message((1, "v"), (2, message((2, message((2, message((1, "1Gi")))))))),
    )
    assert volume == {"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}
    resources = message((1, entry("cpu", message((1, "500m")))))
    container = protobuf.decode_message(CORE + "Container", message((1, "c"), (8, resources)))
    assert container["resources"] == {"limits": {"cpu": "500m"}}


def test_numbers():
    port = protobuf.decode_message(CORE + "ContainerPort", message((2, -1), (3, 1 << 31)))
    assert port == {"hostPort": -1, "containerPort": -(1 << 31)}
    props = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
    assert protobuf.decode_message(props, message((9, 2.5)))["maximum"] == 2.5


def test_zero_times_and_micro_times():
    lease = message((4, message((1, 1), (2, 2_500))), (3, b""))
    assert protobuf.decode_message("io.k8s.api.coordination.v1.LeaseSpec", lease) == {
        "renewTime": "1970-01-01T00:00:01.000002Z",
        "acquireTime": None,
    }


def test_json_schemas():
    props = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
    string = message((5, "string"))
    rule = message((1, "self > 0"))
    schema = message(
        (5, "object"),
        (29, entry("a", message((30, message((1, 0)))))),
        (29, entry("b", message((30, message((1, 1), (2, string)))))),
        (29, entry("c", message((24, message((1, string)))))),
        (8, message((1, '{"x": 1}'))),
        (44, rule),
    )
    assert protobuf.decode_message(props, schema) == {
        "type": "object",
        "properties": {
            "a": {"additionalProperties": False},
            "b": {"additionalProperties": {"type": "string"}},
            "c": {"items": {"type": "string"}},
        },
        "default": {"x": 1},
        "x-kubernetes-validations": [{"rule": "self > 0"}],
    }


def test_extra_values_are_lists():
    user = message((1, "jane"), (4, entry("scopes", message((1, "a"), (1, "b")))))
    assert protobuf.decode_message("io.k8s.api.authentication.v1.UserInfo", user) == {
        "username": "jane",
        "extra": {"scopes": ["a", "b"]},
    }


def test_packed_numbers():
    context = message((4, b"\x01\x02"), (4, 3))
    found = protobuf.decode_message(CORE + "PodSecurityContext", context)
    assert found == {"supplementalGroups": [1, 2, 3]}
    with pytest.raises(StatusError):
        protobuf.decode_message(
            "io.k8s.api.authentication.v1.UserInfo",
            message((4, entry("scopes", message((1, 7))))),
        )


def test_unknown_fields_groups_and_repeated_messages():
    group = varint(90 << 3 | 3) + field(1, 1) + varint(90 << 3 | 4)
    raw = group + field(99, "x") + field(98, 1.0) + field(2, message((10, "node")))
    raw += field(1, message((1, "a"))) + field(1, message((3, "ns")))
    pod = protobuf.decode_message(CORE + "Pod", raw)
    assert pod == {
        "metadata": {"name": "a", "namespace": "ns"},
        "spec": {"nodeName": "node"},
    }


def test_kinds_of_meta_v1_go_with_every_group():
    raw = message((1, 5))
    for api_version in ("v1", "apps/v1", "example.com/v1"):
        body = envelope(api_version, "DeleteOptions", raw)
        assert protobuf.decode(body)["gracePeriodSeconds"] == 5


def test_kinds_without_a_definition_keep_their_name():
    body = envelope("example.com/v1", "Gadget", b"\x0a\x01a")
    assert protobuf.decode(body) == {"apiVersion": "example.com/v1", "kind": "Gadget"}


def test_the_definition_of_the_url_stands_in_for_a_missing_kind():
    body = envelope("", "", message((1, message((1, "a")))))
    assert protobuf.decode(body, definition=CORE + "ConfigMap") == {"metadata": {"name": "a"}}


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "empty data"),
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix "
         "[107 56 115 0]"),
        (b"k8s\0\x0a\xff", "unexpected EOF"),
        (b"k8s\0\x0a\x05a", "unexpected EOF"),
        (b"k8s\0\x0f", "proto: illegal wireType 7"),
        (b"k8s\0\x00", "proto: illegal tag 0 (wire type 0)"),
        (b"k8s\0\x08\x01", "proto: wrong wireType = 0 for field 1"),
        (b"k8s\0" + b"\xff" * 11, "proto: integer overflow"),
    ],
)  # fmt: skip
def test_garbage_is_refused(body, cause):
    with pytest.raises(decode.Malformed) as caught:
        protobuf.decode(body, kind="Pod")
    assert caught.value.cause == cause
    assert caught.value.code == 400
    assert f"(must be of type Pod): {cause} (" in caught.value.message


def test_deep_messages_are_refused():
    props = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
    schema = b""
    for _ in range(2000):
        schema = message((28, schema))
    with pytest.raises(StatusError):
        protobuf.decode_message(props, schema)
    nested = b"{}"
    for _ in range(2000):
        nested = envelope("apps/v1", "ControllerRevision", message((2, message((1, nested)))))
    with pytest.raises(StatusError):
        protobuf.decode(nested)


POD = envelope(
    "v1",
    "Pod",
    message(
        (1, message((1, "p"), (8, message((1, 1_700_000_000))), (11, entry("a", "b")))),
        (
            2,
            message(
                (2, message((1, "c"), (2, "i"), (8, message((2, entry("cpu", message((1, "1"))))))))
            ),
        ),
        (3, message((11, message((1, 1_700_000_000))))),
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(4, len(POD) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(POD)),
)
def test_damaged_bodies_are_decoded_or_refused(changes, length):
    body = bytearray(POD)
    for at, byte in changes:
        body[at] = byte
    try:
        raw = protobuf.decode(bytes(body[:length]))
        decode.decode(CORE + "Pod", raw)
    except StatusError as error:
        assert error.code == 400


@given(st.binary(max_size=60))
def test_any_bytes_are_fields_or_refused(data):
    try:
        list(wire.fields(data))
    except wire.WireError:
        pass


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_varints_survive(number):
    value, end = wire.varint(varint(number), 0)
    assert wire.signed(value) == number
    assert end == len(varint(number))
