"""The client of everybody else: the Kubernetes API over HTTP, of miniplane or of a real cluster."""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict

from miniplane.api import options as opts
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions, User
from miniplane.api.resources import Resource
from miniplane.client.protocol import ClientEvent, ObjectList, PlainHandle, WatchEnded

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class HttpClient:
    """A `Client` that speaks to `url` through an aiohttp session.

    `tls` is what it trusts, and the certificate that it shows; the system's authorities without.
    Used as an async context manager it owns its session; given one, it leaves that open.
    A server that cannot be reached is a StatusError 503 `ServiceUnavailable`.
    """

    def __init__(
        self,
        url: str,
        manager: str = "miniplane",
        *,
        token: str = "",
        tls: ssl.SSLContext | None = None,
        session: aiohttp.ClientSession | None = None,
    ):
        self.url = url.rstrip("/")
        self.manager = manager
        self._token = token
        self._user: User | None = None
        """Who is impersonated."""
        self._tls = tls
        self._session = session
        self._owned = session is None

    async def __aenter__(self) -> "HttpClient":
        self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session, if it is this client's own."""
        if self._owned and self._session is not None:
            await self._session.close()
            self._session = None

    def with_manager(self, manager: str, *, user: User | None = None) -> "HttpClient":
        """The same server and session; the session's owner stays the one who closes it. Another
        user is impersonated."""
        client = HttpClient(self.url, manager, token=self._token, session=self._open())
        client._user = user or self._user
        return client

    async def get(
        self, resource: Resource, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Obj:
        return await self._call("GET", path(resource, namespace, name, subresource))

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList:
        query = _selectors(label_selector, field_selector)
        found = await self._call("GET", path(resource, namespace), query)
        head = {"kind": resource.kind, "apiVersion": resource.api_version}
        items = [PlainHandle({**head, **item}) for item in found.get("items") or ()]
        return ObjectList(items, found["metadata"].get("resourceVersion", ""))

    async def create(
        self,
        resource: Resource,
        obj: Obj,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
    ) -> Obj:
        if not namespace and resource.namespaced:
            namespace = (obj.get("metadata") or {}).get("namespace", "")
        if not subresource:
            name = ""
        where = path(resource, namespace, name, subresource)
        return await self._call("POST", where, self._managed(), obj)

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "") -> Obj:
        meta = obj["metadata"]
        where = path(resource, meta.get("namespace", ""), meta["name"], subresource)
        return await self._call("PUT", where, self._managed(), obj)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        patch_type: str = opts.STRATEGIC_MERGE_PATCH,
        subresource: str = "",
    ) -> Obj:
        where, query = path(resource, namespace, name, subresource), self._managed()
        if patch_type == opts.APPLY_PATCH:
            query = {**query, "force": "true"}
        return await self._call("PATCH", where, query, patch, content_type=patch_type)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
    ) -> None:
        await self._call("DELETE", path(resource, namespace, name), None, _delete_body(options))

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
        label_selector: str = "",
        field_selector: str = "",
    ) -> None:
        query = _selectors(label_selector, field_selector)
        await self._call("DELETE", path(resource, namespace), query, _delete_body(options))

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        allow_bookmarks: bool = True,
    ) -> "HttpWatch":
        query = _selectors(label_selector, field_selector)
        query |= {"watch": "1", "resourceVersion": resource_version}
        if allow_bookmarks:
            query["allowWatchBookmarks"] = "true"
        try:
            response = await self._open().get(
                self.url + path(resource, namespace),
                params=query,
                headers=self._headers(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        except aiohttp.ClientError as error:
            raise _unreachable(error) from error
        if response.status >= 400:
            body = await response.read()
            response.release()
            raise _failure(response.status, body)
        return HttpWatch(response)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls = True if self._tls is None else self._tls
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls))
        return self._session

    def _managed(self) -> dict[str, str]:
        return {"fieldManager": self.manager} if self.manager else {}

    def _headers(self) -> CIMultiDict[str]:
        headers = CIMultiDict({"Accept": "application/json"})
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._user is not None:
            headers["Impersonate-User"] = self._user.name
            for group in self._user.groups:
                headers.add("Impersonate-Group", group)
        return headers

    async def _call(
        self,
        method: str,
        where: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        *,
        content_type: str = "application/json",
    ) -> Obj:
        headers = self._headers()
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = orjson.dumps(body)
        try:
            async with self._open().request(
                method, self.url + where, params=query, data=data, headers=headers
            ) as response:
                answer = await response.read()
        except aiohttp.ClientError as error:
            raise _unreachable(error) from error
        if response.status >= 400:
            raise _failure(response.status, answer)
        return orjson.loads(answer)


