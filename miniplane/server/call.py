"""One request on its way: what the verbs get to see."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aiohttp import hdrs, web
from multidict import istr

from miniplane.api.options import ADMIN, User
from miniplane.api.resources import Resource
from miniplane.clock import Clock
from miniplane.server import negotiate
from miniplane.server.backend import Registry
from miniplane.server.request_info import RequestInfo

if TYPE_CHECKING:
    from miniplane.server.app import State

_USER_AGENT = istr(hdrs.USER_AGENT)
_ACCEPT = istr(hdrs.ACCEPT)
_TRUE = ("1", "t", "T", "TRUE", "true", "True")


class Call:
    """A request, parsed. `resource` is only there for paths about a resource that is served."""

    def __init__(
        self,
        state: "State",
        request: web.Request,
        info: RequestInfo,
        query_string: str,
        user: User = ADMIN,
    ):
        self.state = state
        self.request = request
        self.info = info
        self.query_string = query_string
        self.user = user
        self.resource: Resource = None  # type: ignore[assignment]  # set by the router
        self.notices: Sequence[str] = ()

    @property
    def registry(self) -> Registry:
        return self.state.registry

    @property
    def clock(self) -> Clock:
        return self.state.clock

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query, every value as it came, empty ones included."""
        if not self.query_string:
            return {}
        return parse_qs(self.query_string, keep_blank_values=True, errors="replace")

    def param(self, name: str) -> str:
        """The first value of a query parameter, "" where there is none."""
        values = self.query.get(name) if self.query_string else None
        return values[0] if values else ""

    @property
    def custom(self) -> bool:
        """Whether the resource is one that there are no protobuf messages for."""
        return not self.resource.definition

    @property
    def accept(self) -> str:
        """The Accept header; of several the first, as in Go."""
        return self.request.headers.get(_ACCEPT, "")

    @property
    def user_agent(self) -> str:
        return self.request.headers.get(_USER_AGENT, "")

    def pretty(self, media: negotiate.Media) -> bool:
        """Whether JSON is to be indented: asked for, or for a person to read."""
        if media.pretty:
            return True
        asked = self.param("pretty")
        if asked:
            return asked in _TRUE
        return self.user_agent.startswith(negotiate.HUMANS)
