"""Which names there are, and what they stand for."""

import pytest

from miniplane.dns.zone import Answer, Record, Zone

PORTS = [{"name": "web", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]


def service(name, namespace="shop", **spec):
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def endpoints(service, *entries, ports=(), family="IPv4"):
    meta = {"namespace": "shop", "labels": {"kubernetes.io/service-name": service}}
    return {
        "metadata": meta,
        "addressType": family,
        "ports": [{"protocol": "TCP", **port} for port in ports],
        "endpoints": list(entries),
    }


def endpoint(address, hostname="", ready=True):
    entry = {"addresses": [address], "conditions": {"ready": ready}}
    return entry | ({"hostname": hostname} if hostname else {})


SERVICES = [
    service("web", clusterIP="10.96.0.7", clusterIPs=["10.96.0.7", "fd00::7"], ports=PORTS),
    service("db", clusterIP="None", ports=[{"name": "sql", "port": 3306}]),
    service("empty", clusterIP="None"),
    service("bare", clusterIP="None"),
    service("far", type="ExternalName", externalName="example.com."),
    service("near", type="ExternalName", externalName="web.shop.svc.cluster.local"),
    service("further", type="ExternalName", externalName="Near.shop.svc.cluster.local."),
    service("nowhere", type="ExternalName", externalName="empty.shop.svc.cluster.local"),
    service("round", type="ExternalName", externalName="about.shop.svc.cluster.local"),
    service("about", type="ExternalName", externalName="round.shop.svc.cluster.local"),
    service("number", type="ExternalName", externalName="192.0.2.7"),
]
SLICES = [
    endpoints(
        "db",
        endpoint("10.244.0.2", "db-0"),
        endpoint("10.244.1.2", "db-1"),
        endpoint("10.244.2.2", "db-2", ready=False),
        ports=[{"name": "sql", "port": 3306}],
    ),
    endpoints("db", endpoint("fd01::2"), ports=[{"name": "sql", "port": 3306}], family="IPv6"),
    endpoints("bare", endpoint("10.244.0.9")),
    endpoints("web", endpoint("10.244.0.5"), ports=PORTS),
]


class Fixed:
    def has_namespace(self, name):
        return name == "shop"

    def service(self, namespace, name):
        found = [s for s in SERVICES if s["metadata"]["name"] == name]
        return found[0] if found and namespace == "shop" else None

    def slices(self, namespace, service):
        wanted = {"kubernetes.io/service-name": service}
        return [s for s in SLICES if namespace == "shop" and s["metadata"]["labels"] == wanted]

    def services_at(self, address):
        return [s for s in SERVICES if address in s["spec"].get("clusterIPs", ())]

    def slices_at(self, address):
        return [s for s in SLICES if any(address in e["addresses"] for e in s["endpoints"])]


ZONE = Zone(Fixed(), address="127.0.0.1")


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("web.shop.svc", "A", ["10.96.0.7"]),
        ("web.shop.svc", "AAAA", ["fd00::7"]),
        ("web.shop.svc", "MX", []),
        ("_web._tcp.web.shop.svc", "SRV", ["100 80 web.shop.svc.cluster.local"]),
        ("_dns._udp.web.shop.svc", "SRV", ["100 53 web.shop.svc.cluster.local"]),
        ("_web._tcp.web.shop.svc", "A", ["10.96.0.7"]),
        (
            "web.shop.svc",
            "SRV",
            ["50 80 web.shop.svc.cluster.local", "50 53 web.shop.svc.cluster.local"],
        ),
        ("db.shop.svc", "A", ["10.244.0.2", "10.244.1.2"]),
        ("db.shop.svc", "AAAA", ["fd01::2"]),
        ("db-0.db.shop.svc", "A", ["10.244.0.2"]),
        ("db-0.db.shop.svc", "AAAA", []),
        ("fd01--2.db.shop.svc", "AAAA", ["fd01::2"]),
        (
            "_sql._tcp.db.shop.svc",
            "SRV",
            [
                "33 3306 db-0.db.shop.svc.cluster.local",
                "33 3306 db-1.db.shop.svc.cluster.local",
                "33 3306 fd01--2.db.shop.svc.cluster.local",
            ],
        ),
        ("db-1.db.shop.svc", "SRV", ["100 3306 db-1.db.shop.svc.cluster.local"]),
        ("10-244-0-5.web.shop.svc", "A", ["10.244.0.5"]),
        ("bare.shop.svc", "A", ["10.244.0.9"]),
        ("bare.shop.svc", "SRV", []),
        ("far.shop.svc", "A", ["example.com"]),
        ("far.shop.svc", "CNAME", ["example.com"]),
        ("far.shop.svc", "SRV", []),
        ("10-244-0-5.shop.pod", "A", ["10.244.0.5"]),
        ("fd01--2.shop.pod", "AAAA", ["fd01::2"]),
        ("dns-version", "TXT", ["1.1.0"]),
        ("ns.dns", "A", ["127.0.0.1"]),
        ("svc", "A", []),
        ("shop.svc", "A", []),
        ("shop.pod", "A", []),
    ],
)
def test_names_that_are_there(name, kind, data):
    found = ZONE.lookup(f"{name}.cluster.local", kind)
    assert found.exists
    assert [record.data for record in found.records] == data


