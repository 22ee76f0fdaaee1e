"""What pods ask for."""

import pytest

from miniplane.controllers.scheduler import demand

GI = 1 << 30


def container(**requests):
    return {"name": "c", "resources": {"requests": requests}} if requests else {"name": "c"}


def sidecar(**requests):
    return {**container(**requests), "restartPolicy": "Always"}


@pytest.mark.parametrize(
    "spec, expected",
    [
        ({"containers": [container()]}, {}),
        ({"containers": [container(cpu="0", memory="1Gi")]}, {"memory": GI}),
        (
            {"containers": [container(cpu="250m"), container(cpu="1", memory="1Gi")]},
            {"cpu": 1250, "memory": GI},
        ),
        # An init container that needs more than all the others.
        (
            {"containers": [container(cpu="1")], "initContainers": [container(cpu="3")]},
            {"cpu": 3000},
        ),
        # A sidecar runs beside the init containers after it, and beside the others.
        (
            {
                "containers": [container(cpu="1")],
                "initContainers": [container(cpu="2"), sidecar(cpu="1"), container(cpu="2")],
            },
            {"cpu": 3000},
        ),
        (
            {"containers": [container(cpu="1")], "initContainers": [sidecar(cpu="1")]},
            {"cpu": 2000},
        ),
        (
            {
                "containers": [container(cpu="1", memory="1Gi")],
                "resources": {"requests": {"cpu": "4"}},
                "overhead": {"cpu": "500m"},
            },
            {"cpu": 4500, "memory": GI},
        ),
        (
            {"containers": [container(**{"example.com/gpu": "2", "ephemeral-storage": "1Gi"})]},
            {"example.com/gpu": 2, "ephemeral-storage": GI},
        ),
    ],
)
def test_requests(spec, expected):
    assert demand.demand_of(spec).requests == expected


def test_containers_that_ask_for_nothing_count_for_a_little_when_scored():
    found = demand.demand_of({"containers": [container(), container(cpu="1", memory="1Gi")]})
    assert (found.assumed_cpu, found.assumed_memory) == (1100, GI + 200 * 1024 * 1024)


def test_equal_specs_share_one_demand():
    one = demand.demand_of({"containers": [container(cpu="3")]})
    assert demand.demand_of({"containers": [container(cpu="3")]}) is one


def test_host_ports_only():
    ports = [
        {"containerPort": 80},
        {"containerPort": 80, "hostPort": 8080, "hostIP": "10.0.0.1", "protocol": "UDP"},
        {"containerPort": 81, "hostPort": 81},
    ]
    found = demand.demand_of({"containers": [{"name": "c", "ports": ports}]})
    assert found.ports == (("10.0.0.1", "UDP", 8080), ("0.0.0.0", "TCP", 81))
