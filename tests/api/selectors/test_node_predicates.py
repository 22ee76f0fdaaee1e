"""Node affinity, taints and tolerations, as component-helpers' `scheduling/corev1`."""

import pytest

from miniplane.api.selectors import nodes

NODE = {"metadata": {"name": "n1", "labels": {"zone": "a", "cpus": "8", "ssd": ""}}}


def expression(key, operator, *values):
    return {"key": key, "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("requirement", "selected"),
    [
        (expression("zone", "In", "a", "b"), True),
        (expression("zone", "NotIn", "a"), False),
        (expression("rack", "NotIn", "a"), True),
        (expression("ssd", "Exists"), True),
        (expression("rack", "DoesNotExist"), True),
        (expression("cpus", "Gt", "7"), True),
        (expression("cpus", "Lt", "8"), False),
        (expression("zone", "Gt", "1"), False),
        (expression("cpus", "Gt", "many"), False),
        (expression("zone", "In"), False),
        (expression("zone", "Equals", "a"), False),
    ],
)
def test_match_expressions(requirement, selected):
    assert nodes.node_selector_matches({"matchExpressions": [requirement]}, NODE) is selected


@pytest.mark.parametrize(
    ("requirement", "selected"),
    [
        (expression("metadata.name", "In", "n1"), True),
        (expression("metadata.name", "NotIn", "n1"), False),
        (expression("metadata.name", "In", "n1", "n2"), False),
        (expression("metadata.name", "Exists"), False),
        (expression("metadata.uid", "In", "n1"), False),
    ],
)
def test_match_fields(requirement, selected):
    assert nodes.node_selector_matches({"matchFields": [requirement]}, NODE) is selected


def test_terms_are_ored_and_what_is_in_a_term_is_anded():
    here = {"matchExpressions": [expression("zone", "In", "a")]}
    there = {"matchExpressions": [expression("zone", "In", "b")]}
    both = {
        "matchExpressions": [expression("zone", "In", "a")],
        "matchFields": [expression("metadata.name", "In", "n2")],
    }
    assert nodes.node_selector_matches({"nodeSelectorTerms": [there, here]}, NODE)
    assert not nodes.node_selector_matches({"nodeSelectorTerms": [there, both]}, NODE)


@pytest.mark.parametrize("selector", [None, {}, {"nodeSelectorTerms": []}, {"matchFields": []}])
def test_nothing_selects_no_node(selector):
    assert not nodes.node_selector_matches(selector, NODE)
    assert not nodes.node_selector_matches({"nodeSelectorTerms": [{}]}, NODE)


def affinity(**kinds):
    return {"affinity": {"nodeAffinity": kinds}}


def test_a_pod_needs_its_node_selector_and_its_required_affinity():
    term = {"matchExpressions": [expression("cpus", "Gt", "4")]}
    required = affinity(
        requiredDuringSchedulingIgnoredDuringExecution={"nodeSelectorTerms": [term]}
    )
    assert nodes.required_affinity_matches({}, NODE)
    assert nodes.required_affinity_matches({"nodeSelector": {"zone": "a"}, **required}, NODE)
    assert not nodes.required_affinity_matches({"nodeSelector": {"zone": "b"}, **required}, NODE)
    empty = affinity(requiredDuringSchedulingIgnoredDuringExecution={})
    assert not nodes.required_affinity_matches(empty, NODE)


def test_preferences_add_up_and_an_empty_one_counts_for_nothing():
    preferred = [
        {"weight": 3, "preference": {"matchExpressions": [expression("zone", "In", "a")]}},
        {"weight": 5, "preference": {"matchExpressions": [expression("ssd", "Exists")]}},
        {"weight": 7, "preference": {"matchExpressions": [expression("zone", "In", "b")]}},
        {"weight": 9, "preference": {}},
    ]
    spec = affinity(preferredDuringSchedulingIgnoredDuringExecution=preferred)
    assert nodes.preferred_affinity_weight(spec, NODE) == 8


TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "dedicated", "operator": "Equal", "value": "db"}, True),
        ({"key": "dedicated", "value": "db", "effect": "NoSchedule"}, True),
        ({"key": "dedicated", "value": "web"}, False),
        ({"key": "dedicated"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "dedicated", "operator": "Near", "value": "db"}, False),
    ],
)
def test_tolerations(toleration, tolerated):
    assert nodes.tolerates(toleration, TAINT) is tolerated


def test_tolerations_that_compare_numbers():
    taint = {"key": "sla", "value": "95", "effect": "NoSchedule"}
    assert nodes.tolerates({"key": "sla", "operator": "Gt", "value": "90"}, taint)
    assert not nodes.tolerates({"key": "sla", "operator": "Lt", "value": "90"}, taint)
    assert not nodes.tolerates({"key": "sla", "operator": "Gt", "value": "high"}, taint)


def test_untolerated_taints_keep_the_nodes_order():
    taints = [
        {"key": "c", "effect": "PreferNoSchedule"},
        {"key": "b", "effect": "NoExecute"},
        TAINT,
    ]
    tolerations = [{"key": "b", "operator": "Exists"}]
    assert nodes.untolerated(taints, tolerations) == [TAINT]
    assert nodes.untolerated(taints, None, ("PreferNoSchedule",)) == [taints[0]]
    assert nodes.untolerated(None, tolerations) == []


def test_matching_tolerations():
    first = {"key": "b", "operator": "Exists", "tolerationSeconds": 30}
    anything = {"operator": "Exists"}
    taints = [{"key": "b", "effect": "NoExecute"}, TAINT]
    assert nodes.matching_tolerations(taints, [first, anything]) == [first, anything]
    assert nodes.matching_tolerations(taints, [first]) is None
    assert nodes.matching_tolerations([], []) == []
