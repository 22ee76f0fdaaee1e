"""Bodies: envelopes, lists, the frames of watches, and kinds that are not published."""

import pytest

from miniplane.api import errors, protobuf, resources
from miniplane.api.errors import StatusError
from miniplane.api.openapi import discovery
from miniplane.api.protobuf import wire

PARTIAL = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}


def test_a_status():
    error = errors.not_found(resources.PODS, "nope")
    assert protobuf.encode(error.to_status()) == (
        b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Status\x12\x49\x0a\x06\x0a\0\x12\0\x1a\0\x12\x07Failure"
        b'\x1a\x15pods "nope" not found\x22\x08NotFound*\x12\x0a\x04nope\x12\0\x1a\x04pods(\0\x32\0'
        b"\x30\x94\x03\x1a\0\x22\0"
    )


def test_discovery_documents():
    assert protobuf.encode(discovery.api_versions("192.0.2.2:6443")) == (
        b"k8s\0\x0a\x0f\x0a\0\x12\x0bAPIVersions\x12!\x0a\x02v1\x12\x1b\x0a\x090.0.0.0/0"
        b"\x12\x0e192.0.2.2:6443\x1a\0\x22\0"
    )
    for document in (
        discovery.api_group("apps"),
        discovery.api_resource_list("", "v1"),
        discovery.api_resource_list("apps", "v1"),
        discovery.aggregated(core=True),
        discovery.aggregated(core=False),
    ):
        assert document is not None
        body = protobuf.encode(document)
        assert protobuf.encode(protobuf.decode(body)) == body
    found = protobuf.decode(protobuf.encode(discovery.aggregated(core=True)))
    pods = next(r for r in found["items"][0]["versions"][0]["resources"] if r["resource"] == "pods")
    assert pods["responseKind"] == {"group": "", "version": "", "kind": "Pod"}
    assert pods["shortNames"] == ["po"]


def test_a_kind_without_messages_is_refused():
    for kind in ("Table", "Gadget"):
        with pytest.raises(StatusError, match="does not implement the protobuf") as caught:
            protobuf.encode({"apiVersion": "example.com/v1", "kind": kind})
        assert caught.value.code == 406


def test_a_list_is_its_items_joined():
    maps = [{"metadata": {"name": name}, "data": {"k": name}} for name in "ab"]
    messages = [protobuf.encode_message(resources.CONFIGMAPS.definition, m) for m in maps]
    meta = {"resourceVersion": "7", "continue": "c", "remainingItemCount": 3}
    data = protobuf.items(messages)
    head, tail = protobuf.list_frame("v1", "ConfigMapList", meta, length=len(data))
    whole = {"apiVersion": "v1", "kind": "ConfigMapList", "metadata": meta, "items": maps}
    assert head + data + tail == protobuf.encode(whole)


def test_an_empty_list():
    head, tail = protobuf.list_frame("v1", "PodList", {"resourceVersion": "7"}, length=0)
    assert head + tail == (
        b"k8s\0\x0a\x0d\x0a\x02v1\x12\x07PodList\x12\x09\x0a\x07\x0a\0\x12\x017\x1a\0\x1a\0\x22\0"
    )


def test_metadata_alone():
    obj = {"metadata": {"name": "a", "finalizers": ["x"] * 100}, "data": {"k": "v"}}
    message = protobuf.encode_message(resources.CONFIGMAPS.definition, obj)
    partial = {**PARTIAL, "metadata": obj["metadata"]}
    body = protobuf.envelope(*PARTIAL.values(), protobuf.partial(protobuf.item(message)))
    assert body == protobuf.encode(partial)
    assert protobuf.decode(body)["metadata"]["finalizers"] == ["x"] * 100


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_lists_of_metadata(version):
    value = {
        "apiVersion": f"meta.k8s.io/{version}",
        "kind": "PartialObjectMetadataList",
        "metadata": {"resourceVersion": "7"},
        "items": [{**PARTIAL, "metadata": {"name": "a"}}],
    }
    body = protobuf.encode(value)
    found = protobuf.decode(body)
    assert found["metadata"]["resourceVersion"] == "7"
    assert found["items"][0]["metadata"]["name"] == "a"
    raw = next(content for number, _, content in wire.fields(body[4:]) if number == 2)
    assert [number for number, _, _ in wire.fields(raw)] == [1, 2]
    first = next(wire.fields(raw))[2]
    # The old version has the items first.
    assert (b"\x0a\x01a" in first) == (version == "v1beta1")


def test_the_frame_of_an_event():
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x" * 90}}
    body = protobuf.encode(namespace)
    frame = protobuf.frame(protobuf.event_type("ADDED"), body)
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    event = protobuf.decode_message("io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent", frame[4:])
    assert event["type"] == "ADDED"
    assert event["object"]["metadata"]["name"] == "x" * 90