@pytest.mark.parametrize(
    "name",
    [
        "nobody.shop.svc",
        "web.other.svc",
        "other.svc",
        "empty.shop.svc",
        "db-2.db.shop.svc",  # not ready
        "db-9.db.shop.svc",
        "_nix._tcp.web.shop.svc",
        "_web._udp.web.shop.svc",
        "_sql._udp.db.shop.svc",
        "x.y.web.shop.svc",
        "a._web._tcp.web.shop.svc",
        "x.far.shop.svc",
        "10-244-0.shop.pod",
        "10-244-0-5.other.pod",
        "x.10-244-0-5.shop.pod",
        "web.shop",
        "dns",
    ],
)
def test_names_that_are_not_there(name):
    assert ZONE.lookup(f"{name}.cluster.local", "A") == Answer(False)


def test_the_addresses_of_targets_come_along():
    found = ZONE.lookup("_sql._tcp.db.shop.svc.cluster.local", "SRV")
    own = "db.shop.svc.cluster.local"
    assert found.additional == (
        Record(f"db-0.{own}", "A", "10.244.0.2"),
        Record(f"db-1.{own}", "A", "10.244.1.2"),
        Record(f"fd01--2.{own}", "AAAA", "fd01::2"),
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("7.0.96.10.in-addr.arpa", ["web.shop.svc.cluster.local"]),
        ("2.0.244.10.in-addr.arpa", ["db-0.db.shop.svc.cluster.local"]),
        (
            "7." + "0." * 27 + "0.0.d.f.ip6.arpa",
            ["web.shop.svc.cluster.local"],
        ),
        ("5.0.244.10.in-addr.arpa", ["10-244-0-5.web.shop.svc.cluster.local"]),
        ("2.2.244.10.in-addr.arpa", None),  # not ready
        ("1.1.1.1.in-addr.arpa", None),
        ("244.10.in-addr.arpa", None),
        ("x.0.244.10.in-addr.arpa", None),
        ("d.f.ip6.arpa", None),
    ],
)
def test_reverse_names(name, data):
    found = ZONE.lookup(name, "PTR")
    if data is None:
        assert found == Answer(False)
    else:
        assert [record.data for record in found.records] == data
        assert ZONE.lookup(name, "A") == Answer(True)


@pytest.mark.parametrize("name", ["example.com", "xcluster.local", "local"])
def test_what_is_not_of_this_zone(name):
    assert not ZONE.holds(name)


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("near", "A", ["web.shop.svc.cluster.local", "10.96.0.7"]),
        ("near", "AAAA", ["web.shop.svc.cluster.local", "fd00::7"]),
        ("near", "CNAME", ["web.shop.svc.cluster.local"]),
        ("near", "SRV", []),
        (
            "further",
            "A",
            ["Near.shop.svc.cluster.local", "web.shop.svc.cluster.local", "10.96.0.7"],
        ),
        ("far", "A", ["example.com"]),
        ("nowhere", "A", []),
        ("round", "A", []),
    ],
)
def test_other_names_of_the_cluster_are_followed(name, kind, data):
    found = ZONE.lookup(f"{name}.shop.svc.cluster.local", kind)
    assert found.exists
    assert [record.data for record in found.records] == data


def test_an_address_is_no_other_name():
    assert not ZONE.lookup("number.shop.svc.cluster.local", "A").exists
