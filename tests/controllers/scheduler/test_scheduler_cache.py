"""The cache adds up, whatever happens in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api.selectors import labels as label_selectors
from miniplane.controllers.scheduler.cache import Cache, PodInfo, Question
from miniplane.controllers.scheduler.terms import Term
from miniplane.testing import objects

NODES = ("a", "b", "c")
WEB = Term(label_selectors.from_map({"app": "web"}), ("default",))
TEAM = Term(label_selectors.EVERYTHING, (), label_selectors.from_map({"tier": "one"}))
QUESTIONS = (
    Question((WEB,)),
    Question((WEB,), living=True),
    Question((TEAM,)),
    Question((WEB, TEAM)),
)


def node(name, zone=""):
    return {
        "metadata": {"name": name, "labels": {"zone": zone, "host": name} if zone else {}},
        "status": {"allocatable": {"cpu": "4", "pods": "9"}},
    }


def pod_info(number, where, app, cpu, terminating, namespace):
    pod = objects.pod(f"p{number}", namespace=namespace, labels={"app": app})
    pod["metadata"]["uid"] = f"uid-{number}"
    if terminating:
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    container = pod["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": str(cpu)}}
    container["ports"] = [{"containerPort": 80, "hostPort": 80 + cpu}]
    pod["metadata"]["ownerReferences"] = [
        {"kind": "ReplicaSet", "uid": app, "name": app, "controller": True}
    ]
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "zone"}
    rules = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    pod["spec"]["affinity"] = {"podAntiAffinity": rules}
    return PodInfo(pod, where)


pods = st.builds(
    pod_info,
    st.integers(0, 5),
    st.sampled_from(NODES),
    st.sampled_from(("web", "db")),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(("default", "team")),
)
steps = st.one_of(
    st.tuples(st.just("add_pod"), pods),
    st.tuples(st.just("remove_pod"), st.sampled_from([f"default/p{i}" for i in range(6)])),
    st.tuples(
        st.just("set_node"),
        st.builds(node, st.sampled_from(NODES), st.sampled_from(("", "east", "west"))),
    ),
    st.tuples(st.just("spread"), st.sampled_from(("web", "db"))),
    st.tuples(st.just("remove_node"), st.sampled_from(NODES)),
    st.tuples(st.just("matching"), st.sampled_from(QUESTIONS)),
    st.tuples(st.just("tier"), st.sampled_from(("one", "two"))),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=40))
def test_sums_are_right_after_every_step(plan):
    cache = Cache()
    for what, arg in plan:
        if what == "tier":
            cache.set_namespace("team", {"tier": arg})
        elif what == "spread":
            for key in ("zone", "host"):
                cache.spread(arg, key)
        else:
            getattr(cache, what)(arg)
        cache._check()
        assert [n.name for n in cache.round()] == sorted(cache.nodes)


def test_the_pods_of_a_workload_are_counted_by_the_labels_of_their_nodes():
    cache = Cache()
    for name, zone in (("a", "east"), ("b", "east"), ("c", "")):
        cache.set_node(node(name, zone))
    assert cache.spread("web", "zone") == {}
    for number, where in enumerate("aabc"):
        cache.add_pod(pod_info(number, where, "web", 1, False, "default"))
    cache.add_pod(pod_info(4, "a", "web", 1, True, "default"))
    cache.add_pod(pod_info(5, "a", "db", 1, False, "default"))
    assert cache.spread("web", "zone") == {"east": 3}
    assert cache.spread("web", "host") == {"a": 2, "b": 1}
    cache.set_node(node("b", "west"))
    assert cache.spread("web", "zone") == {"east": 2, "west": 1}
    cache.remove_pod("default/p0")
    assert cache.spread("web", "host") == {"a": 1, "b": 1}


def test_rounds_begin_where_the_last_one_ended():
    cache = Cache()
    for name in NODES:
        cache.set_node(node(name))
    assert [n.name for n in cache.round()] == ["a", "b", "c"]
    cache.turn(2)
    assert [n.name for n in cache.round()] == ["c", "a", "b"]
    cache.turn(2)
    assert [n.name for n in cache.round()] == ["b", "c", "a"]
    cache.remove_node("a")
    assert [n.name for n in cache.round()] == ["b", "c"]


def test_pods_may_come_before_their_node():
    cache = Cache()
    cache.add_pod(pod_info(1, "a", "web", 2, False, "default"))
    assert not cache.nodes
    cache.set_node(node("a"))
    assert cache.nodes["a"].requested == {"cpu": 2000}
    cache.remove_node("a")
    cache.set_node(node("a"))
    assert cache.nodes["a"].requested == {"cpu": 2000}
