"""Which nodes can take a pod, and what is said when none can."""

import pytest

from miniplane.api.selectors import labels as label_selectors
from miniplane.controllers.scheduler import filters, messages, preemption, score
from miniplane.controllers.scheduler.cache import Cache, PodInfo
from miniplane.testing import objects


def node(name, *, labels=None, taints=(), cpu="4", pods="10", **spec):
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"taints": list(taints), **spec},
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": pods}},
    }


def make_pod(name="p", *, labels=None, priority=0, owner="", requests=None, ports=(), **spec):
    pod = objects.pod(name, labels=labels, priority=priority, **spec)
    pod["metadata"].update(
        uid=f"uid-{name}", generation=1, creationTimestamp="2026-01-01T00:00:00Z"
    )
    if owner:
        pod["metadata"]["ownerReferences"] = [
            {"kind": "ReplicaSet", "uid": owner, "controller": True, "name": "rs"}
        ]
    if requests:
        pod["spec"]["containers"][0]["resources"] = {"requests": requests}
    if ports:
        pod["spec"]["containers"][0]["ports"] = [{"containerPort": p, "hostPort": p} for p in ports]
    return pod


def cache_of(*nodes, pods=()):
    cache = Cache()
    for each in nodes:
        cache.set_node(each)
    for pod, where in pods:
        cache.add_pod(PodInfo(pod, where))
    return cache


def want(pod):
    return filters.want(pod, PodInfo(pod, ""))


def refusals(pod, cache):
    """Reasons by node name; nodes that fit have none."""
    wanted = want(pod)
    around = filters.survey(wanted, cache)
    found = {}
    for name, info in cache.nodes.items():
        refusal = filters.check(wanted, info, around, cache)
        if refusal is not None:
            found[name] = refusal
    return found


def reasons(pod, cache):
    return {name: refusal.reasons for name, refusal in refusals(pod, cache).items()}


TAINT = {"key": "only", "value": "x", "effect": "NoSchedule"}


def affinity(kind, **labels):
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


@pytest.mark.parametrize(
    "there, pod, expected",
    [
        (node("a"), make_pod(), None),
        (node("a", unschedulable=True), make_pod(), "node(s) were unschedulable"),
        (node("a", taints=[TAINT]), make_pod(), "node(s) had untolerated taint(s)"),
        (node("a", taints=[{**TAINT, "effect": "PreferNoSchedule"}]), make_pod(), None),
        (node("a", taints=[TAINT]), make_pod(tolerations=[{"operator": "Exists"}]), None),
        (
            node("a"),
            make_pod(nodeSelector={"disk": "ssd"}),
            "node(s) didn't match Pod's node affinity/selector",
        ),
        (node("a", labels={"disk": "ssd"}), make_pod(nodeSelector={"disk": "ssd"}), None),
        (node("a"), make_pod(requests={"cpu": "5"}), "Insufficient cpu"),
        (node("a"), make_pod(requests={"example.com/gpu": "1"}), "Insufficient example.com/gpu"),
        (node("a", pods="0"), make_pod(), "Too many pods"),
        (node("a", unschedulable=True, taints=[TAINT]), make_pod(), "node(s) were unschedulable"),
    ],
)
def test_a_single_node(there, pod, expected):
    assert reasons(pod, cache_of(there)) == ({"a": (expected,)} if expected else {})


def test_what_runs_there_counts():
    cache = cache_of(
        node("a"),
        node("b", pods="1"),
        pods=[
            (make_pod("x", requests={"cpu": "3"}), "a"),
            (make_pod("y", ports=[80]), "b"),
        ],
    )
    pod = make_pod(requests={"cpu": "2", "memory": "9Gi"})
    assert reasons(pod, cache) == {
        "a": ("Insufficient cpu", "Insufficient memory"),
        "b": ("Too many pods", "Insufficient memory"),
    }
    cache.remove_pod("default/x")
    assert reasons(make_pod(requests={"cpu": "2"}), cache) == {"b": ("Too many pods",)}


