"""Messages, field by field, as Go's generated code writes them."""

import base64

import pytest

from miniplane.api import protobuf
from miniplane.api.protobuf import layout, writers
from miniplane.api.resources import RESOURCES

CORE = "io.k8s.api.core.v1."
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"


@pytest.mark.parametrize(
    ("definition", "value", "message"),
    [
        # What is no pointer is there even when it is empty; pointers, lists and maps are not.
        (CORE + "SecretReference", {}, b"\x0a\0\x12\0"),
        (META + "OwnerReference", {"kind": "a"}, b"\x0a\x01a\x1a\0\x22\0\x2a\0"),
        (META + "LabelSelector", {"matchLabels": {}, "matchExpressions": []}, b""),
        (META + "ListMeta", {"remainingItemCount": 0}, b"\x0a\0\x12\0\x1a\0\x20\0"),
        # Maps go by their keys.
        (
            META + "LabelSelector",
            {"matchLabels": {"b": "", "a": "x", "é": "y"}},
            b"\x0a\x06\x0a\x01a\x12\x01x\x0a\x05\x0a\x01b\x12\0\x0a\x07\x0a\x02\xc3\xa9\x12\x01y",
        ),
        # Numbers: negative ones take ten bytes, whatever their size.
        (
            CORE + "ContainerPort",
            {"containerPort": 8080, "hostPort": -1},
            b"\x0a\0\x10" + b"\xff" * 9 + b"\x01\x18\x90\x3f\x22\0\x2a\0",
        ),
        (CORE + "PodSecurityContext", {"supplementalGroups": [1, 300]}, b"\x20\x01\x20\xac\x02"),
        (CORE + "PodSecurityContext", {"runAsNonRoot": False}, b"\x18\0"),
        # Texts longer than a length of one byte can tell.
        (CORE + "EnvVar", {"name": "x" * 200}, b"\x0a\xc8\x01" + b"x" * 200 + b"\x12\0"),
        (CORE + "EnvVar", {"name": "x" * 20000}, b"\x0a\xa0\x9c\x01" + b"x" * 20000 + b"\x12\0"),
        # Times: seconds and nanoseconds; a time that is not set is empty.
        (
            "io.k8s.api.coordination.v1.LeaseSpec",
            {"renewTime": "1970-01-01T00:00:01.000002Z"},
            b"\x22\x05\x08\x01\x10\xd0\x0f",
        ),
        (
            CORE + "ContainerStateRunning",
            {"startedAt": "2024-01-02T03:04:05Z"},
            b"\x0a\x08\x08\xa5\xfa\xcd\xac\x06\x10\0",
        ),
        (CORE + "ContainerStateRunning", {}, b"\x0a\0"),
        (
            CORE + "ContainerStateRunning",
            {"startedAt": "1970-01-01T00:00:00Z"},
            b"\x0a\x04\x08\0\x10\0",
        ),
        (CORE + "ContainerStateRunning", {"startedAt": None}, b"\x0a\0"),
        (CORE + "ContainerStateRunning", {"startedAt": "0001-01-01T00:00:00Z"}, b"\x0a\0"),
        # Quantities, numbers or texts.
        (CORE + "ResourceFieldSelector", {}, b"\x0a\0\x12\0\x1a\x03\x0a\x010"),
        (CORE + "TCPSocketAction", {"port": 80}, b"\x0a\x06\x08\0\x10\x50\x1a\0\x12\0"),
        (CORE + "TCPSocketAction", {"port": "w"}, b"\x0a\x07\x08\x01\x10\0\x1a\x01w\x12\0"),
        # Embedded structs are a message of their own.
        (CORE + "Volume", {"name": "v"}, b"\x0a\x01v\x12\0"),
        (CORE + "Volume", {"emptyDir": {}}, b"\x0a\0\x12\x04\x12\x02\x0a\0"),
        # Lists that are a message of their own.
        (
            "io.k8s.api.authentication.v1.UserInfo",
            {"extra": {"s": ["a", "b"]}},
            b"\x0a\0\x12\0\x22\x0b\x0a\x01s\x12\x06\x0a\x01a\x0a\x01b",
        ),
    ],
)
def test_a_message(definition, value, message):
    found = protobuf.encode_message(definition, value)
    assert found == message
    again = protobuf.encode_message(definition, protobuf.decode_message(definition, found))
    assert again == found


def test_bytes_and_raw_data():
    secret = protobuf.encode_message(CORE + "Secret", {"data": {"k": "/wA=", "l": None, "m": ""}})
    assert secret.endswith(
        b"\x12\x07\x0a\x01k\x12\x02\xff\0\x12\x03\x0a\x01l\x12\x05\x0a\x01m\x12\0\x1a\0"
    )
    revision = "io.k8s.api.apps.v1.ControllerRevision"
    found = protobuf.encode_message(revision, {"data": {"a": [1]}, "revision": 2})
    assert found.endswith(b'\x12\x0b\x0a\x09{"a":[1]}\x18\x02')
    assert protobuf.encode_message(revision, {"revision": 2}).endswith(b"\x12\0\x18\x02")


def fields_of(message):
    from miniplane.api.protobuf import wire

    return {number: value for number, _, value in wire.fields(message)}


