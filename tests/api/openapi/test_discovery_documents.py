"""Discovery documents: what clients learn of groups, versions and resources."""

import dataclasses

from miniplane.api.openapi import discovery
from miniplane.api.resources import ALL_VERBS, RESOURCES, Resource, resource

WIDGETS = Resource(
    group="example.com",
    version="v1beta1",
    kind="Widget",
    plural="widgets",
    singular="widget",
    namespaced=True,
    verbs=ALL_VERBS,
    short_names=("wd",),
    categories=(),
    subresources=(),
    definition="com.example.v1beta1.Widget",
    preferred=False,
)


def test_the_legacy_group():
    assert discovery.api_versions("10.0.0.1:6443") == {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.1:6443"}
        ],
    }
    assert discovery.api_group("example.com") is None
    assert discovery.api_resource_list("apps", "v2") is None


def test_groups_name_their_preferred_version_first():
    groups = {group["name"]: group for group in discovery.api_group_list()["groups"]}
    assert "" not in groups
    assert next(iter(groups)) == "apiregistration.k8s.io"
    versions = groups["autoscaling"]["versions"]
    assert [v["groupVersion"] for v in versions] == ["autoscaling/v2", "autoscaling/v1"]
    assert groups["autoscaling"]["preferredVersion"]["version"] == "v2"
    assert discovery.api_group("autoscaling")["versions"] == versions


def test_resources_and_subresources():
    listed = discovery.api_resource_list("apps", "v1")
    assert (listed["kind"], listed["groupVersion"]) == ("APIResourceList", "apps/v1")
    by_name = {entry["name"]: entry for entry in listed["resources"]}
    assert by_name["statefulsets"] == {
        "name": "statefulsets",
        "singularName": "statefulset",
        "namespaced": True,
        "kind": "StatefulSet",
        "verbs": sorted(ALL_VERBS),
        "shortNames": ["sts"],
        "categories": ["all"],
        "storageVersionHash": discovery.storage_version_hash(resource("statefulsets", "apps")),
    }
    assert by_name["statefulsets/scale"] == {
        "name": "statefulsets/scale",
        "singularName": "",
        "namespaced": True,
        "group": "autoscaling",
        "version": "v1",
        "kind": "Scale",
        "verbs": ["get", "patch", "update"],
    }
    assert "apiVersion" not in discovery.api_resource_list("", "v1")


def test_storage_versions_are_those_of_the_stored_form():
    assert discovery.storage_version_hash(resource("pods")) == "xPOwRZ+Yhw8="
    hashes = {
        discovery.storage_version_hash(resource("horizontalpodautoscalers", "autoscaling", v))
        for v in ("v1", "v2")
    }
    assert hashes == {"qwQve8ut294="}
    events = [resource("events"), resource("events", "events.k8s.io")]
    assert {discovery.storage_version_hash(row) for row in events} == {"r2yiGXH7wu8="}
    reviews = discovery.api_resource_list("authorization.k8s.io", "v1")["resources"]
    assert all("storageVersionHash" not in entry for entry in reviews)


def test_aggregated_discovery():
    core = discovery.aggregated(core=True)
    assert core["apiVersion"] == "apidiscovery.k8s.io/v2"
    assert core["items"][0]["metadata"] == {}
    pods = next(r for r in core["items"][0]["versions"][0]["resources"] if r["resource"] == "pods")
    assert pods["scope"] == "Namespaced"
    assert pods["responseKind"] == {"group": "", "version": "", "kind": "Pod"}
    kinds = {s["subresource"]: s["responseKind"] for s in pods["subresources"]}
    assert kinds["eviction"] == {"group": "policy", "version": "v1", "kind": "Eviction"}
    assert kinds["status"] == {"group": "", "version": "", "kind": "Pod"}
    groups = discovery.aggregated(core=False)["items"]
    assert [g["metadata"]["name"] for g in groups] == [
        g["name"] for g in discovery.api_group_list()["groups"]
    ]


def test_custom_resources_join_in():
    newer = dataclasses.replace(WIDGETS, version="v1", preferred=True)
    rows = (*RESOURCES, WIDGETS, newer)
    group = discovery.api_group("example.com", rows)
    assert [v["version"] for v in group["versions"]] == ["v1", "v1beta1"]
    listed = discovery.api_resource_list("example.com", "v1beta1", rows)
    assert listed["resources"][0]["shortNames"] == ["wd"]
    last = discovery.aggregated(core=False, rows=rows)["items"][-1]
    assert last["metadata"] == {"name": "example.com"}
    assert [v["version"] for v in last["versions"]] == ["v1", "v1beta1"]
