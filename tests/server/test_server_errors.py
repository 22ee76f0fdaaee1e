import logging

import pytest

from miniplane.api import errors, resources

POD = "/api/v1/namespaces/default/pods/web-0"
NOT_SERVED = "the server could not find the requested resource"


@pytest.mark.parametrize("path", ["/foo", "/apis/nope.example.com", "/apis/nope.example.com/v1/a"])
async def test_paths_with_nothing_behind_them(http, path):
    answer = await http(f"GET {path}")
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.type == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/apis/apps/v1beta1/deployments",
        "/api/v1/gadgets",
        "/api/v1/namespaces/default/gadgets",
        "/apis/apps/v1/namespaces/default/pods",
        "/api/v1/namespaces/default/configmaps/a/status",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/namespaces/default/pods/a/b/c",
        "/api/v1/namespaces/default/pods/a/log/c",
        "/api/v1/pods/a",
        "/api/v1/watch/componentstatuses",
        "/api/v2/pods",
        "/api/v1/namespaces//pods",
    ],
)
async def test_known_groups_answer_a_status(http, path):
    answer = await http(f"GET {path}")
    assert answer.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": NOT_SERVED,
        "reason": "NotFound",
        "details": {},
        "code": 404,
    }
    assert answer.status == 404


@pytest.mark.parametrize(
    "line",
    [
        f"POST {POD}",
        "PUT /api/v1/namespaces/default/pods",
        "POST /api/v1/pods",
        "DELETE /api/v1/pods",
        "DELETE /api/v1/namespaces",
        "GET /apis/authorization.k8s.io/v1/subjectaccessreviews",
        f"DELETE {POD}/status",
        "OPTIONS /api/v1/pods",
        "POST /version",
    ],
)
async def test_methods_that_a_path_does_not_have(http, line):
    answer = await http(line)
    assert answer.status == 405
    assert (
        answer.json["message"] == "the server does not allow this method on the requested resource"
    )
    assert answer.json["reason"] == "MethodNotAllowed"


async def test_an_error_of_the_registry_is_the_answer(http):
    answer = await http(f"GET {POD}")
    assert answer.status == 404
    assert answer.json == errors.not_found(resources.PODS, "web-0").to_status()


async def test_an_error_is_written_in_the_form_that_was_asked_for(http):
    answer = await http(f"GET {POD}", Accept="application/yaml")
    assert (answer.status, answer.type) == (404, "application/yaml")
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    answer = await http(f"GET {POD}", Accept=table)
    assert answer.json["kind"] == "Status"
    answer = await http(f"GET {POD}", User_Agent="curl/8")
    assert answer.body.startswith(b'{\n  "kind": "Status"')


async def test_a_client_is_told_when_to_come_back(http, registry):
    def refuse(*_, **__):
        raise errors.too_many_requests("later", retry_after=7)

    registry.answer["get"] = refuse
    answer = await http(f"GET {POD}")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


async def test_a_defect_is_logged_once_and_shows_no_traceback(http, registry, caplog):
    registry.answer["get"] = lambda *_, **__: {}["secret"]
    with caplog.at_level(logging.ERROR):
        answer = await http(f"GET {POD}")
    assert answer.status == 500
    assert answer.json["reason"] == "InternalError"
    assert b"Traceback" not in answer.body
    assert b"secret" not in answer.body
    assert len(caplog.records) == 1
    # The server goes on.
    registry.answer.clear()
    assert (await http(f"GET {POD}")).status == 404


async def test_a_long_query_is_read(http, registry):
    names = ",".join(f"name-{i}" for i in range(5000))
    await http(f"GET /api/v1/pods?labelSelector=app+in+({names})")
    (_, _, options), _ = registry.last("list")
    assert options.label_selector == f"app in ({names})"