def test_host_ports():
    cache = cache_of(node("a"), pods=[(make_pod("x", ports=[80]), "a")])
    assert reasons(make_pod(ports=[81]), cache) == {}
    assert reasons(make_pod(ports=[80]), cache) == {
        "a": ("node(s) didn't have free ports for the requested pod ports",)
    }


def test_pod_affinity_and_anti_affinity():
    cache = cache_of(node("a"), node("b"), pods=[(make_pod("x", labels={"app": "web"}), "a")])
    near = make_pod(affinity=affinity("podAffinity", app="web"))
    far = make_pod(affinity=affinity("podAntiAffinity", app="web"))
    assert reasons(near, cache) == {"b": ("node(s) didn't match pod affinity rules",)}
    assert reasons(far, cache) == {"a": ("node(s) didn't match pod anti-affinity rules",)}


def test_the_first_of_its_kind_may_go_anywhere():
    cache = cache_of(node("a"))
    term = affinity("podAffinity", app="web")
    assert reasons(make_pod(labels={"app": "web"}, affinity=term), cache) == {}
    assert reasons(make_pod(labels={"app": "db"}, affinity=term), cache) == {
        "a": ("node(s) didn't match pod affinity rules",)
    }


def test_pods_keep_others_off():
    guard = make_pod("x", affinity=affinity("podAntiAffinity", app="web"))
    cache = cache_of(node("a"), node("b"), pods=[(guard, "a")])
    assert reasons(make_pod(labels={"app": "web"}), cache) == {
        "a": ("node(s) didn't satisfy existing pods anti-affinity rules",)
    }
    assert reasons(make_pod(labels={"app": "db"}), cache) == {}


def test_affinity_across_namespaces():
    other = make_pod("x", labels={"app": "web"})
    other["metadata"]["namespace"] = "team"
    cache = cache_of(node("a"), pods=[(other, "a")])
    cache.set_namespace("team", {"tier": "one"})
    rules = affinity("podAntiAffinity", app="web")
    term = rules["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    assert reasons(make_pod(affinity=rules), cache) == {}
    term["namespaceSelector"] = {"matchLabels": {"tier": "one"}}
    assert list(reasons(make_pod(affinity=rules), cache)) == ["a"]
    cache.set_namespace("team", {"tier": "two"})
    assert reasons(make_pod(affinity=rules), cache) == {}
    term["namespaceSelector"] = {}
    assert list(reasons(make_pod(affinity=rules), cache)) == ["a"]


def spread(skew=1, *, when="DoNotSchedule", key="kubernetes.io/hostname", **more):
    return {
        "maxSkew": skew,
        "topologyKey": key,
        "whenUnsatisfiable": when,
        "labelSelector": {"matchLabels": {"app": "web"}},
        **more,
    }


def test_topology_spread():
    web = {"app": "web"}
    cache = cache_of(
        node("a"),
        node("b"),
        node("c", labels={"zone": "z"}),
        pods=[(make_pod("x", labels=web), "a")],
    )
    pod = make_pod(labels=web, topologySpreadConstraints=[spread()])
    unmatched = "node(s) didn't match pod topology spread constraints"
    assert reasons(pod, cache) == {"a": (unmatched,)}
    assert refusals(pod, cache)["a"].resolvable
    assert reasons(make_pod(labels=web, topologySpreadConstraints=[spread(2)]), cache) == {}
    zonal = make_pod(labels=web, topologySpreadConstraints=[spread(key="zone")])
    assert reasons(zonal, cache) == {
        "a": (f"{unmatched} (missing required label)",),
        "b": (f"{unmatched} (missing required label)",),
    }
    # Fewer domains than asked for: the emptiest counts as empty.
    few = make_pod(labels=web, topologySpreadConstraints=[spread(minDomains=4)])
    assert reasons(few, cache) == {"a": (unmatched,)}


def test_spread_looks_at_eligible_nodes_and_living_pods_only():
    web = {"app": "web"}
    leaving = make_pod("y", labels=web)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cache = cache_of(
        node("a", labels={"pool": "p"}),
        node("b", labels={"pool": "p"}),
        node("c"),
        pods=[(make_pod("x", labels=web), "a"), (leaving, "b")],
    )
    pod = make_pod(labels=web, nodeSelector={"pool": "p"}, topologySpreadConstraints=[spread()])
    assert list(reasons(pod, cache)) == ["a", "c"]


def test_a_daemon_pod_names_its_node():
    fields = [{"key": "metadata.name", "operator": "In", "values": ["b"]}]
    required = {"nodeSelectorTerms": [{"matchFields": fields}]}
    pod = make_pod(
        affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    )
    assert want(pod).pinned == ("b",)
    required["nodeSelectorTerms"].append({"matchExpressions": [{"key": "x", "operator": "Exists"}]})
    assert want(pod).pinned is None


def told(pod, cache):
    found = refusals(pod, cache)
    outcome = preemption.find(want(pod), found, cache, [])
    return messages.unschedulable(
        len(cache.nodes), refusals=found.values(), preemption=outcome.message
    )


TAIL = "no new claims to deallocate, preemption: 0/3 nodes are available:"


def test_the_message_counts_reasons_in_the_order_of_their_text():
    cache = cache_of(node("a", taints=[TAINT]), node("b"), node("c"))
    assert told(make_pod(nodeSelector={"disk": "ssd"}), cache) == (
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), "
        "2 node(s) didn't match Pod's node affinity/selector. "
        f"{TAIL} 3 Preemption is not helpful for scheduling."
    )
    assert told(make_pod(requests={"cpu": "9", "memory": "900Ti"}), cache) == (
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu, "
        f"2 Insufficient memory. {TAIL} 3 Preemption is not helpful for scheduling."
    )


