"""Label selectors: grammar, error texts and matching, as apimachinery's `pkg/labels`."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniplane.api.errors import StatusError
from miniplane.api.selectors import labels

NAME_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


@pytest.mark.parametrize(
    ("text", "matching", "other"),
    [
        ("app=web", {"app": "web"}, {"app": "db"}),
        ("app==web", {"app": "web"}, {}),
        ("app!=web", {}, {"app": "web"}),
        ("app in (web, db)", {"app": "db"}, {"app": "cache"}),
        ("app notin (web,db)", {"x": "y"}, {"app": "db"}),
        ("app", {"app": ""}, {}),
        ("!app", {"b": "c"}, {"app": "x"}),
        ("n>3", {"n": "4"}, {"n": "3"}),
        ("n<3", {"n": "2"}, {"n": "three"}),
        ("n>3", {"n": "+4"}, {"n": "4_0"}),
        ("n>3", {"n": "0" * 5000 + "4"}, {"n": "9" * 5000}),
        ("n<3", {"n": "-9223372036854775808"}, {"n": "-9223372036854775809"}),
        ("app=", {"app": ""}, {}),
        ("app in ()", {"app": ""}, {"app": "x"}),
        ("app in (,web,)", {"app": ""}, {"app": "x"}),
        ("in in (in)", {"in": "in"}, {"in": "notin"}),
        ("example.com/a=b,c", {"example.com/a": "b", "c": ""}, {"c": ""}),
        (" a = b , c notin ( d ) ", {"a": "b", "c": "e"}, {"a": "b", "c": "d"}),
    ],
)
def test_what_matches(text, matching, other):
    selector = labels.parse(text)
    assert selector.matches(matching)
    assert not selector.matches(other)
    assert not selector.empty


@pytest.mark.parametrize("text", ["", "  ", "\t"])
def test_an_empty_selector_selects_everything(text):
    selector = labels.parse(text)
    assert selector.empty
    assert selector.matches({})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("app=>web", "unable to parse requirement: found '>', expected: identifier"),
        ("app in (web", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("app in (web,", "unable to parse requirement: found '', expected: ',', or identifier"),
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("app in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        (
            "app web",
            "unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("app=a b", "found 'b', expected: ',' or 'end of string'"),
        ("!app=a", "found '=', expected: ',' or 'end of string'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        (",app", "found ',', expected: !, identifier, or 'end of string'"),
        ("app,", "found '', expected: identifier after ','"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("-app=web", f'unable to parse requirement: <nil>: Invalid value: "-app": {NAME_RULE}'),
        (
            "/app",
            'unable to parse requirement: <nil>: Invalid value: "/app": prefix part must be '
            "non-empty",
        ),
        (
            "app>five",
            "unable to parse requirement: values[0]: Invalid value: \"five\": for 'Gt', 'Lt' "
            "operators, the value must be an integer",
        ),
        (
            f"app={'x' * 64}",
            f'unable to parse requirement: values[0][app]: Invalid value: "{"x" * 64}": must be '
            "no more than 63 bytes",
        ),
    ],
)
def test_error_texts(text, message):
    with pytest.raises(StatusError) as caught:
        labels.parse(text)
    assert caught.value.message == message
    assert (caught.value.code, caught.value.reason) == (400, "BadRequest")


def test_two_things_wrong_are_both_named():
    with pytest.raises(StatusError) as caught:
        labels.parse("n>-")
    assert caught.value.message.startswith("unable to parse requirement: [values[0]: ")
    assert "values[0][n]: " in caught.value.message


def test_selectors_print_sorted_by_key_and_parse_back():
    selector = labels.parse("z,b in (y,x),a!=1,!c,d>4")
    assert str(selector) == "a!=1,b in (x,y),!c,d>4,z"
    assert labels.parse(str(selector)) == selector
    assert len({labels.parse(str(selector)), selector}) == 1


def test_the_exact_value_of_a_key():
    selector = labels.parse("a=1,b in (2),c in (3,4),d")
    assert [selector.exact(k) for k in "abcde"] == ["1", "2", None, None, None]


def test_parsing_is_cached():
    assert labels.parse("cache=me") is labels.parse("cache=me")


def test_selector_objects():
    assert not labels.from_obj(None).matches({})
    assert not labels.from_obj(None).empty
    assert labels.from_obj({}).empty
    selector = labels.from_obj(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front", "back"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "zone", "operator": "Exists"},
                {"key": "canary", "operator": "NotIn", "values": ["yes"]},
            ],
        }
    )
    assert selector.matches({"app": "web", "tier": "back", "zone": ""})
    assert not selector.matches({"app": "web", "tier": "back", "zone": "", "old": "x"})
    assert not selector.matches({"app": "web", "tier": "back"})


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            {"key": "a", "operator": "In"},
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            {"key": "a", "operator": "Exists", "values": ["x"]},
            'values: Invalid value: ["x"]: values set must be empty for exists and does not exist',
        ),
        ({"key": "a", "operator": "Near"}, '"Near" is not a valid label selector operator'),
    ],
)
def test_selector_objects_that_make_no_sense(expression, message):
    with pytest.raises(StatusError) as caught:
        labels.from_obj({"matchExpressions": [expression]})
    assert caught.value.message == message
    assert labels.format_selector({"matchExpressions": [expression]}) == "<error>"


def test_plain_maps():
    assert labels.from_map({}).empty
    assert labels.from_map({"a": "b"}).matches({"a": "b", "c": "d"})
    assert not labels.from_map({"a": "b", "c": "d"}).matches({"a": "b"})


STEADY = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def parses_back_or_is_refused(text):
    try:
        selector = labels.parse(text)
    except StatusError as error:
        assert error.code == 400
    else:
        assert labels.parse(str(selector)) == selector


@STEADY
@given(st.text(max_size=40))
def test_any_text(text):
    parses_back_or_is_refused(text)


@STEADY
@given(st.text(alphabet="ab=!(),<> inot\t", max_size=25))
def test_texts_close_to_the_grammar(text):
    parses_back_or_is_refused(text)
