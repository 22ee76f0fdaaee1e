import pytest

from miniplane.api.errors import StatusError
from miniplane.server import encode, media, negotiate
from miniplane.server.negotiate import Media

PROTOBUF = "application/vnd.kubernetes.protobuf"
AS_TABLE = "as=Table;v=v1;g=meta.k8s.io"
AS_PARTIAL = "as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
TABLE = f"application/json;{AS_TABLE}"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Media()),
        ("*/*", Media()),
        ("application/json", Media()),
        ("application/yaml", Media("application/yaml")),
        ("application/vnd.kubernetes.protobuf,application/json", Media(PROTOBUF)),
        ("application/vnd.kubernetes.protobuf;q=0.5,application/json", Media()),
        (f"application/vnd.kubernetes.protobuf;{AS_TABLE},application/json", Media()),
        (
            f"application/vnd.kubernetes.protobuf;{AS_TABLE},{TABLE},application/json",
            Media(convert="Table", version="v1"),
        ),
        (f"{PROTOBUF};{AS_PARTIAL}", Media(PROTOBUF, "PartialObjectMetadata", "v1")),
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
def test_the_best_clause_that_can_be_served_is_chosen(header, expected):
    assert negotiate.for_object(header) == expected


@pytest.mark.parametrize(
    ("header", "start"),
    [
        ("text/plain", "406: Not Acceptable\n\nAvailable representations: application/json, "),
        ("application/*", "406: Not Acceptable\n\nAvailable representations: application/json, "),
        ("application/json;as=Nope;v=v1;g=meta.k8s.io", "only the following media types are"),
        (f"{PROTOBUF};{AS_TABLE}", "only the following media types are accepted: "),
    ],
)
def test_what_cannot_be_served_is_refused_in_the_words_of_the_step_that_refuses(header, start):
    with pytest.raises(StatusError) as caught:
        negotiate.for_object(header)
    assert (caught.value.code, caught.value.reason) == (406, "NotAcceptable")
    assert caught.value.message.startswith(start)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", "application/json"),
        ("Application/JSON", "application/json"),
        ("application/json;", "application/json"),
        ('application/yaml; charset=utf-8 ;a="b;c"; ', "application/yaml"),
        (f"{PROTOBUF};stream=watch", PROTOBUF),
    ],
)
def test_the_media_type_of_a_body(header, found):
    assert media.of_body(header) == found


@pytest.mark.parametrize(
    "header", ["text/plain", "json", "application/json; utf-8", "application/json;;a=b", "a/b,c/d"]
)
def test_a_body_of_another_type_or_of_none_that_can_be_read_is_refused(header):
    with pytest.raises(StatusError, match="accepted media types include: application/json, ") as e:
        media.of_body(header)
    assert (e.value.code, e.value.reason) == (415, "UnsupportedMediaType")


def test_a_list_can_also_be_streamed():
    with pytest.raises(StatusError, match="application/json;stream=watch"):
        negotiate.for_list("text/html")
    assert negotiate.for_list("application/json;stream=watch").stream == "watch"


def test_protobuf_can_be_streamed():
    assert negotiate.for_stream(f"{PROTOBUF};stream=watch").type == PROTOBUF
    assert negotiate.for_stream(PROTOBUF).type == PROTOBUF


def test_yaml_cannot_be_streamed():
    with pytest.raises(StatusError, match="accepted: application/json;stream=watch"):
        negotiate.for_stream("application/yaml")


def test_discovery_is_aggregated_where_that_is_asked_for_at_all():
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert negotiate.for_discovery(f"{aggregated},application/json").convert
    assert negotiate.for_discovery(f"application/json,{aggregated}").convert
    assert not negotiate.for_discovery("*/*").convert
    assert negotiate.for_discovery(aggregated.replace("json", "vnd.kubernetes.protobuf")) == Media(
        PROTOBUF, "APIGroupDiscoveryList", "v2"
    )
    old = aggregated.replace("v2", "v2beta1")
    assert negotiate.for_discovery(f"{old},application/json") == Media()


def test_an_error_is_always_written():
    assert negotiate.for_error("text/plain") == Media(pretty=True)
    assert negotiate.for_error(TABLE) == Media(pretty=True)
    assert negotiate.for_error(f"{TABLE},application/json") == Media()
    assert negotiate.for_error("application/yaml").type == "application/yaml"
    assert negotiate.for_error(PROTOBUF).type == PROTOBUF


def test_custom_resources_have_no_messages_but_their_metadata_has():
    assert negotiate.for_object(f"{PROTOBUF},application/json", custom=True) == Media()
    assert negotiate.for_list(f"{PROTOBUF};{AS_PARTIAL}", custom=True).type == PROTOBUF
    for header in (PROTOBUF, "text/plain"):
        with pytest.raises(StatusError, match="only the following media types are accepted: "):
            negotiate.for_object(header, custom=True)


def test_yaml_is_written_as_go_writes_it():
    value = {
        "metadata": {"resourceVersion": "4", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "data": {
            **{"bool": "on", "float": "1e3", "letter": "y", "nothing": "", "text": "a b"},
            **{"mark": "*", "braces": "{}", "lines": "a\nb\n"},
        },
    }
    assert encode.dump(value, Media("application/yaml"), False).decode() == (
        "data:\n"
        '  bool: "on"\n'
        "  braces: '{}'\n"
        '  float: "1e3"\n'
        '  letter: "y"\n'
        "  lines: |\n"
        "    a\n"
        "    b\n"
        "  mark: '*'\n"
        '  nothing: ""\n'
        "  text: a b\n"
        "metadata:\n"
        '  creationTimestamp: "2026-01-01T00:00:00Z"\n'
        '  resourceVersion: "4"\n'
    )
