"""The OpenAPI v2 document in protobuf, read back with what reads everybody's protobuf."""

import json

from miniplane.api import openapi
from miniplane.api.protobuf import wire
from miniplane.server import openapi_protobuf


def fields(message):
    """The contents of a message's fields, by number."""
    found = {}
    for number, _, content in wire.fields(message):
        found.setdefault(number, []).append(content)
    return found


def named(messages):
    """What is in a list of names and values."""
    return {entry[1][0].decode(): entry[2][0] for entry in map(fields, messages)}


def extensions(messages):
    return {name: json.loads(fields(any_)[2][0]) for name, any_ in named(messages).items()}


def test_a_schema_keeps_everything_that_is_said_of_it():
    schema = {
        "description": "words",
        "type": "object",
        "required": ["a", "b"],
        "properties": {
            "a": {"$ref": "#/definitions/x", "x-kubernetes-list-type": "map"},
            "b": {"type": "array", "items": {"type": "integer", "format": "int32"}},
            "c": {"type": "object", "additionalProperties": {"type": "string"}},
            "d": {"enum": ["x", 1], "default": {"y": 2}, "minimum": 0.5, "maxLength": 300},
            "e": {"additionalProperties": True},
        },
    }
    [definition] = fields(openapi_protobuf.encode({"definitions": {"name": schema}}))[9]
    message = fields(named(fields(definition)[1])["name"])
    assert message[4] == [b"words"]
    assert [fields(kind) for kind in message[22]] == [{1: [b"object"]}]
    assert message[19] == [b"a", b"b"]
    inner = {k: fields(v) for k, v in named(fields(message[25][0])[1]).items()}
    assert list(inner) == ["a", "b", "c", "d", "e"]
    assert inner["a"][1] == [b"#/definitions/x"]
    assert extensions(inner["a"][31]) == {"x-kubernetes-list-type": "map"}
    item = fields(fields(inner["b"][23][0])[1][0])
    assert (item[2], fields(item[22][0])) == ([b"int32"], {1: [b"integer"]})
    values = fields(fields(inner["c"][21][0])[1][0])
    assert fields(values[22][0]) == {1: [b"string"]}
    assert [json.loads(fields(value)[2][0]) for value in inner["d"][20]] == ["x", 1]
    assert json.loads(fields(inner["d"][5][0])[2][0]) == {"y": 2}
    assert (wire.double(inner["d"][9][0]), inner["d"][11]) == (0.5, [300])
    assert fields(inner["e"][21][0]) == {2: [1]}


def test_the_document_says_which_patches_are_validated():
    document = json.loads(openapi.v2_document())
    message = fields(openapi_protobuf.encode(document))
    assert message[1] == [b"2.0"]
    assert list(named(fields(message[9][0])[1])) == list(document["definitions"])
    paths = named(fields(message[8][0])[2])
    assert list(paths) == list(document["paths"])
    item = fields(paths["/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"])
    patch = fields(item[8][0])
    assert extensions(patch[13])["x-kubernetes-group-version-kind"] == {
        "group": "apps",
        "version": "v1",
        "kind": "StatefulSet",
    }
    parameters = [fields(fields(entry)[1][0]) for entry in patch[8]]
    queries = [fields(fields(entry[2][0])[3][0])[4][0] for entry in parameters if 2 in entry]
    assert b"fieldValidation" in queries
    [body] = [fields(entry[1][0]) for entry in parameters if 1 in entry]
    assert (body[2], body[3], body[4]) == ([b"body"], [b"body"], [1])
    in_path = [fields(fields(fields(entry)[1][0])[2][0]) for entry in item[9]]
    assert [fields(entry[4][0])[4][0] for entry in in_path if 4 in entry] == [b"namespace", b"name"]
    answers = named(fields(patch[9][0])[1])
    assert list(answers) == ["200", "201", "401"]
    assert fields(fields(answers["200"])[1][0])[1] == [b"OK"]