def test_the_message_when_nobody_is_less_important():
    busy = [(make_pod(n, requests={"cpu": "4"}), n) for n in "bc"]
    cache = cache_of(node("a", taints=[TAINT]), node("b"), node("c"), pods=busy)
    assert told(make_pod(requests={"cpu": "1"}), cache) == (
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. "
        f"{TAIL} 1 Preemption is not helpful for scheduling, "
        "2 No preemption victims found for incoming pod."
    )
    assert told(make_pod(requests={"cpu": "1"}, preemptionPolicy="Never"), cache).endswith(
        "preemption: not eligible due to preemptionPolicy=Never."
    )


def test_a_claim_that_is_missing_speaks_for_all_nodes():
    assert messages.problem(3, 'persistentvolumeclaim "data" not found') == (
        '0/3 nodes are available: persistentvolumeclaim "data" not found. not found'
    )


def test_long_notes_are_cut():
    assert messages.note("x" * 1024) == "x" * 1024
    assert len(messages.note("x" * 1025)) == 1024
    assert messages.note("x" * 1025).endswith("x ...")


def best(pod, cache):
    wanted = want(pod)
    nodes = list(cache.nodes.values())
    return [n.name for n in score.best(nodes, score.scores(wanted, nodes, cache))]


def test_the_emptiest_node_is_best():
    cache = cache_of(node("a"), node("b"), pods=[(make_pod("x"), "a")])
    assert best(make_pod(), cache) == ["b"]
    assert best(make_pod(), cache_of(node("a"), node("b"))) == ["a", "b"]


def test_replicas_of_one_workload_keep_apart():
    # Node b is fuller, but a has a pod of the same ReplicaSet.
    cache = cache_of(
        node("a"),
        node("b"),
        pods=[(make_pod("x", owner="rs"), "a"), (make_pod("y"), "b"), (make_pod("z"), "b")],
    )
    assert best(make_pod(owner="rs"), cache) == ["b"]
    assert best(make_pod(owner="other"), cache) == ["a"]


