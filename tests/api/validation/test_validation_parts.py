"""What validation offers beside whole objects: scales, bindings, tokens, schedules, patterns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniplane.api import cron, validation
from miniplane.api.validation import checks, patterns


def words(errors):
    return [str(error) for error in errors]


def test_scales():
    assert validation.scale({"spec": {"replicas": 0}}) == []
    assert validation.scale({}) == []
    assert words(validation.scale({"spec": {"replicas": -2}})) == [
        "spec.replicas: Invalid value: -2: must be greater than or equal to 0"
    ]


def test_bindings():
    assert validation.binding({"target": {"kind": "Node", "name": "n1"}}) == []
    assert words(validation.binding({"target": {"kind": "Pod"}})) == [
        'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
        "target.name: Required value",
    ]


def test_tokens():
    assert validation.token_request({"spec": {"expirationSeconds": 600}}) == []
    assert words(validation.token_request({"spec": {"expirationSeconds": 60}})) == [
        "spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes"
    ]
    assert words(validation.token_request({"spec": {"expirationSeconds": 2**33}})) == [
        "spec.expirationSeconds: Invalid value: 8589934592: "
        "may not specify a duration larger than 2^32 seconds"
    ]


def container(**amounts):
    parts: dict[str, dict[str, str]] = {}
    for name, amount in amounts.items():
        kind, _, resource = name.partition("_")
        parts.setdefault(kind, {})[resource] = amount
    return {"resources": parts}


@pytest.mark.parametrize(
    ("spec", "quality"),
    [
        ({}, "BestEffort"),
        ({"containers": [container()]}, "BestEffort"),
        ({"containers": [container(requests_cpu="0")]}, "BestEffort"),
        ({"containers": [container(requests_cpu="1")]}, "Burstable"),
        ({"containers": [container(limits_cpu="1", requests_cpu="1")]}, "Burstable"),
        (
            {
                "containers": [
                    container(
                        limits_cpu="1",
                        requests_cpu="1000m",
                        limits_memory="1Gi",
                        requests_memory="1024Mi",
                    )
                ]
            },
            "Guaranteed",
        ),
        (
            {
                "containers": [container(limits_cpu="1", requests_cpu="1")],
                "initContainers": [container()],
            },
            "Burstable",
        ),
    ],
)
def test_quality_of_service(spec, quality):
    assert validation.quality_of_service(spec) == quality


@pytest.mark.parametrize(
    "schedule",
    [
        "* * * * *",
        "*/5 0-12/2 1,15 jan-DEC mon-fri",
        "0 0 ? * SUN",
        "@hourly",
        "@every 1h30m",
        "@yearly",
    ],
)
def test_good_schedules(schedule):
    assert cron.schedule_problem(schedule) == ""


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("* * *", "expected exactly 5 fields, found 3: [* * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("@never", "unrecognized descriptor: @never"),
        ("", "empty spec string"),
    ],
)
def test_bad_schedules(schedule, problem):
    assert cron.schedule_problem(schedule) == problem


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]+$",
        r"\p{L}+\z",
        r"\Qa(\E",
        "(?i)a(?i:b)",
        "[[:alpha:]]",
        "(?P<n>a)(?<m>b)",
        "[a*+(?=]",
        r"\\p{",
        "a*?",
    ],
)
def test_patterns_that_go_takes(pattern):
    assert patterns.problem(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(", "missing closing ): `(`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("*a", "missing argument to repetition operator: `*a`"),
        ("a++", "invalid nested repetition operator: `++`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        (r"(a)\1", r"invalid escape sequence: `\1`"),
        ("\\", "trailing backslash at end of expression: ``"),
        (r"\q", r"invalid escape sequence: `\q`"),
    ],
)
def test_patterns_that_go_refuses(pattern, problem):
    assert patterns.problem(pattern) == problem


SMALL = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=5,
)


def trimmed(value):
    if isinstance(value, dict):
        kept = {key: trimmed(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None}
    if isinstance(value, list):
        return [trimmed(item) for item in value] or None
    return value


@given(SMALL, SMALL)
def test_what_is_absent_null_or_an_empty_list_is_equal(one, two):
    assert checks.equal(one, two) == (trimmed(one) == trimmed(two))
    assert checks.equal(one, trimmed(one))