def test_json_schemas():
    found = fields_of(protobuf.encode_message(SCHEMA, {"additionalProperties": True}))
    assert found[30] == b"\x08\x01"
    found = fields_of(protobuf.encode_message(SCHEMA, {"additionalProperties": False}))
    assert found[30] == b"\x08\0"
    empty = protobuf.encode_message(SCHEMA, {})
    found = fields_of(protobuf.encode_message(SCHEMA, {"additionalProperties": {}}))
    assert fields_of(found[30]) == {1: 1, 2: empty}
    assert fields_of(protobuf.encode_message(SCHEMA, {"items": {}}))[24][:1] == b"\x0a"
    assert fields_of(protobuf.encode_message(SCHEMA, {"items": [{}, {}]}))[24].startswith(b"\x12")
    found = fields_of(protobuf.encode_message(SCHEMA, {"maximum": 2, "default": {"x": 1}}))
    assert found[9] == b"\0\0\0\0\0\0\0@"
    assert found[8] == b'\x0a\x07{"x":1}'


def test_fields_are_in_the_order_of_their_numbers():
    from miniplane.api.protobuf import wire

    for row in RESOURCES:
        found = protobuf.encode_message(row.definition, {})
        numbers = [number for number, _, _ in wire.fields(found)]
        assert numbers == sorted(numbers)


def test_metadata_is_the_first_field_of_every_kind():
    meta = {"name": "a", "labels": {"x": "y"}}
    alone = writers.encoder(layout.OBJECT_META)(meta)
    for row in RESOURCES:
        message = protobuf.encode_message(row.definition, {"metadata": meta})
        assert protobuf.partial(protobuf.item(message)) == b"\x0a" + bytes((len(alone),)) + alone


# Bodies that kubectl sends for `create` of a Namespace, a ConfigMap, a Secret, a Role, a Service,
# an Ingress, a PodDisruptionBudget, a PriorityClass, a ResourceQuota, and for three reviews.
BODIES = (
    "azhzAAoPCgJ2MRIJTmFtZXNwYWNlEhoKEgoCcGISABoAIgAqADIAOABCABIAGgIKABoAIgA=",
    "azhzAAoPCgJ2MRIJQ29uZmlnTWFwEi8KFAoEY29uZhIAGgAiACoAMgA4AEIAEgYKAWESATESDwoFZi50eHQSBmhlbGxvChoA"
    "IgA=",
    "azhzAAoMCgJ2MRIGU2VjcmV0Eh8KEwoDc2VjEgAaACIAKgAyADgAQgASBgoBcBIBcRoAGgAiAA==",
    "azhzAAokChxyYmFjLmF1dGhvcml6YXRpb24uazhzLmlvL3YxEgRSb2xlEkkKEgoCcjESABoAIgAqADIAOABCABITCgNnZXQK"
    "BGxpc3QSABoEcG9kcxIeCgNnZXQKBGxpc3QSBGFwcHMaC2RlcGxveW1lbnRzGgAiAA==",
    "azhzAAoNCgJ2MRIHU2VydmljZRJsCiEKBHN2YzESABoAIgAqADIAOABCAFoLCgNhcHASBHN2YzESQwobCgc4MC04MDgwEgNU"
    "Q1AYUCIHCAAQkD8aACgAEgsKA2FwcBIEc3ZjMRoAIglDbHVzdGVySVA6AEIAUgBaAGAAaAAaAgoAGgAiAA==",
    "azhzAAofChRuZXR3b3JraW5nLms4cy5pby92MRIHSW5ncmVzcxJbChQKBGluZzESABoAIgAqADIAOABCABI/Eg4KCWEuZXhh"
    "bXBsZRIBdBotCglhLmV4YW1wbGUSIAoeChwKAi9wEg4iDAoEc3ZjMRIECgAQUBoGUHJlZml4GgIKABoAIgA=",
    "azhzAAogCglwb2xpY3kvdjESE1BvZERpc3J1cHRpb25CdWRnZXQSOgoUCgRwZGIxEgAaACIAKgAyADgAQgASFgoGCAAQARoA"
    "EgwKCgoDYXBwEgN3ZWIaCggAGAAgACgAMAAaACIA",
    "azhzAAolChRzY2hlZHVsaW5nLms4cy5pby92MRINUHJpb3JpdHlDbGFzcxI0ChUKBXBjLXBiEgAaACIAKgAyADgAQgAQZBgA"
    "IgF4KhRQcmVlbXB0TG93ZXJQcmlvcml0eRoAIgA=",
    "azhzAAoTCgJ2MRINUmVzb3VyY2VRdW90YRIyChIKAnExEgAaACIAKgAyADgAQgASGgoKCgNjcHUSAwoBMgoMCgRwb2RzEgQK"
    "AjEwGgAaACIA",
    "azhzAAooChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESDFRva2VuUmVxdWVzdBIdChAKABIAGgAiACoAMgA4AEIAEgMg2AQa"
    "BAoAEgAaACIA",
    "azhzAAoyChdhdXRob3JpemF0aW9uLms4cy5pby92MRIXU2VsZlN1YmplY3RBY2Nlc3NSZXZpZXcSOAoQCgASABoAIgAqADIA"
    "OABCABIaChgKAnBiEgRsaXN0GgAiACoEcG9kczIAOgAaCAgAEgAaACAAGgAiAA==",
    "azhzAAotChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESEVNlbGZTdWJqZWN0UmV2aWV3EhoKEAoAEgAaACIAKgAyADgAQgAS"
    "BgoECgASABoAIgA=",
)


@pytest.mark.parametrize("body", BODIES)
def test_what_go_clients_send_comes_out_the_same(body):
    data = base64.b64decode(body)
    assert protobuf.encode(protobuf.decode(data)) == data