def test_soft_rules_are_preferences():
    cache = cache_of(
        node("a", taints=[{**TAINT, "effect": "PreferNoSchedule"}]),
        node("b"),
        node("c", labels={"d": "s"}),
    )
    assert best(make_pod(), cache) == ["b", "c"]
    expression = {"matchExpressions": [{"key": "d", "operator": "Exists"}]}
    preferred = [{"weight": 10, "preference": expression}]
    kind = "preferredDuringSchedulingIgnoredDuringExecution"
    assert best(make_pod(affinity={"nodeAffinity": {kind: preferred}}), cache) == ["c"]
    cache.add_pod(PodInfo(make_pod("x", labels={"app": "web"}), "c"))
    term = {
        "labelSelector": {"matchLabels": {"app": "web"}},
        "topologyKey": "kubernetes.io/hostname",
    }
    weighted = [{"weight": 100, "podAffinityTerm": term}]
    assert best(make_pod(affinity={"podAffinity": {kind: weighted}}), cache) == ["c"]
    assert best(make_pod(affinity={"podAntiAffinity": {kind: weighted}}), cache) == ["b"]
    web = {"app": "web"}
    constraint = spread(when="ScheduleAnyway")
    assert best(make_pod(labels=web, topologySpreadConstraints=[constraint]), cache) == ["b"]


# Preemption.


def outcome(pod, cache, budgets=()):
    return preemption.find(want(pod), refusals(pod, cache), cache, budgets)


def victims(pod, cache, budgets=()):
    found = outcome(pod, cache, budgets).candidate
    cache._check()
    return (found.node, [v.key.split("/")[1] for v in found.victims]) if found else None


def test_only_as_many_are_sent_away_as_needed():
    cache = cache_of(
        node("a"),
        pods=[
            (make_pod("big", priority=5, requests={"cpu": "2"}), "a"),
            (make_pod("small", priority=1, requests={"cpu": "1"}), "a"),
            (make_pod("tiny", priority=2, requests={"cpu": "1"}), "a"),
        ],
    )
    vip = make_pod("vip", priority=100, requests={"cpu": "1"})
    assert victims(vip, cache) == ("a", ["small"])
    assert victims(make_pod("vip", priority=2, requests={"cpu": "2"}), cache) is None
    assert outcome(make_pod("vip", priority=2, requests={"cpu": "2"}), cache).message == (
        "0/1 nodes are available: 1 Insufficient cpu."
    )


def test_the_node_is_chosen_where_it_hurts_least():
    cache = cache_of(
        node("a"),
        node("b"),
        pods=[
            (make_pod("x", priority=9, requests={"cpu": "4"}), "a"),
            (make_pod("y", priority=3, requests={"cpu": "4"}), "b"),
        ],
    )
    vip = make_pod("vip", priority=100, requests={"cpu": "1"})
    assert victims(vip, cache) == ("b", ["y"])
    selector = filters.terms.label_selectors.from_map({})
    web = filters.terms.label_selectors.from_map({"app": "web"})
    cache.add_pod(
        PodInfo(make_pod("y", priority=3, labels={"app": "web"}, requests={"cpu": "4"}), "b")
    )
    guarded = [preemption.Budget("default", web, 0), preemption.Budget("default", selector, 0)]
    assert victims(vip, cache, guarded) == ("a", ["x"])


def test_preemption_undoes_anti_affinity():
    rules = affinity("podAntiAffinity", app="web")
    cache = cache_of(node("a"), pods=[(make_pod("x", labels={"app": "web"}), "a")])
    assert victims(make_pod("vip", priority=1, affinity=rules), cache) == ("a", ["x"])


