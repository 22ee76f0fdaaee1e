"""Continue tokens that are none, and what does not go with one."""

import base64
import json

import pytest

from miniplane.api.options import ListOptions
from miniplane.api.resources import CONFIGMAPS
from miniplane.testing import objects


def token(text):
    raw = text if isinstance(text, str) else json.dumps(text)
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def v1(**fields):
    return token({"v": "meta.k8s.io/v1", "rv": 5, "start": "default/a", **fields})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a!bc", ": illegal base64 data at input byte 1"),
        ("abcde", ": illegal base64 data at input byte 4"),
        ("YWI=", ": illegal base64 data at input byte 3"),
        (token("ab"), ": invalid character 'a' looking for beginning of value"),
        (token("[]"), ": json: cannot unmarshal array into Go value of type storage.continueToken"),
        (
            v1(rv="5"),
            ": json: cannot unmarshal string into Go struct field continueToken.rv of type int64",
        ),
        (
            v1(start=True),
            ": json: cannot unmarshal bool into Go struct field continueToken.start of type string",
        ),
        (token({}), ": server does not recognize this encoded version "),
        (v1(v="v2"), ": server does not recognize this encoded version v2"),
        (v1(rv=0), ": incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
        (v1(start=""), ": encoded start key empty (version meta.k8s.io/v1)"),
        (v1(start="a/../b"), ": a/../b"),
        (v1(start="a/"), ": a/"),
        (v1(start="//a"), ": //a"),
        (token("null"), ": server does not recognize this encoded version "),
    ],
)
def test_a_bad_token_is_refused_with_the_reason(world, text, why):
    options = ListOptions(continue_=text)
    with world.refused(400, "BadRequest") as caught:
        world.registry.list(CONFIGMAPS, "", options)
    assert caught.value.message == f"invalid continue token: continue key is not valid{why}"


def test_a_token_knows_its_revision(world):
    for name in "ab":
        world.create(CONFIGMAPS, objects.config_map(name))
    first = world.registry.list(CONFIGMAPS, "default", ListOptions(limit=1))
    following = ListOptions(continue_=first.continue_token, resource_version="3")
    with world.refused(400, "BadRequest", "not allowed when using continue"):
        world.registry.list(CONFIGMAPS, "default", following)
    anyhow = ListOptions(continue_=first.continue_token, resource_version="0")
    assert len(world.registry.list(CONFIGMAPS, "default", anyhow).items) == 1


def test_a_list_of_one_name_in_one_place_has_one_page(world):
    for name in "ab":
        world.create(CONFIGMAPS, objects.config_map(name))
    one = ListOptions(limit=1, field_selector="metadata.name=a")
    there = world.registry.list(CONFIGMAPS, "default", one)
    assert (len(there.items), there.continue_token) == (1, "")
    anywhere = world.registry.list(CONFIGMAPS, "", one)
    assert (len(anywhere.items), bool(anywhere.continue_token)) == (1, True)
