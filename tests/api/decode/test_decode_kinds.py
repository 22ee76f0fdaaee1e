"""Bodies of another kind or version than the URL asks for."""

import pytest

from miniplane.api import decode
from miniplane.api.errors import StatusError
from miniplane.api.resources import resource

CONFIG_MAPS = resource("configmaps")
DEPLOYMENTS = resource("deployments", "apps")


def refused(raw, row, **more) -> str:
    with pytest.raises(StatusError) as caught:
        decode.check_type(raw, row, **more)
    assert caught.value.code == 400
    return caught.value.message


@pytest.mark.parametrize(
    "raw",
    [
        {},
        None,
        {"kind": "ConfigMap"},
        {"apiVersion": "v1"},
        {"apiVersion": "", "kind": ""},
        {"apiVersion": None, "kind": "ConfigMap"},
        {"apiVersion": "v1", "kind": "ConfigMap"},
    ],
)
def test_what_fits_or_is_missing_passes(raw):
    assert decode.check_type(raw, CONFIG_MAPS) is None


@pytest.mark.parametrize(
    ("api_version", "kind", "why"),
    [
        ("v1", "Secret", "converting (v1.Secret) to (core.ConfigMap): unknown conversion"),
        ("apps/v1", "Deployment", "converting (v1.Deployment) to (core.ConfigMap): "
         "unknown conversion"),
        ("v1", "Gadget", 'no kind "Gadget" is registered for version "v1" in scheme '
         '"pkg/api/legacyscheme/scheme.go:30"'),
        ("apps/v1", "ConfigMap", 'no kind "ConfigMap" is registered for version "apps/v1" in '
         'scheme "pkg/api/legacyscheme/scheme.go:30"'),
    ],
)  # fmt: skip
def test_other_kinds(api_version, kind, why):
    message = refused({"apiVersion": api_version, "kind": kind}, CONFIG_MAPS)
    assert message == f'{kind} in version "v1" cannot be handled as a ConfigMap: {why}'


def test_older_versions_of_the_same_kind():
    raw = {"apiVersion": "extensions/v1beta1", "kind": "Deployment"}
    assert refused(raw, DEPLOYMENTS) == (
        "the API version in the data (extensions/v1beta1) does not match the expected API version "
        "(apps/v1)"
    )
    other = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler"}
    row = resource("horizontalpodautoscalers", "autoscaling", "v2")
    assert "(autoscaling/v1) does not match" in refused(other, row)
    moved = {"apiVersion": "events.k8s.io/v1", "kind": "Event"}
    assert "(events.k8s.io/v1) does not match" in refused(moved, resource("events"))


def test_subresources_have_kinds_of_their_own():
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale"}
    wanted = {"kind": "Scale", "api_version": "autoscaling/v1"}
    assert decode.check_type(scale, DEPLOYMENTS, **wanted) is None
    assert "unknown conversion" in refused(scale, DEPLOYMENTS)


def test_bodies_that_are_no_objects():
    prefix = "the object provided is unrecognized (must be of type ConfigMap): "
    assert refused([], CONFIG_MAPS, data=b"[]") == (
        prefix + "couldn't get version/kind; json parse error: json: cannot unmarshal array into "
        'Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
        'Kind string "json:\\"kind,omitempty\\"" } (5b5d)'
    )
    assert refused({"kind": 1}, CONFIG_MAPS, data=b'{"kind":1}') == (
        prefix + "couldn't get version/kind; json parse error: json: cannot unmarshal number into "
        'Go struct field .kind of type string ({"kind":1})'
    )
    assert refused({"apiVersion": "a/b/c"}, CONFIG_MAPS).startswith(
        prefix + "unexpected GroupVersion string: a/b/c"
    )
