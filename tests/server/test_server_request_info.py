import pytest

from miniplane.server.request_info import parse


def fields(path: str) -> tuple[str, str, str, str, str, str]:
    i = parse(path)
    return i.group, i.version, i.namespace, i.plural, i.name, i.subresource


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", ("", "v1", "", "pods", "", "")),
        ("/api/v1/nodes/a", ("", "v1", "", "nodes", "a", "")),
        ("/api/v1/namespaces", ("", "v1", "", "namespaces", "", "")),
        ("/api/v1/namespaces/a", ("", "v1", "a", "namespaces", "a", "")),
        ("/api/v1/namespaces/a/status", ("", "v1", "a", "namespaces", "a", "status")),
        ("/api/v1/namespaces/a/finalize", ("", "v1", "a", "namespaces", "a", "finalize")),
        ("/api/v1/namespaces/a/pods", ("", "v1", "a", "pods", "", "")),
        ("/api/v1/namespaces/a/pods/b", ("", "v1", "a", "pods", "b", "")),
        ("/api/v1/namespaces/a/pods/b/log", ("", "v1", "a", "pods", "b", "log")),
        ("/apis/apps/v1/deployments", ("apps", "v1", "", "deployments", "", "")),
        (
            "/apis/apps/v1/namespaces/a/deployments/b/scale",
            ("apps", "v1", "a", "deployments", "b", "scale"),
        ),
        ("/api/v1/namespaces/a/pods/b/", ("", "v1", "a", "pods", "b", "")),
        ("/api/v1/namespaces/a/configmaps/b%2Fc", ("", "v1", "a", "configmaps", "b/c", "")),
    ],
)
def test_a_path_about_a_resource_is_taken_apart(path, expected):
    assert fields(path) == expected
    assert not parse(path).watch


@pytest.mark.parametrize(
    "path", ["/", "", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz/ping"]
)
def test_other_paths_name_no_resource(path):
    assert parse(path).plural == ""


def test_the_parts_of_other_paths_are_kept():
    assert parse("/livez/poststarthook/a/").parts == ("livez", "poststarthook", "a")
    assert parse("/").parts == ()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/watch/pods", ("", "v1", "", "pods", "", "")),
        ("/api/v1/watch/namespaces/a/pods/b", ("", "v1", "a", "pods", "b", "")),
        ("/apis/apps/v1/watch/deployments", ("apps", "v1", "", "deployments", "", "")),
    ],
)
def test_the_old_watch_paths(path, expected):
    assert parse(path).watch
    assert fields(path) == expected


def test_a_path_that_goes_on_below_a_subresource_is_deep():
    assert parse("/api/v1/namespaces/a/pods/b/proxy/c").deep
    assert not parse("/api/v1/namespaces/a/pods/b/proxy").deep


def test_an_empty_segment_is_malformed():
    assert parse("/api/v1/namespaces//pods").malformed
