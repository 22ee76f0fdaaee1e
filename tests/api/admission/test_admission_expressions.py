"""Variables and values of named types, as text and as results."""

import pytest

from miniplane.api.admission import expressions, source


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("variables.a", "__variable_a"),
        ("x.variables.a", "x.variables.a"),
        ("'variables.a' + \"variables.b\"", "'variables.a' + \"variables.b\""),
        ("variables.a // variables.b", "__variable_a // variables.b"),
        ("has(variables.a) && variables.a", "true && __variable_a"),
        ("variables . a.b", "__variable_a.b"),
    ],
)
def test_variables(written, becomes) -> None:
    assert source.with_identifiers(written) == becomes


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("Object{}", '{"__type": "Object", }'),
        ("Object{a: 1, b: c ? d : e}", '{"__type": "Object", "a": 1, "b": c ? d : e}'),
        ("{'a': x, 'b': Object.b {c: 1}}", '{\'a\': x, \'b\': {"__type": "Object.b", "c": 1}}'),
        ('"Object{a: 1}"', '"Object{a: 1}"'),
        ("Object{?a: object.?b}", '{"__type": "Object", ?"a": object.?b}'),
        ("MyObject.x == y", "MyObject.x == y"),
    ],
)
def test_named_types(written, becomes) -> None:
    assert source.with_maps(written) == becomes


def test_named_types_come_out_as_plain_data() -> None:
    text = "Object{spec: Object.spec{l: [Object.spec.l{n: 1}], m: {'x': 'y'}}}"
    found = expressions.Program(text).ask({})
    assert expressions.plain(found) == {"spec": {"l": [{"n": 1}], "m": {"x": "y"}}}
    with pytest.raises(
        ValueError, match=r'unexpected type name "Object.a", expected "Object.spec"'
    ):
        expressions.plain(expressions.Program("Object{spec: Object.a{}}").ask({}))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (
            "object.a && params.b.c == 1",
            "compilation failed: ERROR: <input>:1:13: undeclared reference to 'params' (in "
            "container '')\n | object.a && params.b.c == 1\n | ............^",
        ),
        ("object.a", "must evaluate to bool but got dyn"),
        ("[1]", "must evaluate to bool but got list(int)"),
        ("{'a': 'b'}", "must evaluate to bool but got map(string, string)"),
        ("request.kind", "must evaluate to bool but got kubernetes.GroupVersionKind"),
    ],
)
def test_faults_are_worded_as_cel_go_words_them(expression, said) -> None:
    with pytest.raises(expressions.CompileError) as caught:
        expressions.Checker(params=False).check(expression, (expressions.BOOL,))
    assert str(caught.value) == said
