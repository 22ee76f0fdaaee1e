"""Random requests: whatever method, path, query, headers and body, there is an answer, it is well
formed, and it is no defect. Below that, random bytes: a connection ends, the server lives on."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from miniplane.api import options
from miniplane.api.resources import RESOURCES
from tests.fuzz import api as http
from tests.fuzz import setting, shapes
from tests.fuzz.api import Answer, Api, collection, dumps, place
from tests.fuzz.chance import Chance, fuzz
from tests.fuzz.test_objects import SCRAPS, mangled

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "BREW")
NAMES = ("web", "nobody", "default", "x%2Fy", "%", "%00", "..", "é", "a" * 300, "", "*", "%ff")
NAMESPACES = ("shop", "default", "nowhere", "", "%20", "kube-system")
PAGES = (
    "/",
    "/api",
    "/apis",
    "/apis/apps",
    "/apis/nothing.example.com",
    "/api/v1",
    "/version",
    "/healthz",
    "/livez/ping",
    "/readyz?verbose",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/apis/apps/v1",
    "/.well-known/openid-configuration",
    "//api//v1",
    "/api/v1/watch/pods",
    "/api/v1/watch/namespaces/shop/pods/web",
    "/api/v1/proxy/nodes/x",
    "/apis/apps/v1/namespaces/shop/deployments/web/scale/extra",
)
NUMBERS = (
    "",
    "0",
    "1",
    "2",
    "-1",
    "5",
    "9999999999",
    "99999999999999999999",
    "abc",
    "1.5",
    " 1",
    "０",
)
BOOLEANS = ("", "true", "false", "1", "0", "T", "yes", "x", "TRUE")
TEXTS = ("", "a", "\x00", "é", "%", "a=b", "9" * 400, "..", "All", "null", "{}", "a,b", "\u202e")
SELECTORS = (
    "",
    "a=b",
    "a!=b",
    "a in (b,c)",
    "!a",
    "a,",
    "a=b=c",
    "a in (",
    "=",
    "metadata.name=web",
    "metadata.name!=web",
    "metadata.namespace=shop,metadata.name=web",
    "spec.nodeName=",
    "status.phase=Running",
    "involvedObject.name=x",
    "x.y=z",
    "a notin (b),c",
    "a\\,b=c",
    "é=é",
    "a>1",
    "x" * 300 + "=y",
)
TOKENS = (
    "",
    "abc",
    "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0",
    "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoieFwwMDAwIn0",
    "e30",
    "!!!",
    "bnVsbA",
    "W10",
)
PARAMETERS = {
    "limit": NUMBERS,
    "continue": TOKENS,
    "resourceVersion": NUMBERS,
    "resourceVersionMatch": ("", "Exact", "NotOlderThan", "exact", "x"),
    "fieldSelector": SELECTORS,
    "labelSelector": SELECTORS,
    "fieldValidation": ("", "Strict", "Warn", "Ignore", "strict", "x"),
    "dryRun": ("", "All", "all", "None"),
    "propagationPolicy": ("", "Background", "Foreground", "Orphan", "x"),
    "orphanDependents": BOOLEANS,
    "gracePeriodSeconds": NUMBERS,
    "timeoutSeconds": NUMBERS,
    "watch": BOOLEANS,
    "allowWatchBookmarks": BOOLEANS,
    "sendInitialEvents": BOOLEANS,
    "pretty": BOOLEANS,
    "fieldManager": TEXTS,
    "force": BOOLEANS,
    "includeObject": ("", "None", "Metadata", "Object", "x"),
    "timeout": ("", "1s", "x", "-1s"),
    "container": TEXTS,
    "x": TEXTS,
}
MEDIA = (
    "",
    "*/*",
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=Table;g=meta.k8s.io;v=v1beta1,application/json",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "application/vnd.kubernetes.protobuf;stream=watch",
    "application/json;stream=watch",
    "application/yaml;as=Table;v=v1;g=meta.k8s.io",
    "text/plain",
    "text/html,*/*;q=0.1",
    "application/json;q=2;as=",
    "a",
    ";;,",
    "application/json; charset=latin-1",
)
CONTENT = (
    *(options.JSON_PATCH, options.MERGE_PATCH, options.STRATEGIC_MERGE_PATCH, options.APPLY_PATCH),
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/cbor",
    "application/apply-patch+cbor",
    "",
    "x/y",
    "application/json;",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
)
HEADERS: dict[str, Sequence[str]] = {
    "Content-Encoding": ("gzip", "deflate", "br", "identity", "x"),
    "Accept-Encoding": ("gzip", "", "x", "gzip;q=0"),
    "Impersonate-User": ("jane", "system:admin", "", "system:serviceaccount:shop:builder", "é"),
    "Impersonate-Group": ("system:masters", "devs", ""),
    "Impersonate-Uid": ("1", ""),
    "Impersonate-Extra-a%2fb": ("x", ""),
    "Authorization": ("Bearer x", "Basic eDp5", "Bearer", "", "Bearer a.b.c", "x"),
    "User-Agent": ("kubectl/v1.36.2", "", "Mozilla/5.0", "é", "/" * 200),
    "If-None-Match": ('"x"', "*"),
    "Origin": ("http://127.0.0.1:8001", "http://evil.example.com", "null", ""),
    "Expect": ("100-continue", "x"),
    "Upgrade": ("websocket", "SPDY/3.1"),
    "X-Stream-Protocol-Version": ("v5.channel.k8s.io",),
    "Range": ("bytes=0-1",),
}


def path_of(chance: Chance) -> str:
    if chance.percent(12):
        return chance.pick(PAGES)
    row = chance.pick(RESOURCES)
    prefix = (
        row.path if chance.percent(92) else chance.pick(("/api/v2", "/apis/x/v1", "/apis/apps"))
    )
    parts = [prefix]
    if chance.percent(4):
        parts.append("watch")
    if row.namespaced and chance.percent(90):
        parts += ["namespaces", chance.pick(NAMESPACES)]
    parts.append(row.plural if chance.percent(96) else chance.pick(NAMES))
    if chance.percent(60):
        parts.append(chance.pick(NAMES))
        if chance.percent(40):
            known = [sub.name for sub in row.subresources]
            parts.append(chance.pick((*known, "status", "scale", "log", "nothing", "")))
    return "/".join(parts)


def query_of(chance: Chance) -> str:
    chosen = chance.some(PARAMETERS, 4)
    pairs = [f"{name}={quote(chance.pick(PARAMETERS[name]), safe='')}" for name in chosen]
    if chance.percent(8):
        pairs.append(chance.pick(("%", "&&", "=", "a=%zz", "limit", "watch&watch", "a;b", "%00=1")))
    return "&".join(pairs)


def body_of(chance: Chance) -> bytes | None:
    how = chance.below(8)
    if how == 0:
        return None
    if how == 1:
        return chance.pick(SCRAPS)
    if how == 2:
        return chance.pick((b"", b"null", b"[]", b"{}", b"1", b'""', b"{", b"k8s\x00", b"a: b"))
    if how == 3:
        verbs = {"kind": "DeleteOptions", "apiVersion": "v1"}
        extra = chance.pick(
            (
                {},
                {"gracePeriodSeconds": chance.pick((0, -1, "x", 1 << 70))},
                {"preconditions": chance.pick(({}, {"uid": "x"}, {"resourceVersion": "y"}, []))},
                {"propagationPolicy": chance.pick(("Foreground", "x", 1))},
                {"dryRun": chance.pick((["All"], ["x"], "All"))},
            )
        )
        return dumps({**verbs, **extra})
    if how == 4:
        steps = [
            {"op": chance.pick(("add", "test", "x", None)), "path": chance.pick(("/a", "a", 1))}
        ]
        return dumps(steps)
    obj = shapes.lively(chance, shapes.of_kind(chance.pick(list(shapes.SAMPLES.values()))))
    if chance.percent(40):
        shapes.damage(chance, obj)
    data = dumps(obj)
    return mangled(chance, data) if chance.percent(20) else data


def headers_of(chance: Chance) -> list[tuple[str, str]]:
    chosen = chance.some(HEADERS, 2) if chance.percent(60) else []
    return [(name, chance.pick(HEADERS[name])) for name in chosen]


def send(api: Api, chance: Chance) -> tuple[str, Answer]:
    method = chance.pick(METHODS[:6]) if chance.percent(93) else chance.pick(METHODS)
    path = path_of(chance)
    query = query_of(chance)
    if query:
        path += ("&" if "?" in path else "?") + query
    path = quote(path, safe="/%?&=;,:@!$'()*+-._~#")
    answer = api(
        method,
        path,
        body_of(chance),
        accept=chance.pick(MEDIA),
        content=chance.pick(CONTENT),
        headers=headers_of(chance),
    )
    return method, answer


@fuzz(150)
def test_requests(chance: Chance) -> None:
    with setting.prepared() as api:
        for name in ("pod", "deployment", "configmap"):
            sample = shapes.SAMPLES[name]
            assert api.create(shapes.of_kind(sample), sample).ok
        api.trail.clear()
        for _ in range(chance.between(1, 6)):
            before = api.state
            method, answer = send(api, chance)
            told = f"{answer}"[:2000] + f"\n{api.story()}"
            assert answer.status, told
            if method in ("GET", "HEAD", "OPTIONS") or answer.status >= 400:
                assert api.state == before, told
            well_formed(method, answer, told)
        api.world.check()


def well_formed(method: str, answer: Answer, told: str) -> None:
    """A body is what its headers say; a failure of the API is a Status."""
    length = answer.header("Content-Length")
    if method == "HEAD":
        assert not answer.body, told
        return
    if length:
        assert answer.header("Content-Encoding") or int(length) == len(answer.body), told
    kind = answer.header("Content-Type").partition(";")[0]
    if kind not in (http.JSON, http.YAML, http.PROTOBUF) or not answer.body:
        return
    if "stream=watch" in answer.header("Content-Type") or answer.header("Transfer-Encoding"):
        if kind == http.JSON:
            for line in answer.body.splitlines():
                event = json.loads(line)
                assert event.keys() == {"type", "object"}, told
        return
    found = answer.obj
    if answer.status >= 400:
        assert (found["kind"], found["status"]) == ("Status", "Failure"), told
        assert found["code"] == answer.status, told


@fuzz(40)
def test_impersonated(chance: Chance) -> None:
    """Who may do nothing changes nothing, and learns nothing but that."""
    with setting.prepared() as api:
        row = chance.pick([row for row in RESOURCES if row.stored])
        obj = chance.pick(shapes.samples(row))
        setting.rename(obj)
        api.create(row, obj)
        before = api.state
        nobody = [("Impersonate-User", "nobody")]
        path = place(row, obj) if chance.percent(60) else collection(row, setting.NAMESPACE)
        for method in ("POST", "PUT", "PATCH", "DELETE", "GET"):
            content = options.MERGE_PATCH if method == "PATCH" else http.JSON
            body = None if method == "GET" else obj
            answer = api(method, path, body, headers=nobody, content=content)
            assert answer.status == 403, f"{answer}\n{api.story()}"
            assert api.state == before


PIECES = (
    b"GET / HTTP/1.1\r\n",
    b"GET /api/v1/pods HTTP/1.1\r\n",
    b"POST /api/v1/namespaces HTTP/1.1\r\n",
    b"Host: 127.0.0.1\r\n",
    b"Host: evil\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Type: application/json\r\n",
    b"Connection: close\r\n",
    b"Expect: 100-continue\r\n",
    b"X: " + b"y" * 70_000 + b"\r\n",
    b"\xff\xfe: \x00\r\n",
    b" folded\r\n",
    b"\r\n",
    b"\r\n",
    b"{}",
    b"5\r\n{}   \r\n0\r\n\r\n",
    b"zz\r\n",
    b"\x1f\x8b\x08\x00broken",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\n",
    b"GET /\x00 HTTP/1.1\r\n",
    b"\x16\x03\x01\x02\x00\x01",
)


@fuzz(80)
def test_bytes(chance: Chance) -> None:
    """Bytes that are hardly HTTP: no defect, and the next request is served."""
    with Api() as api:
        count = chance.between(1, 8)
        data = b"".join(chance.pick(PIECES) for _ in range(count))
        if chance.percent(50):
            data += b"\r\n\r\n"
        before = api.state
        answer = api.bytes(data)
        assert answer.status < 500 or answer.status == 505, (data, answer)
        if not answer.ok:
            assert api.state == before
        assert api("GET", "/version").ok
