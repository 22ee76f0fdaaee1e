import pytest

from miniplane.api.errors import StatusError
from miniplane.server import negotiate
from miniplane.server.negotiate import Media

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("header", "media"),
    [
        ("", Media()),
        ("*/*", Media()),
        ("application/json", Media()),
        ("application/yaml", Media("application/yaml")),
        ("application/vnd.kubernetes.protobuf,application/json", Media()),
        ("application/json;q=0.1, application/yaml;q=0.9", Media("application/yaml")),
        ("*/*, application/yaml", Media("application/yaml")),
        ("application/json;pretty=1", Media(pretty=True)),
        (TABLE, Media(convert="Table", version="v1")),
        (f"{TABLE},application/json", Media(convert="Table", version="v1")),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Media()),
        ("application/json;as=Nope;v=v1;g=meta.k8s.io,application/json", Media()),
        ("application/json;as=Table;v=v1;g=other,application/json", Media()),
        (
            "application/yaml;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io",
            Media("application/yaml", "PartialObjectMetadata", "v1beta1"),
        ),
        ("nonsense,application/json", Media()),
        ("application/json;q=x,application/yaml;q=0.1", Media("application/yaml")),
    ],
)
def test_the_best_clause_that_can_be_served_is_chosen(header, media):
    assert negotiate.for_object(header) == media


@pytest.mark.parametrize(
    ("header", "start"),
    [
        ("text/plain", "406: Not Acceptable\n\nAvailable representations: application/json, "),
        ("application/*", "406: Not Acceptable\n\nAvailable representations: application/json, "),
        ("application/json;as=Nope;v=v1;g=meta.k8s.io", "only the following media types are"),
        ("application/vnd.kubernetes.protobuf", "only the following media types are accepted: "),
    ],
)
def test_what_cannot_be_served_is_refused_in_the_words_of_the_step_that_refuses(header, start):
    with pytest.raises(StatusError) as caught:
        negotiate.for_object(header)
    assert (caught.value.code, caught.value.reason) == (406, "NotAcceptable")
    assert caught.value.message.startswith(start)


def test_a_list_can_also_be_streamed():
    with pytest.raises(StatusError, match="application/json;stream=watch"):
        negotiate.for_list("text/html")
    assert negotiate.for_list("application/json;stream=watch").stream == "watch"


def test_yaml_cannot_be_streamed():
    with pytest.raises(StatusError, match="accepted: application/json;stream=watch"):
        negotiate.for_stream("application/yaml")


def test_discovery_is_aggregated_where_that_is_preferred():
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert negotiate.for_discovery(f"{aggregated},application/json").convert
    assert not negotiate.for_discovery(f"application/json,{aggregated}").convert
    old = aggregated.replace("v2", "v2beta1")
    assert negotiate.for_discovery(f"{old},application/json") == Media()


def test_an_error_is_always_written():
    assert negotiate.for_error("text/plain") == Media()
    assert negotiate.for_error(TABLE) == Media()
    assert negotiate.for_error("application/yaml").type == "application/yaml"
