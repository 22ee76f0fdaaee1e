"""Quantities: what parses, how a server writes it back, and exact arithmetic."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniplane.api import quantity
from miniplane.api.quantity import Quantity, canonical, parse


@pytest.mark.parametrize(
    ("given_text", "written"),
    [
        ("1", "1"),
        ("0", "0"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1024Mi", "1Gi"),
        ("1025Mi", "1025Mi"),
        ("1024Ki", "1Mi"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("1000k", "1M"),
        ("1e3", "1e3"),
        ("1E3", "1E3"),
        ("12e4", "120e3"),
        ("1E", "1E"),
        ("1Ei", "1Ei"),
        ("-1", "-1"),
        ("-0.5", "-500m"),
        ("100u", "100u"),
        ("1000000n", "1m"),
        ("0.0000000001", "1n"),
        ("0Ki", "0"),
        (1, "1"),
        (1.5, "1500m"),
        (128974848, "128974848"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("16Ei", "9223372036854775807"),
        (" 1Gi ", "1Gi"),
    ],
)
def test_a_server_writes_quantities_in_canonical_form(given_text, written):
    assert canonical(given_text) == written


@pytest.mark.parametrize("text", ["100m", "1Gi", "1e3", "+1", "1.500"])
def test_forms_that_the_server_takes_for_canonical_stay(text):
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", quantity.FORMAT_ERROR),
        ("a", quantity.FORMAT_ERROR),
        ("1 Gi", quantity.FORMAT_ERROR),
        ("1.1.1", quantity.FORMAT_ERROR),
        ("1Zi", quantity.FORMAT_ERROR),
        ("½", quantity.FORMAT_ERROR),
        ("1KI", quantity.FORMAT_ERROR),
        ("--1", quantity.SUFFIX_ERROR),
        ("1mm", quantity.SUFFIX_ERROR),
        ("1e", quantity.SUFFIX_ERROR),
        ("1Mi2", quantity.SUFFIX_ERROR),
    ],
)
def test_what_is_no_quantity_is_refused_in_the_servers_words(text, words):
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("text", "value", "milli"),
    [
        ("1", 1, 1000),
        ("1500m", 2, 1500),
        ("1n", 1, 1),
        ("-1500m", -2, -1500),
        ("1Ki", 1024, 1024000),
        ("1.5", 2, 1500),
        ("0", 0, 0),
    ],
)
def test_integers_are_rounded_away_from_zero(text, value, milli):
    assert quantity.value(text) == value
    assert quantity.to_milli(text) == milli


def test_huge_exponents_cost_nothing():
    big, small = parse("1e2000000000"), parse("1e-2000000000")
    assert big.compare(parse("1")) == 1
    assert small.compare(parse("0")) == 1
    assert (big - small).sign == 1
    assert canonical("1e2000000000")


def test_sums_look_like_their_terms():
    assert str(parse("512Mi") + parse("512Mi")) == "1Gi"
    assert str(parse("500m") + parse("0.5")) == "1"
    assert str(quantity.ZERO + parse("1Mi")) == "1Mi"
    assert str(parse("1") - parse("1500m")) == "-500m"
    assert not quantity.ZERO


def test_equal_amounts_are_equal_whatever_their_form():
    assert parse("1Gi") == parse("1024Mi") == parse(1073741824)
    assert len({parse("1"), parse("1000m"), parse("0.001k")}) == 1
    assert parse("1") != "1"
    assert parse("1m") < parse("2m") <= parse("0.002") < parse("1")
    assert parse("1") > parse("999m") >= parse("0.999")


SUFFIXES = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
POWERS = dict(zip(SUFFIXES[:10], [0, -9, -6, -3, 3, 6, 9, 12, 15, 18], strict=True))


def exact(text: str) -> Fraction:
    digits = text.rstrip("numkKMGTPEi")
    suffix = text[len(digits) :]
    unit = Fraction(10) ** POWERS[suffix] if suffix in POWERS else None
    if unit is None:
        unit = Fraction(1024) ** ("KMGTPE".index(suffix[0]) + 1)
    return Fraction(digits) * unit


AMOUNTS = st.builds(
    lambda sign, whole, part, suffix: f"{sign}{whole}{part}{suffix}",
    st.sampled_from(["", "-", "+"]),
    st.integers(0, 999999),
    st.sampled_from(["", ".5", ".25", ".125"]),
    st.sampled_from(["", "m", "k", "M", "Ki", "Mi"]),
)


@given(AMOUNTS)
def test_canonical_forms_keep_the_value_and_settle(text):
    written = canonical(text)
    # 328.125Ki is written as 336000, which loses its binary form and is 336k when read again.
    assert canonical(canonical(written)) == canonical(written)
    assert parse(written) == parse(text)
    assert exact(written.removeprefix("+")) == exact(text.removeprefix("+"))


@given(AMOUNTS, AMOUNTS)
def test_arithmetic_is_exact(one, other):
    a, b = parse(one), parse(other)
    left, right = exact(one.removeprefix("+")), exact(other.removeprefix("+"))
    assert a.compare(b) == (left > right) - (left < right)
    assert exact(str(a + b)) == left + right
    assert exact(str(a - b)) == left - right
    assert quantity.compare(one, other) == a.compare(b)
    assert hash(a) != hash(b) or a == b


@given(st.text(max_size=12) | st.from_regex(r"[-+]?[0-9.]{1,6}[eEinumkKMGTP]{0,3}[-+]?[0-9]{0,12}"))
def test_anything_is_a_quantity_or_a_value_error(text):
    try:
        found = parse(text)
    except ValueError as error:
        assert str(error) in (
            quantity.FORMAT_ERROR,
            quantity.NUMERIC_ERROR,
            quantity.SUFFIX_ERROR,
        )
        return
    assert isinstance(found, Quantity)
    written = canonical(canonical(text))
    assert canonical(written) == written
