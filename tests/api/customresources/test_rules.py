"""Rules in CEL: what they are asked, what they say, and which are refused."""

from typing import Any

import pytest

from miniplane.api.customresources import structural
from miniplane.api.customresources.cel import rules
from miniplane.api.customresources.correlate import Correlated

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def said(
    place: dict[str, Any], value: Any, old: Any = None, *listed: Any
) -> tuple[list[str], list[str]]:
    """Errors and warnings for `value` at the field `a`, whose schema is `place`."""
    if listed:
        place = {**place, "x-kubernetes-validations": list(listed)}
    schema = structural.parse({"type": "object", "properties": {"a": place}})
    new, before = {"a": value}, None if old is None else {"a": old}
    found = rules.of(schema, root=True)
    assert found is not None
    both = None if before is None else Correlated(new, before, schema)
    warnings: list[str] = []
    return [str(e) for e in found.validate(new, before, both, warnings)], warnings


def refused(place: dict[str, Any], rule: str, **more: Any) -> list[str]:
    schema = structural.parse({**place, "x-kubernetes-validations": [{"rule": rule, **more}]})
    return [text for _, _, _, text in rules.check(schema, root=False)]


def test_messages() -> None:
    assert said(WHOLE, 1, None, {"rule": "self > 1"})[0] == [
        "a: Invalid value: 1: failed rule: self > 1"
    ]
    assert said(WHOLE, 1, None, {"rule": "self > 1", "message": "too small"})[0] == [
        "a: Invalid value: 1: too small"
    ]
    rule = {"rule": "self > 1", "messageExpression": "'not ' + string(self)"}
    assert said(WHOLE, 1, None, rule)[0] == ["a: Invalid value: 1: not 1"]
    both = {**rule, "messageExpression": "''", "message": "plain"}
    assert said(WHOLE, 1, None, both)[0] == ["a: Invalid value: 1: plain"]


def test_reasons_and_paths() -> None:
    place = {"type": "object", "properties": {"b": TEXT}}
    rule = {
        "rule": "has(self.b)",
        "message": "m",
        "reason": "FieldValueRequired",
        "fieldPath": ".b",
    }
    assert said(place, {}, None, rule)[0] == ["a.b: Required value: m"]
    rule = {"rule": "false", "message": "m", "reason": "FieldValueForbidden"}
    assert said(place, {}, None, rule)[0] == ["a: Forbidden: m"]
    assert said(place, {}, None, {"rule": "false", "message": "m"})[0] == ["a: Invalid value: m"]


def test_transition_rules_need_an_old_value() -> None:
    rule = {"rule": "self == oldSelf", "message": "immutable"}
    assert said(TEXT, "x", None, rule) == ([], [])
    assert said(TEXT, "x", "y", rule) == (['a: Invalid value: "x": immutable'], [])
    optional = {"rule": "oldSelf.hasValue() || self == 'first'", "optionalOldSelf": True}
    assert said(TEXT, "x", "y", optional) == ([], [])
    assert said(TEXT, "first", None, optional) == ([], [])
    assert len(said(TEXT, "x", None, optional)[0]) == 1


def test_items_are_held_against_those_with_their_keys() -> None:
    rule = [{"rule": "self.n >= oldSelf.n", "message": "shrinks"}]
    items = {
        "type": "object",
        "properties": {"k": TEXT, "n": WHOLE},
        "x-kubernetes-validations": rule,
    }
    place = {
        "type": "array",
        "items": items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
    }
    old = [{"k": "x", "n": 1}, {"k": "y", "n": 5}]
    assert said(place, [{"k": "y", "n": 4}, {"k": "x", "n": 2}], old)[0] == [
        "a[0]: Invalid value: shrinks"
    ]


def test_what_breaks_a_rule_as_before_is_a_warning() -> None:
    rule = {"rule": "self > 5"}
    assert said(WHOLE, 1, 1, rule) == ([], ["a: Invalid value: 1: failed rule: self > 5"])
    assert len(said(WHOLE, 2, 1, rule)[0]) == 1


