"""Names asked for over UDP and TCP, with an independent client, from a living cluster."""

import asyncio

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.reversename
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane import testing
from miniplane.api import resources
from miniplane.dns import messages
from miniplane.dns.zone import Zone
from tests.dns.test_zone import Fixed

TEMPLATE = {
    "metadata": {"labels": {"app": "mysql"}},
    "spec": {"containers": [{"name": "mysql", "image": "mysql:8"}]},
}
SELECTOR = {"matchLabels": {"app": "mysql"}}
DOMAIN = "mysql.default.svc.cluster.local"


class Names:
    def __init__(self, cluster):
        self.cluster = cluster

    async def ask(self, name, kind="A", *, tcp=False, **options):
        query = dns.message.make_query(name, kind, **options)
        host, port = self.cluster.dns
        asking = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
        return await asking(query, host, port=port, timeout=10)

    async def data(self, name, kind="A", **options):
        answer = await self.ask(name, kind, **options)
        assert answer.rcode() == dns.rcode.NOERROR
        return sorted(str(item) for rrset in answer.answer for item in rrset)


async def stateful_set(cluster, *, replicas):
    service = {"clusterIP": "None", "selector": {"app": "mysql"}}
    service["ports"] = [{"name": "sql", "port": 3306}]
    await cluster.client.create(
        resources.SERVICES, {"metadata": {"name": "mysql"}, "spec": service}, namespace="default"
    )
    spec = {"serviceName": "mysql", "replicas": replicas, "selector": SELECTOR}
    spec |= {"template": TEMPLATE, "podManagementPolicy": "Parallel"}
    await cluster.client.create(
        resources.STATEFUL_SETS,
        {"metadata": {"name": "mysql"}, "spec": spec},
        namespace="default",
    )
    await cluster.settle()


async def test_the_stable_names_of_a_stateful_set():
    async with testing.cluster(dns_port=0) as cluster:
        names = Names(cluster)
        await stateful_set(cluster, replicas=3)
        addresses = {p["metadata"]["name"]: p["status"]["podIP"] for p in await cluster.pods()}
        assert await names.data(DOMAIN) == sorted(addresses.values())
        for pod, address in addresses.items():
            assert await names.data(f"{pod}.{DOMAIN}") == [address]
            assert await names.data(f"{pod}.{DOMAIN}", tcp=True) == [address]
            back = dns.reversename.from_address(address)
            assert await names.data(back, "PTR") == [f"{pod}.{DOMAIN}."]
        assert await names.data(f"_sql._tcp.{DOMAIN}", "SRV") == [
            f"0 33 3306 mysql-{n}.{DOMAIN}." for n in range(3)
        ]
        await cluster.client.delete(resources.PODS, "mysql-1", "default")
        await cluster.settle()
        pods = {p["metadata"]["name"]: p["status"]["podIP"] for p in await cluster.pods()}
        assert await names.data(f"mysql-1.{DOMAIN}") == [pods["mysql-1"]]
        assert pods["mysql-1"] != addresses["mysql-1"]


async def test_cluster_addresses():
    async with testing.cluster(dns_port=0, nodes=0) as cluster:
        names = Names(cluster)
        assert await names.data("kubernetes.default.svc.cluster.local") == ["10.96.0.1"]
        asked = await names.ask("KuberneTes.default.svc.CLUSTER.local")
        assert str(asked.answer[0].name) == "KuberneTes.default.svc.CLUSTER.local."
        assert asked.answer[0].ttl == 30
        assert asked.flags & dns.flags.AA
        missing = await names.ask("nobody.default.svc.cluster.local")
        assert (missing.rcode(), missing.answer) == (dns.rcode.NXDOMAIN, [])
        assert str(missing.authority[0].name) == "cluster.local."
        elsewhere = await names.ask("example.com")
        assert elsewhere.rcode() == dns.rcode.REFUSED
        soa = await names.data("cluster.local", "SOA")
        assert soa[0].startswith("ns.dns.cluster.local. hostmaster.cluster.local. ")
        assert await names.data("cluster.local", "NS") == ["ns.dns.cluster.local."]


async def test_long_answers_go_over_tcp():
    async with testing.cluster(dns_port=0) as cluster:
        names = Names(cluster)
        await stateful_set(cluster, replicas=100)
        short = await names.ask(DOMAIN)
        assert short.flags & dns.flags.TC
        assert not short.answer
        assert len(await names.data(DOMAIN, tcp=True)) == 100
        roomy = await names.ask(f"mysql-1.{DOMAIN}", use_edns=0, payload=4096)
        assert roomy.edns == 0


async def test_extensions_are_answered_in_kind():
    async with testing.cluster(nodes=0, dns_port=0) as cluster:
        names = Names(cluster)
        kubernetes = "kubernetes.default.svc.cluster.local"
        secure = await names.ask(kubernetes, use_edns=0, want_dnssec=True)
        assert secure.answer and secure.ednsflags & dns.flags.DO
        plain = await names.ask(kubernetes, use_edns=0)
        assert plain.answer and not plain.ednsflags & dns.flags.DO
        newer = await names.ask(kubernetes, use_edns=1)
        assert (newer.rcode(), newer.edns, newer.answer) == (dns.rcode.BADVERS, 0, [])


async def test_many_queries_on_one_connection_and_a_client_that_leaves():
    async with testing.cluster(dns_port=0, nodes=0) as cluster:
        reader, writer = await asyncio.open_connection(*cluster.dns)
        query = dns.message.make_query("kubernetes.default.svc.cluster.local", "A").to_wire()
        framed = len(query).to_bytes(2) + query
        writer.write(framed * 3 + framed[:5])
        for _ in range(3):
            length = int.from_bytes(await reader.readexactly(2))
            answer = dns.message.from_wire(await reader.readexactly(length))
            assert str(answer.answer[0][0]) == "10.96.0.1"
        writer.close()
        await writer.wait_closed()
        assert await Names(cluster).data("kubernetes.default.svc.cluster.local")


ZONE = Zone(Fixed())
QUERY = dns.message.make_query("db.shop.svc.cluster.local", "A", id=7).to_wire()


MANGLED = st.tuples(st.integers(0, len(QUERY) - 1), st.binary(max_size=3))


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80), st.tuples(st.integers(0, len(QUERY) - 1), st.binary(max_size=3))
    )
)
def test_any_bytes_get_an_answer_or_silence(data):
    if isinstance(data, tuple):
        at, put = data
        data = QUERY[:at] + put + QUERY[at + len(put) :]
    for udp in (True, False):
        answer = messages.answer(ZONE, data, serial=1, udp=udp)
        if answer is not None:
            assert answer[:2] == data[:2]
            assert answer[2] & 0x80
            dns.message.from_wire(answer)


@pytest.mark.parametrize("data", [b"", b"\0" * 11, b"\0\1\x80" + b"\0" * 9])
def test_silence(data):
    assert messages.answer(ZONE, data, serial=1, udp=True) is None
