"""Claims and the nodes on which they can be had."""

import pytest

from miniplane.controllers.scheduler import volumes
from miniplane.testing import objects

BOUND = {"pv.kubernetes.io/bind-completed": "yes"}


def claim(name="data", *, volume="", kind="lazy", size="1Gi", modes=("ReadWriteOnce",), **meta):
    spec = {
        "storageClassName": kind,
        "accessModes": list(modes),
        "resources": {"requests": {"storage": size}},
    }
    if volume:
        spec["volumeName"] = volume
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            **meta,
        },
        "spec": spec,
        "status": {"phase": "Bound" if volume else "Pending"},
    }


def volume(name, *, node="", kind="lazy", size="1Gi", owner="", labels=None):
    spec = {
        "storageClassName": kind,
        "capacity": {"storage": size},
        "accessModes": ["ReadWriteOnce"],
    }
    if node:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
        terms = [{"matchExpressions": [expression]}]
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    if owner:
        spec["claimRef"] = {"uid": owner}
    meta = {"name": name, "labels": labels or {}}
    return {"metadata": meta, "spec": spec, "status": {"phase": "Available"}}


CLASSES = {
    "lazy": {"volumeBindingMode": "WaitForFirstConsumer", "provisioner": "example.com/make"},
    "local": {
        "volumeBindingMode": "WaitForFirstConsumer",
        "provisioner": volumes.NO_PROVISIONER,
    },
    "now": {"volumeBindingMode": "Immediate", "provisioner": "example.com/make"},
}


def survey(*claims, there=(), pod=None):
    if pod is None:
        sources = [
            {
                "name": c["metadata"]["name"],
                "persistentVolumeClaim": {"claimName": c["metadata"]["name"]},
            }
            for c in claims
        ]
        pod = objects.pod("p", volumes=sources)
    pod["metadata"]["uid"] = "uid-p"
    by_name = {c["metadata"]["name"]: c for c in claims}
    volumes_by_name = {v["metadata"]["name"]: v for v in there}
    return volumes.survey(
        pod,
        claim=by_name.get,
        volume=volumes_by_name.get,
        storage_class=CLASSES.get,
        volumes=lambda: list(there),
    )


def node(name):
    return {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}


def source(**volume):
    return objects.pod("p", volumes=[{"name": "data", **volume}])


@pytest.mark.parametrize(
    "found, expected",
    [
        (
            survey(pod=source(persistentVolumeClaim={"claimName": "data"})),
            'persistentvolumeclaim "data" not found',
        ),
        (
            survey(pod=source(ephemeral={})),
            'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-data"',
        ),
        (
            survey(claim("p-data", volume="pv"), pod=source(ephemeral={})),
            "PVC default/p-data was not created for pod default/p (pod is not owner)",
        ),
        (survey(claim(kind="now")), "pod has unbound immediate PersistentVolumeClaims"),
        (survey(claim(kind="gone")), "pod has unbound immediate PersistentVolumeClaims"),
        (
            survey(claim(deletionTimestamp="2026-01-01T00:00:00Z")),
            'persistentvolumeclaim "data" is being deleted',
        ),
        (
            survey({**claim(volume="pv"), "status": {"phase": "Lost"}}),
            'persistentvolumeclaim "data" bound to non-existent persistentvolume "pv"',
        ),
        (survey(pod=source(emptyDir={})), ""),
    ],
)
def test_problems_of_the_pod_itself(found, expected):
    assert found.problem == expected


def test_a_bound_claim_goes_where_its_volume_is():
    bound = claim(volume="pv", annotations=BOUND)
    found = survey(bound, there=[volume("pv", node="b")])
    assert volumes.refuse(found, node("a")) == (volumes.WRONG_NODE,)
    assert volumes.refuse(found, node("b")) == ()
    assert survey(bound).problem == 'persistentvolume "pv" not found'
    assert not survey(bound, there=[volume("pv")]).by_node


def test_a_delayed_claim_takes_the_smallest_volume_that_will_do():
    there = [
        volume("small", kind="local", size="512Mi"),
        volume("big", kind="local", size="9Gi"),
        volume("right", kind="local", size="2Gi", node="b"),
        volume("taken", kind="local", owner="uid-other"),
        volume("other", kind="lazy"),
    ]
    found = survey(claim(kind="local"), there=there)
    names = {
        name: [v["metadata"]["name"] for _, v in volumes.choose(found, node(name))]
        for name in ("a", "b")
    }
    assert names == {"a": ["big"], "b": ["right"]}


def test_two_claims_do_not_share_a_volume():
    there = [volume("one", kind="local"), volume("two", kind="local")]
    found = survey(claim("x", kind="local"), claim("y", kind="local"), there=there)
    chosen = volumes.choose(found, node("a"))
    assert [v["metadata"]["name"] for _, v in chosen] == ["one", "two"]
    found = survey(claim("x", kind="local"), claim("y", kind="local"), there=there[:1])
    assert volumes.refuse(found, node("a")) == (volumes.NOTHING_TO_BIND,)


def test_a_class_with_a_provisioner_makes_what_is_not_there():
    found = survey(claim())
    assert volumes.refuse(found, node("a")) == ()
    assert volumes.choose(found, node("a"))[0][1] is None


@pytest.mark.parametrize(
    "claims, there",
    [
        ([claim(annotations={volumes.SELECTED_NODE: "a"})], []),
        ([claim(volume="pv")], []),
        ([claim()], [volume("pv", owner="uid-data")]),
    ],
)
def test_a_claim_under_way_is_waited_for(claims, there):
    assert survey(*claims, there=there).waiting


def test_one_pod_claims_are_named():
    mine = claim(volume="pv", modes=["ReadWriteOncePod"], annotations=BOUND)
    found = survey(mine, there=[volume("pv")])
    assert found.one_pod == ("default/data",)


def test_a_reserved_volume_says_for_whom():
    found = volumes.reserved(volume("pv"), claim())
    assert found["spec"]["claimRef"]["uid"] == "uid-data"
    assert found["metadata"]["annotations"] == {volumes.BOUND_BY_CONTROLLER: "yes"}


@pytest.mark.parametrize(
    "labels, there, expected",
    [
        ({"topology.kubernetes.io/zone": "a"}, {"topology.kubernetes.io/zone": "a"}, True),
        ({"topology.kubernetes.io/zone": "a"}, {"topology.kubernetes.io/zone": "b"}, False),
        ({"topology.kubernetes.io/zone": "a"}, {"topology.kubernetes.io/region": "r"}, False),
        ({"topology.kubernetes.io/zone": "a"}, {"kubernetes.io/hostname": "n"}, True),
        ({"topology.kubernetes.io/zone": "a__b"}, {"topology.kubernetes.io/zone": "b"}, True),
        (
            {"failure-domain.beta.kubernetes.io/zone": "a"},
            {"topology.kubernetes.io/zone": "b"},
            False,
        ),
        ({}, {"topology.kubernetes.io/zone": "b"}, True),
    ],
)
def test_volumes_are_where_their_labels_say(labels, there, expected):
    pv = volume("pv")
    pv["metadata"]["labels"] = labels
    found = survey(claim(volume="pv", annotations=BOUND), there=[pv])
    assert volumes.in_zones(found.zones, there) == expected
