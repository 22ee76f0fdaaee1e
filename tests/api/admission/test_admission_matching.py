"""Which requests rules speak of."""

import pytest

from miniplane.api.admission.matching import Request, first_match, resources_match, selects

ALL = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}
POD = Request("CREATE", "", "v1", "pods", namespace="a", name="p")
V1 = Request("UPDATE", "a.io", "v1", "things", namespace="a", name="t")
V2 = Request("UPDATE", "a.io", "v2", "things", namespace="a", name="t")


@pytest.mark.parametrize(
    ("change", "request_", "matches"),
    [
        ({}, POD, True),
        ({"operations": ["UPDATE", "DELETE"]}, POD, False),
        ({"apiGroups": [""]}, POD, True),
        ({"apiGroups": ["apps"]}, POD, False),
        ({"apiVersions": ["v2"]}, POD, False),
        ({"resources": ["pods/status"]}, POD, False),
        ({"resources": ["*/*"]}, POD, True),
        ({"resources": ["pods/*"]}, POD, True),
        ({"resources": ["*/status"]}, Request("UPDATE", "", "v1", "pods", "status", "a"), True),
        ({"resources": ["*"]}, Request("UPDATE", "", "v1", "pods", "status", "a"), False),
        ({"scope": "Cluster"}, POD, False),
        ({"scope": "Namespaced"}, POD, True),
        ({"scope": "Cluster"}, Request("UPDATE", "", "v1", "nodes"), True),
        ({"scope": "Namespaced"}, Request("UPDATE", "", "v1", "nodes"), False),
        ({"scope": "Cluster"}, Request("UPDATE", "", "v1", "namespaces", "", "a", "a"), True),
        ({"scope": "Namespaced"}, Request("UPDATE", "", "v1", "namespaces", "", "a", "a"), False),
        ({"resourceNames": ["p"]}, POD, True),
        ({"resourceNames": ["q"]}, POD, False),
    ],
)
def test_a_rule(change, request_, matches) -> None:
    found = first_match([{**ALL, **change}], request_, [], "Exact")
    assert (found is request_) is matches


def test_another_version_of_the_same_object() -> None:
    rule = {**ALL, "apiVersions": ["v2"]}
    assert first_match([rule], V1, [V2], "Exact") is None
    assert first_match([rule], V1, [V2], "Equivalent") is V2
    assert first_match([rule, ALL], V1, [V2], "Equivalent") is V1, "its own version goes first"


def test_exclusions_win() -> None:
    resources = {"resourceRules": [ALL], "excludeResourceRules": [{**ALL, "apiGroups": [""]}]}
    assert resources_match(resources, POD, []) is None
    assert resources_match(resources, V1, []) is V1
    assert resources_match({}, POD, []) is POD, "a binding without rules takes all"


def test_selectors() -> None:
    wanted = {"matchLabels": {"a": "b"}}
    assert selects(None, None)
    assert selects({}, None)
    assert not selects(wanted, None)
    assert selects(wanted, {}, {"a": "b"}), "the old object counts as much as the new one"
    assert not selects({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"b": "a"})
