"""Parsing JSON and YAML bodies: messages, doubled keys, limits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniplane.api import decode
from miniplane.api.decode import gojson, goyaml
from miniplane.api.errors import StatusError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


def message_of(call, *args, **kwargs) -> str:
    with pytest.raises(StatusError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == 400
    assert caught.value.reason == "BadRequest"
    return caught.value.message


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"a": ', "unexpected end of JSON input"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"{}x", "invalid character 'x' after top-level value"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b'"a\nb"', "invalid character '\\n' in string literal"),
        (b'"\\x"', "invalid character 'x' in string escape code"),
        (b'"\\u12g"', "invalid character 'g' in \\u hexadecimal character escape"),
        (b"-", "invalid character ' ' in numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"1ex", "invalid character 'x' in exponent of numeric literal"),
        (b"trux", "invalid character 'x' in literal true (expecting 'e')"),
        (b"[e", "invalid character 'e' looking for beginning of value"),
        (b"\xff", "invalid character 'ÿ' looking for beginning of value"),
        (b"'", "invalid character '\\'' looking for beginning of value"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
    ],
)
def test_malformed_json_reads_as_go_says_it(body, cause):
    assert message_of(decode.parse_json, body) == cause


def test_malformed_json_names_the_wanted_kind_and_shows_the_body():
    text = '{"apiVersion": "v1", "kind": "ConfigMap", '
    assert message_of(decode.parse_json, text.encode(), kind="ConfigMap") == (
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
        "version/kind; json parse error: unexpected end of JSON input "
        '({"apiVersion": "v1", "kind": " ...)'
    )
    assert message_of(decode.parse_json, b"", kind="Pod").endswith("(<empty>)")
    assert message_of(decode.parse_json, b"hello", kind="Pod").endswith("(68656c6c6f)")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 300 + b"]" * 300])
def test_deep_json_is_refused(body):
    assert "exceeded max depth" in message_of(decode.parse_json, body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{a: " * 100_000, b"- " * 100_000])
def test_deep_yaml_is_refused(body):
    assert message_of(decode.parse_yaml, body).startswith("yaml: ")


def test_integers_are_exact_and_larger_ones_become_floats():
    value, _ = decode.parse_json(b"[9223372036854775807, -9223372036854775808, -0]")
    assert value == [2**63 - 1, -(2**63), 0]
    assert decode.parse_json(b"18446744073709551616")[0] == 2.0**64


def test_doubled_keys_are_found_behind_escapes_and_colons():
    for body in (
        rb'{"a":"x\u003ay","b":1,"b":2}',
        rb'{"b":1, "b" : 2}',
        rb'{"b\u003a":1,"b:":2}',
        rb'{"b":"::","b":2}',
    ):
        value, _ = decode.parse_json(body)
        assert isinstance(value, gojson.Duplicated), body
    value, _ = decode.parse_json(rb'{"a":"\u003a::","b":{"a":1}}')
    assert value == {"a": ":::", "b": {"a": 1}}
    assert not isinstance(value, gojson.Duplicated)


def test_what_is_no_unicode_becomes_replacement_characters():
    assert decode.parse_json(b'"a\xff\xfeb"')[0] == "a\ufffd\ufffdb"
    assert decode.parse_json(rb'"\ud800x\ud83d\ude00\\ud800"')[0] == "\ufffdx\U0001f600\\ud800"


@given(JSON)
def test_json_survives(value):
    parsed, doubled = decode.parse_json(json.dumps(value).encode())
    assert parsed == value
    assert doubled == []


@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:0123 tfn\\u-.e', max_size=40))
def test_any_body_is_parsed_or_refused(body):
    data = body if isinstance(body, bytes) else body.encode()
    for parse in (decode.parse_json, decode.parse_yaml):
        try:
            parse(data, kind="Pod")
        except StatusError as error:
            assert error.code == 400


@given(st.text(alphabet='{}[]",:01a \\-.\n', max_size=30))
def test_the_slow_scanner_accepts_what_the_fast_parser_accepts(text):
    message, _ = gojson.syntax_error(text.encode())
    try:
        json.loads(text)
    except json.JSONDecodeError:
        assert message
    else:
        assert message == ""


YAML_SCALARS = {
    "y": True, "on": True, "No": False, "~": None, "null": None, "": None, "010": 8, "0x1f": 31,
    "0b11": 3, "0o17": 15, "1_000": 1000, "-5": -5, "+3": 3, "1.0": 1, ".5": 0.5, "1e3": "1e3",
    "1e+3": 1000, "1:30": "1:30", "2024-01-01": "2024-01-01", "2001-12-14T21:59:43Z":
    "2001-12-14T21:59:43Z", "08": 8, "'1'": "1", '"y"': "y", "!!str 12": "12", "a b": "a b",
    "12345678901234567890": 12345678901234567890, "0.1.2": "0.1.2", "=": "=", "|\n  x\n": "x\n",
}  # fmt: skip


@pytest.mark.parametrize("text", YAML_SCALARS)
def test_yaml_scalars_resolve_as_in_go(text):
    assert decode.parse_yaml(f"a: {text}\n".encode())[0] == {"a": YAML_SCALARS[text]}


def test_yaml_keys_anchors_merges_and_documents():
    body = b"1: a\ntrue: b\nbase: &b {x: 1, y: 2}\nover:\n  <<: *b\n  x: 3\nsame: *b\n---\nb: 1\n"
    value, _ = decode.parse_yaml(body)
    assert value == {
        "1": "a",
        "true": "b",
        "base": {"x": 1, "true": 2},
        "over": {"x": 3, "true": 2},
        "same": {"x": 1, "true": 2},
    }


TEXTS = st.text(alphabet=' ab0:#-?,&*!|>%@`~"\\\n[]{}', max_size=8)
DOCUMENTS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    ),
    max_size=4,
)


@given(DOCUMENTS, st.sampled_from([None, 1, 2]))
def test_json_is_read_as_the_yaml_that_it_is(document, indent):
    body = json.dumps(document, indent=indent).encode()
    assert decode.parse_yaml(body) == goyaml.load(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1.0, "b": 1e3, "c": 12345678901234567890123}',
        b'{"base": {"x": 1}, "over": {"<<": {"y": 2}}}',
        b'{"a": "\\u00e9\\/"}',
        '{"a": "\u00e9\u2028"}'.encode(),
        b'{"a": 1, "b": {"c": 1, "c": 2}}',
        b'{"a": 1}\n---\nb: 1\n',
        b"{a: b, c: [d]}",
        b'{"' + b"k" * 1020 + b'": 1}',
    ],
)
def test_yaml_that_only_looks_like_json(body):
    assert decode.parse_yaml(body) == goyaml.load(body)


def test_doubled_yaml_keys_are_reported_together():
    value, doubled = decode.parse_yaml(b"a: 1\nb:\n  c: 1\n  c: 2\na: 2\n")
    assert value == {"a": 2, "b": {"c": 2}}
    assert doubled == [
        'yaml: unmarshal errors:\n  line 4: key "c" already set in map\n'
        '  line 5: key "a" already set in map'
    ]


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"a: b: c", "yaml: mapping values are not allowed in this context"),
        (b"a: *q", "yaml: unknown anchor 'q' referenced"),
        (b"a: .nan", "json: unsupported value: NaN"),
        (b"a: \x00", "yaml: control characters are not allowed"),
        (b"\t- x", "yaml: found character that cannot start any token"),
    ],
)
def test_malformed_yaml(body, cause):
    assert message_of(decode.parse_yaml, body) == cause


def test_a_yaml_bomb_is_refused():
    lines = [b"a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for i in range(1, 12):
        before, name = chr(96 + i), chr(97 + i)
        lines.append(f"{name}: &{name} [{','.join(['*' + before] * 10)}]".encode())
    text = message_of(decode.parse_yaml, b"\n".join(lines))
    assert text == "yaml: document contains excessive aliasing"


@pytest.mark.parametrize("depth", [1, 149, 150, 151, 240, 300])
def test_the_depth_limit_is_the_same_for_json_and_yaml(depth):
    body = b'{"a":' * (depth - 1) + b"[]" + b"}" * (depth - 1)
    for parse in (decode.parse_json, decode.parse_yaml):
        if depth <= gojson.MAX_DEPTH:
            assert parse(body)[1] == []
        else:
            assert "exceeded max depth" in message_of(parse, body)


@pytest.mark.parametrize("text", ["1e999", "-1e400", "1" + "0" * 400])
def test_numbers_that_nothing_can_hold_are_refused(text):
    expected = f"json: cannot unmarshal number {text} into Go value of type float64"
    assert message_of(decode.parse_json, f'{{"a":{text}}}'.encode()) == expected