class HttpWatch:
    """A watch over one HTTP response: one JSON document a line."""

    def __init__(self, response: aiohttp.ClientResponse):
        self._response = response
        self._rest = b""
        self._lines: list[bytes] = []
        self._ended = False

    @property
    def pending(self) -> bool:
        """Of what is still on its way through the network, nothing is known."""
        return bool(self._lines)

    async def next(self, timeout: float | None = None) -> Sequence[ClientEvent]:
        if not self._lines:
            try:
                async with asyncio.timeout(timeout):
                    while not self._lines:
                        await self._read()
            except TimeoutError:
                return []
        lines, self._lines = self._lines, []
        return [self._event(line) for line in lines]

    def close(self) -> None:
        self._ended = True
        self._response.close()

    async def _read(self) -> None:
        if self._ended:
            raise WatchEnded
        try:
            # Waiting for a chunk may be cancelled without losing one.
            chunk = await self._response.content.readany()
        except aiohttp.ClientError as error:
            self._ended = True
            raise WatchEnded from error
        if not chunk:
            self._ended = True
            raise WatchEnded
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._lines = [line for line in lines if line]

    def _event(self, line: bytes) -> ClientEvent:
        event = orjson.loads(line)
        kind, obj = event["type"], event["object"]
        if kind == "ERROR":
            self._ended = True
            raise status_error(obj)
        handle = None if kind == "BOOKMARK" else PlainHandle(obj)
        return ClientEvent(kind, handle, obj["metadata"]["resourceVersion"])


def path(resource: Resource, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The URL path of a collection, an object or a subresource."""
    parts = [resource.path]
    if resource.namespaced and namespace:
        parts.append(f"namespaces/{namespace}")
    parts.append(resource.plural)
    if name:
        parts.append(name)
    if subresource:
        parts.append(subresource)
    return "/".join(parts)


def status_error(status: Obj) -> StatusError:
    """A Status object as the error that it tells of."""
    code = status.get("code", 500)
    reason = status.get("reason") or _REASONS.get(code, "")
    return StatusError(code, reason, status.get("message", ""), status.get("details"))


def _failure(code: int, body: bytes) -> StatusError:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if isinstance(answer, dict) and answer.get("kind") == "Status":
        return status_error({"code": code, **answer})
    text = body.decode(errors="replace").strip()
    return StatusError(code, _REASONS.get(code, ""), text)


def _unreachable(error: Exception) -> StatusError:
    return StatusError(503, "ServiceUnavailable", f"the server cannot be reached: {error}")


def _selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    query = {}
    if label_selector:
        query["labelSelector"] = label_selector
    if field_selector:
        query["fieldSelector"] = field_selector
    return query


def _delete_body(options: DeleteOptions) -> Obj | None:
    body: Obj = {}
    preconditions = {"uid": options.uid, "resourceVersion": options.resource_version}
    preconditions = {key: value for key, value in preconditions.items() if value is not None}
    if options.grace_period_seconds is not None:
        body["gracePeriodSeconds"] = options.grace_period_seconds
    if options.propagation_policy is not None:
        body["propagationPolicy"] = options.propagation_policy
    if preconditions:
        body["preconditions"] = preconditions
    if options.dry_run:
        body["dryRun"] = ["All"]
    return {"kind": "DeleteOptions", "apiVersion": "v1", **body} if body else None
