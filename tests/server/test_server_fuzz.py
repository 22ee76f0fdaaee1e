"""Nothing that a client can put into a request is a defect of the server's."""

import logging

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniplane.api import resources
from miniplane.api.errors import StatusError
from miniplane.config import Config
from miniplane.server import media, negotiate
from miniplane.server.guard import Guard
from miniplane.server.request_info import parse

HEADER = st.text(st.sampled_from('application/jsonyamltext*;,=q0.1as TableMvg"[]:'), max_size=60)
SEGMENT = st.sampled_from(
    ["api", "apis", "v1", "apps", "watch", "namespaces", "pods", "a", "", "status", "%2F", "%", "é"]
)
PATH = st.lists(SEGMENT, max_size=8).map(lambda parts: "/" + "/".join(parts))


@given(PATH)
def test_every_path_can_be_parsed(path):
    info = parse(path)
    assert not info.plural or info.version or info.malformed


@given(HEADER)
def test_every_accept_header_has_an_answer(header):
    for choose in (
        negotiate.for_object,
        negotiate.for_list,
        negotiate.for_stream,
        negotiate.for_document,
        negotiate.for_discovery,
    ):
        try:
            assert choose(header).type in negotiate.MEDIA_TYPES
        except StatusError as error:
            assert error.code == 406
    assert negotiate.for_error(header).type in negotiate.MEDIA_TYPES


@given(HEADER)
def test_every_content_type_has_an_answer(header):
    for choose in (media.of_body, lambda h: media.of_patch(h, empty=False)):
        try:
            choose(header)
        except StatusError as error:
            assert error.code == 415


@given(host=st.text(max_size=30), origin=st.text(max_size=30))
def test_every_host_and_origin_has_an_answer(host, origin):
    assert Guard(Config()).admits(host, origin) in (True, False)


QUERY = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "watch",
                "limit",
                "continue",
                "labelSelector",
                "resourceVersion",
                "resourceVersionMatch",
                "sendInitialEvents",
                "timeoutSeconds",
                "pretty",
                "dryRun",
                "fieldManager",
                "gracePeriodSeconds",
                "includeObject",
            ]
        ),
        st.sampled_from(["", "0", "1", "-1", "true", "x", "%ff", "%", "All", "a%0Ab", "9" * 30]),
    ),
    max_size=4,
).map(lambda pairs: "&".join(f"{key}={value}" for key, value in pairs if key != "watch"))


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD"]),
    path=PATH,
    query=QUERY,
    accept=HEADER,
    body=st.sampled_from([None, b"", b"{}", b"[]", b"null", b"1", b"{", b"\xff", b"a: [b"]),
    content_type=st.sampled_from(
        ["", "application/json", "application/yaml", "application/merge-patch+json", "x/y;="]
    ),
)
async def test_no_request_is_a_defect(
    http, registry, caplog, method, path, query, accept, body, content_type
):
    stored = registry.put(resources.PODS, {"metadata": {"name": "a", "namespace": "a"}})
    registry.answer["patch"] = lambda *_, **__: registry.result(stored)
    registry.answer["delete"] = registry.answer["patch"]
    registry.answer["create"] = registry.answer["update"] = registry.answer["patch"]
    with caplog.at_level(logging.ERROR):
        answer = await http(
            f"{method} {path}?{query}",
            body=body,
            Accept=accept,
            Content_Type=content_type,
            User_Agent="fuzz",
        )
    assert answer.status < 500, answer
    assert not caplog.records