def test_a_rule_without_a_result_says_why() -> None:
    place = {"type": "object", "properties": {"b": TEXT, "c": {"type": "array", "items": WHOLE}}}
    assert said(place, {}, None, {"rule": "self.b == 'x'"})[0] == [
        "a: Invalid value: \"object\": no such key: b evaluating rule: self.b == 'x'"
    ]
    assert said(place, {"c": []}, None, {"rule": "self.c[0] == 1"})[0] == [
        'a: Invalid value: "object": index out of bounds: 0 evaluating rule: self.c[0] == 1'
    ]


@pytest.mark.parametrize(
    ("place", "value", "rule"),
    [
        (TEXT, "1.5Gi", "quantity(self).isGreaterThan(quantity('1G'))"),
        (TEXT, "1Gi", "quantity(self) == quantity('1024Mi')"),
        (
            TEXT,
            "500m",
            "!quantity(self).isInteger() && quantity(self).add(1).asApproximateFloat() == 1.5",
        ),
        (TEXT, "10.1.2.3", "cidr('10.0.0.0/8').containsIP(self) && ip(self).family() == 4"),
        (TEXT, "::1", "ip(self).isLoopback() && ip.isCanonical(self)"),
        (
            TEXT,
            "https://a.b:8/c?d=e",
            "url(self).getHost() == 'a.b:8' && url(self).getQuery()['d'] == ['e']",
        ),
        (TEXT, "1.2.3", "semver(self).isLessThan(semver('1.10.0')) && semver(self).minor() == 2"),
        (TEXT, "abc 123", "self.find('[0-9]+') == '123' && self.findAll('[a-c]').size() == 3"),
        (TEXT, "a,b", "self.split(',').map(x, x.upperAscii()).join('-') == 'A-B'"),
        (
            {"type": "array", "items": WHOLE},
            [1, 2],
            "self.sum() == 3 && self.isSorted() && self.max() == 2",
        ),
        (
            {"type": "array", "items": WHOLE},
            [1, 2],
            "self.indexOf(2) == 1 && self.all(i, x, x == i + 1)",
        ),
        ({"type": "number"}, 2, "self > 1 && self == 2.0"),
        ({**TEXT, "format": "date-time"}, "2026-01-01T00:00:00Z", "self.getFullYear() == 2026"),
        ({**TEXT, "format": "duration"}, "90m", "self > duration('1h')"),
        ({**TEXT, "format": "byte"}, "YWJj", "self == b'abc'"),
        ({"x-kubernetes-int-or-string": True}, "5%", "type(self) == string && self.endsWith('%')"),
        (
            {"type": "object", "properties": {"namespace": TEXT, "x-y": TEXT}},
            {"namespace": "n", "x-y": "z"},
            "self.__namespace__ == 'n' && self.?x__dash__y.orValue('') == 'z'",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}},
            {"k": ["v"]},
            "self.all(k, self[k].all(v, v == 'v'))",
        ),
    ],
)
def test_the_language(place: dict[str, Any], value: Any, rule: str) -> None:
    assert refused(place, rule) == []
    assert said(place, value, None, {"rule": rule}) == ([], [])


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("self.nope > 1", "undefined field 'nope'"),
        ("self.n > 'x'", "found no matching overload for '_>_' applied to '(int, string)'"),
        ("self.n", "cel expression must evaluate to a bool"),
        ("nobody > 1", "undeclared reference to 'nobody'"),
        ("self.n >", "Syntax error"),
        ("math.greatest(1, 2) > 1", "undeclared reference to 'math'"),
    ],
)
def test_rules_that_do_not_fit(rule: str, text: str) -> None:
    (found,) = refused({"type": "object", "properties": {"n": WHOLE}}, rule)
    assert text in found


def test_fields_that_protobuf_would_confuse() -> None:
    maps = {"type": "object", "additionalProperties": TEXT}
    place = {"type": "object", "properties": {"foo_bar": maps, "fooBar": maps, "FooBarEntry": TEXT}}
    assert refused(place, "self.foo_bar['a'] == self.fooBar['a']") == []
