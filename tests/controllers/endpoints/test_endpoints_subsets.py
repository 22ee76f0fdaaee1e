"""What an Endpoints object says: addresses, grouped by the ports that they share."""

from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.controllers.endpoints import subsets
from miniplane.controllers.endpoints.ports import Port
from miniplane.controllers.endpoints.targets import Target

TCP = "TCP"


def make_service(*ports: Obj, **spec: Any) -> Obj:
    return {
        "metadata": {"name": "web", "namespace": "a", "labels": {"team": "x"}},
        "spec": {
            "clusterIP": "10.96.0.7",
            "selector": {"app": "web"},
            "ports": list(ports),
            **spec,
        },
    }


def make_target(name: str, ip: str = "", **fields: Any) -> Target:
    base: dict[str, Any] = {
        "namespace": "a",
        "name": name,
        "uid": f"uid-{name}",
        "ips": (ip or f"10.244.0.{ord(name[0]) - 96}",),
        "ready": True,
        "terminating": False,
        "node": "node-0",
        "hostname": "",
        "subdomain": "",
        "ports": (),
        "labels": {},
        "changed_at": "",
    }
    return Target(**{**base, **fields})


def show(found: list[Obj]) -> list[tuple[str, str, str]]:
    """Ready, unready and ports of each subset: `("a b", "c", "http:80")`."""
    return [
        (
            " ".join(a["targetRef"]["name"] for a in subset.get("addresses", ())),
            " ".join(a["targetRef"]["name"] for a in subset.get("notReadyAddresses", ())),
            " ".join(f"{p.get('name', '')}:{p['port']}" for p in subset.get("ports", ())),
        )
        for subset in found
    ]


def whole(service: Obj, *targets: Target) -> list[Obj]:
    found, _ = subsets.Addresses(service, {target.name: target for target in targets}).subsets()
    return found


def of(service: Obj, *targets: Target) -> list[tuple[str, str, str]]:
    return show(whole(service, *targets))


HTTP = {"name": "http", "port": 80, "targetPort": "web", "protocol": TCP}
METRICS = {"name": "metrics", "port": 9100, "targetPort": 9100, "protocol": TCP}


def test_ready_and_unready_pods() -> None:
    service = make_service({"port": 80, "protocol": TCP})
    targets = [make_target("b"), make_target("a"), make_target("c", ready=False)]
    assert of(service, *targets) == [("a b", "c", ":80")]
    assert of(service) == []


def test_terminating_pods_have_no_place() -> None:
    service = make_service({"port": 80})
    assert of(service, make_target("a", terminating=True)) == []


def test_readiness_may_not_matter() -> None:
    service = make_service({"port": 80}, publishNotReadyAddresses=True)
    targets = [make_target("a", ready=False), make_target("b", terminating=True)]
    assert of(service, *targets) == [("a b", "", ":80")]


def test_ports_stand_together_where_their_addresses_are_the_same() -> None:
    service = make_service(HTTP, METRICS)
    same = [make_target(name, ports=(("web", TCP, 8080),)) for name in "ab"]
    assert of(service, *same) == [("a b", "", "http:8080 metrics:9100")]
    other = make_target("c", ports=(("web", TCP, 8081),))
    assert of(service, *same, other) == [
        ("a b", "", "http:8080"),
        ("c", "", "http:8081"),
        ("a b c", "", "metrics:9100"),
    ]


def test_a_pod_without_the_named_port_serves_the_others_only() -> None:
    bare = make_target("a", ports=(("web", "UDP", 53),))
    assert of(make_service(HTTP, METRICS), bare) == [("a", "", "metrics:9100")]
    assert of(make_service(HTTP), bare) == []


def test_headless_services_need_no_ports() -> None:
    assert of(make_service(clusterIP="None"), make_target("a")) == [("a", "", "")]
    assert of(make_service(), make_target("a")) == []


def test_addresses() -> None:
    service = make_service({"port": 80})
    target = make_target("a", "10.244.0.9", hostname="a", subdomain="web")
    (subset,) = whole(service, target)
    assert subset["addresses"] == [
        {
            "ip": "10.244.0.9",
            "hostname": "a",
            "nodeName": "node-0",
            "targetRef": {"kind": "Pod", "namespace": "a", "name": "a", "uid": "uid-a"},
        }
    ]
    elsewhere = make_target("a", hostname="a", subdomain="other")
    (subset,) = whole(service, elsewhere)
    assert "hostname" not in subset["addresses"][0]


def test_the_first_family_of_the_service_counts() -> None:
    both = make_target("a", ips=("10.244.0.9", "fd00::9"))
    for families, ip in ((["IPv6", "IPv4"], "fd00::9"), (["IPv4"], "10.244.0.9")):
        service = make_service({"port": 80}, ipFamilies=families)
        (subset,) = whole(service, both)
        assert subset["addresses"][0]["ip"] == ip
    assert of(make_service({"port": 80}, ipFamilies=["IPv6"]), make_target("b")) == []


def test_an_address_that_is_listed_twice_is_not_ready_if_one_says_so() -> None:
    port = (Port("", 80, TCP, None),)
    address = {"ip": "1.2.3.4", "targetRef": {"name": "a"}}
    found = subsets.repack([(port, True, address), (port, False, address)])
    assert show(found) == [("", "a", ":80")]


def make_body(service: Obj, present: Obj | None, *targets: Target, changed_at: str = "") -> Any:
    return subsets.body(service, targets, present, changed_at=changed_at)


def test_a_body_carries_labels_and_the_time_of_the_change() -> None:
    service = make_service({"port": 80})
    made = make_body(service, None, changed_at="2026-01-01T00:00:00Z")
    assert made == {
        "metadata": {
            "name": "web",
            "namespace": "a",
            "labels": {"team": "x", subsets.MANAGED_BY: "endpoint-controller"},
            "annotations": {subsets.TRIGGER_TIME: "2026-01-01T00:00:00Z"},
        },
        "subsets": [],
    }
    assert make_body(service, made) is None
    changed = make_body(service, made, make_target("a"))
    assert changed["metadata"]["annotations"] == {}
    assert len(changed["subsets"]) == 1
    service["spec"]["clusterIP"] = "None"
    assert make_body(service, made)["metadata"]["labels"][subsets.HEADLESS] == ""


@pytest.mark.parametrize(
    ("ready", "unready", "kept"),
    [(600, 400, (600, 400)), (600, 500, (600, 400)), (1200, 300, (1000, 0)), (0, 1001, (0, 1000))],
)
def test_more_than_a_thousand_are_cut_ready_ones_last(
    ready: int, unready: int, kept: tuple[int, int]
) -> None:
    service = make_service({"port": 80})
    targets = [
        make_target(f"p{n}", f"10.{n // 65536}.{n // 256 % 256}.{n % 256}", ready=n < ready)
        for n in range(ready + unready)
    ]
    made = make_body(service, None, *targets)
    (subset,) = made["subsets"]
    assert tuple(len(subset.get(f, ())) for f in ("addresses", "notReadyAddresses")) == kept
    cut = sum(kept) < ready + unready
    assert (subsets.OVER_CAPACITY in made["metadata"]["annotations"]) == cut
    assert make_body(service, made, *targets) is None


def test_each_subset_keeps_its_share() -> None:
    service = make_service(HTTP)
    targets = [
        make_target(f"p{n}", f"10.0.{n // 256}.{n % 256}", ports=(("web", TCP, 80 + (n < 300)),))
        for n in range(1200)
    ]
    made = make_body(service, None, *targets)
    assert [len(subset["addresses"]) for subset in made["subsets"]] == [750, 250]