def test_while_victims_leave_nobody_else_has_to():
    leaving = make_pod("x", requests={"cpu": "4"})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cache = cache_of(node("a"), pods=[(leaving, "a")])
    vip = make_pod("vip", priority=1, requests={"cpu": "4"})
    found = preemption.find(want(vip), refusals(vip, cache), cache, [], nominated="a")
    # Somebody else deleted it: it may be long in going.
    assert found.candidate is not None
    gone = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    leaving["status"] = {"conditions": [gone]}
    cache.add_pod(PodInfo(leaving, "a"))
    found = preemption.find(want(vip), refusals(vip, cache), cache, [], nominated="a")
    assert found.message == "not eligible due to a terminating pod on the nominated node."


def test_a_pod_that_a_budget_counts_as_gone_does_not_count_twice():
    pods = [(make_pod(n, labels={"app": "x"}, requests={"cpu": "2"}), "a") for n in ("x", "y")]
    cache = cache_of(node("a"), pods=pods)
    vip = make_pod("vip", priority=1, requests={"cpu": "4"})

    def violations(disrupted):
        selector = label_selectors.from_obj({"matchLabels": {"app": "x"}})
        budget = preemption.Budget("default", selector, 1, disrupted)
        found = preemption.find(want(vip), refusals(vip, cache), cache, [budget])
        return found.candidate.violations

    assert violations({}) == 1
    assert violations({"x": "2026-01-01T00:00:00Z"}) == 0


def test_a_node_for_no_pods_has_no_victims():
    cache = cache_of(node("a", pods="0"))
    vip = make_pod("vip", priority=1)
    found = preemption.find(want(vip), refusals(vip, cache), cache, [])
    text = "0/1 nodes are available: 1 No preemption victims found for incoming pod."
    assert found.message == text


GCE = {"gcePersistentDisk": {"pdName": "d"}}
GCE_READ = {"gcePersistentDisk": {"pdName": "d", "readOnly": True}}
EBS_READ = {"awsElasticBlockStore": {"volumeID": "v", "readOnly": True}}
ISCSI = {"iscsi": {"iqn": "q", "lun": 0}}


def rbd(*monitors, image="i"):
    return {"rbd": {"monitors": list(monitors), "pool": "p", "image": image}}


@pytest.mark.parametrize(
    "there, wanted, fits",
    [
        (GCE, GCE, False),
        (GCE_READ, GCE, False),
        (GCE_READ, GCE_READ, True),
        (EBS_READ, EBS_READ, False),
        (ISCSI, ISCSI, False),
        (GCE, ISCSI, True),
        (rbd("m1", "m2"), rbd("m2"), False),
        (rbd("m1"), rbd("m2"), True),
        (rbd("m1"), rbd("m1", image="j"), True),
    ],
)
def test_a_disk_is_attached_once(there, wanted, fits):
    cache = cache_of(node("a"), pods=[(make_pod("x", volumes=[{"name": "d", **there}]), "a")])
    found = refusals(make_pod("y", volumes=[{"name": "d", **wanted}]), cache)
    assert not found if fits else found["a"] == filters.DISK


def inclined(kind, weight, **labels):
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    preferred = [{"weight": weight, "podAffinityTerm": term}]
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


@pytest.mark.parametrize(
    "rules, expected",
    [
        (inclined("podAffinity", 5, app="web"), ["a"]),
        (inclined("podAntiAffinity", 5, app="web"), ["b"]),
        (affinity("podAffinity", app="web"), ["a"]),
        (inclined("podAffinity", 5, app="other"), ["a", "b"]),
    ],
)
def test_the_pods_there_have_their_say(rules, expected):
    there = make_pod("x", affinity=rules)
    cache = cache_of(node("a"), node("b"), pods=[(there, "a"), (make_pod("y"), "b")])
    assert best(make_pod(labels={"app": "web"}), cache) == expected
    cache._check()
    cache.remove_pod("default/x")
    assert not cache.inclinations
