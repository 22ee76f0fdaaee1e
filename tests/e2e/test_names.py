"""The cluster's names, asked for with a real resolver, while kubectl changes what is behind."""

import pytest

resolving = pytest.importorskip("dns.resolver", reason="no resolver client `dnspython` here")

pytestmark = pytest.mark.kubectl(which=slice(0, 2))

ZONE = "svc.cluster.local"


@pytest.fixture
def resolver(named):
    made = resolving.Resolver(configure=False)
    host, made.port = named.cluster.resolver_address()
    made.nameservers = [host]
    return made


def answers(resolver, name, kind="A"):
    """What a name stands for, in order; nothing for one that is not there."""
    try:
        return sorted(record.to_text() for record in resolver.resolve(name, kind))
    except (resolving.NXDOMAIN, resolving.NoAnswer):
        return []


def addresses(kubectl, *args):
    return sorted(kubectl.value(".items[*].status.podIP", "pods", *args).split())


def test_a_headless_service_names_its_pods(named, resolver, eventually):
    named("apply", "-f", "mysql-service.yaml", "-f", "mysql.yaml")
    named("rollout", "status", "statefulset/mysql")
    service = f"mysql.default.{ZONE}"
    eventually(lambda: answers(resolver, service) == addresses(named, "-l", "app=mysql"))
    for number in range(3):
        address = named.value(".status.podIP", "pod", f"mysql-{number}")
        assert answers(resolver, f"mysql-{number}.{service}") == [address]
        [back] = resolver.resolve_address(address)
        assert back.to_text() == f"mysql-{number}.{service}."
    found = answers(resolver, f"_mysql._tcp.{service}", "SRV")
    assert found == [f"0 33 3306 mysql-{number}.{service}." for number in range(3)]
    named("scale", "statefulset/mysql", "--replicas=1")
    eventually(lambda: len(answers(resolver, service)) == 1)
    assert answers(resolver, f"mysql-2.{service}") == []
    named("delete", "pod", "mysql-0")
    named("wait", "--for=condition=Ready", "pod/mysql-0")
    fresh = named.value(".status.podIP", "pod", "mysql-0")
    eventually(lambda: answers(resolver, f"mysql-0.{service}") == [fresh])


def test_a_service_has_one_name_and_one_address(named, resolver, eventually):
    named("create", "deployment", "web", "--image=nginx")
    named("expose", "deployment/web", "--port=80")
    address = named.value(".spec.clusterIP", "service", "web")
    eventually(lambda: answers(resolver, f"web.default.{ZONE}") == [address])
    kubernetes = named.value(".spec.clusterIP", "service", "kubernetes")
    assert answers(resolver, f"kubernetes.default.{ZONE}") == [kubernetes]
    named("create", "service", "externalname", "out", "--external-name=example.com")
    eventually(lambda: answers(resolver, f"out.default.{ZONE}", "CNAME") == ["example.com."])
    named("delete", "service", "web")
    eventually(lambda: answers(resolver, f"web.default.{ZONE}") == [])
