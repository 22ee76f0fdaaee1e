"""Rows of services, endpoints and ingresses, in the forms of a 1.36 server."""

import pytest

AGO = "2m"

PORTS = [{"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 53, "protocol": "UDP"}]


@pytest.mark.parametrize(
    ("spec", "status", "cells"),
    [
        (
            {"type": "ClusterIP", "clusterIP": "10.96.0.9", "selector": {"b": "c", "a": "b"}},
            {},
            ["ClusterIP", "10.96.0.9", "<none>", "<none>", AGO, "a=b,b=c"],
        ),
        (
            {"type": "ClusterIP", "clusterIPs": ["None"], "externalIPs": ["1.2.3.4", "1.2.3.5"]},
            {},
            ["ClusterIP", "None", "1.2.3.4,1.2.3.5", "<none>", AGO, "<none>"],
        ),
        (
            {"type": "NodePort", "clusterIPs": ["10.96.0.9", "fd00::9"], "ports": PORTS},
            {},
            ["NodePort", "10.96.0.9", "<none>", "80:30080/TCP,53/UDP", AGO, "<none>"],
        ),
        (
            {"type": "LoadBalancer", "clusterIPs": ["10.96.0.9"]},
            {},
            ["LoadBalancer", "10.96.0.9", "<pending>", "<none>", AGO, "<none>"],
        ),
        (
            {"type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "externalIPs": ["9.9.9.9"]},
            {"loadBalancer": {"ingress": [{"hostname": "b.example.com"}, {"ip": "192.0.2.200"}]}},
            [
                "LoadBalancer",
                "10.96.0.9",
                "192.0.2.200,b.example.com,9.9.9.9",
                "<none>",
                AGO,
                "<none>",
            ],
        ),
        (
            {"type": "ExternalName", "externalName": "db.example.com"},
            {},
            ["ExternalName", "<none>", "db.example.com", "<none>", AGO, "<none>"],
        ),
        ({}, {}, ["", "<none>", "<unknown>", "<none>", AGO, "<none>"]),
    ],
)
def test_services(row, spec, status, cells):
    assert row("services", {"spec": spec, "status": status}) == ["a", *cells]


def addresses(count):
    return [{"ip": f"192.0.2.{i}"} for i in range(1, count + 1)]


@pytest.mark.parametrize(
    ("subsets", "shown"),
    [
        (None, "<none>"),
        ([{"addresses": []}], ""),
        ([{"addresses": addresses(2)}], "192.0.2.1,192.0.2.2"),
        (
            [{"addresses": addresses(2), "ports": [{"port": 80}, {"port": 443}]}],
            "192.0.2.1:80,192.0.2.2:80,192.0.2.1:443 + 1 more...",
        ),
        ([{"addresses": [{"ip": "fd00::1"}], "ports": [{"port": 80}]}], "[fd00::1]:80"),
    ],
)
def test_endpoints(row, subsets, shown):
    assert row("endpoints", {"subsets": subsets}) == ["a", shown, AGO]


def test_endpoint_slices(row):
    group = "discovery.k8s.io"
    full = {
        "addressType": "IPv4",
        "ports": [{"port": 80}, {"name": "any"}, {}, {"port": 9}],
        "endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"]}],
    }
    shown = ["80,any,* + 1 more...", "10.0.0.1,10.0.0.2"]
    assert row("endpointslices", full, group) == ["a", "IPv4", *shown, AGO]
    empty = row("endpointslices", {"addressType": "IPv6", "ports": None}, group)
    assert empty == ["a", "IPv6", "<unset>", "<unset>", AGO]


def test_ingresses(row):
    group = "networking.k8s.io"
    rules = [{"host": f"{name}.example.com"} for name in "abcd"]
    spec = {"ingressClassName": "nginx", "rules": [{}, *rules], "tls": [{}]}
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    hosts = "a.example.com,b.example.com,c.example.com + 2 more..."
    cells = row("ingresses", {"spec": spec, "status": status}, group)
    assert cells == ["a", "nginx", hosts, "192.0.2.1", "80, 443", AGO]
    assert row("ingresses", {}, group) == ["a", "<none>", "*", "", "80", AGO]


@pytest.mark.parametrize(
    ("plural", "obj", "cells"),
    [
        (
            "ingressclasses",
            {
                "spec": {
                    "controller": "example.com/c",
                    "parameters": {"kind": "P", "apiGroup": "example.com", "name": "x"},
                }
            },
            ["example.com/c", "P.example.com/x", AGO],
        ),
        ("ingressclasses", {"spec": {"parameters": {"kind": "P"}}}, ["", "P/", AGO]),
        ("networkpolicies", {"spec": {"podSelector": {}}}, ["<none>", AGO]),
        (
            "networkpolicies",
            {"spec": {"podSelector": {"matchLabels": {"c": "d", "a": "b"}}}},
            ["a=b,c=d", AGO],
        ),
        (
            "servicecidrs",
            {"spec": {"cidrs": ["10.0.0.0/16", "fd00::/64"]}},
            ["10.0.0.0/16,fd00::/64", AGO],
        ),
        ("ipaddresses", {}, ["<none>"]),
        (
            "ipaddresses",
            {"spec": {"parentRef": {"resource": "services", "namespace": "x", "name": "web"}}},
            ["services/x/web"],
        ),
        (
            "ipaddresses",
            {"spec": {"parentRef": {"group": "G.io", "resource": "things", "name": "t"}}},
            ["things.g.io/t"],
        ),
    ],
)
def test_networking(row, plural, obj, cells):
    assert row(plural, obj, "networking.k8s.io") == ["a", *cells]
