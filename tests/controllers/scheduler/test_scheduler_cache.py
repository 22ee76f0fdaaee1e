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


def node(name):
    return {"metadata": {"name": name}, "status": {"allocatable": {"cpu": "4", "pods": "9"}}}


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
    st.tuples(st.just("set_node"), st.sampled_from(NODES).map(node)),
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
        else:
            getattr(cache, what)(arg)
        cache._check()
        assert [n.name for n in cache.round()] == sorted(cache.nodes)


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
