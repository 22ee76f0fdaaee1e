"""What a URL path asks for, parsed once and purely.

Follows apiserver's `pkg/endpoints/request/requestinfo.go`:

>>> parse("/apis/apps/v1/namespaces/default/statefulsets/web/scale")
<apps/v1 namespaces/default statefulsets/web/scale>
>>> parse("/api/v1/namespaces/default/finalize")
<v1 namespaces/default namespaces/default/finalize>
>>> parse("/api/v1/watch/namespaces/default/pods")
<v1 watch namespaces/default pods>
>>> parse("/healthz/ping")
<path healthz/ping>
"""

import dataclasses
from functools import lru_cache
from urllib.parse import unquote

_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclasses.dataclass(frozen=True, slots=True)
class RequestInfo:
    """A parsed path. `plural` is empty for paths that are not about a resource.

    `parts` are the segments of the path, for the paths that are not about resources; for the
    others, `deep` tells that there are segments below the subresource.
    """

    path: str
    parts: tuple[str, ...]
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    deep: bool = False
    watch: bool = False
    """Whether this is one of the old paths below `/watch/`."""
    malformed: bool = False
    """Whether a segment that should name something is empty."""

    def __repr__(self) -> str:
        if not self.plural:
            return f"<path {'/'.join(self.parts)}>"
        words = [f"{self.group}/{self.version}" if self.group else self.version]
        if self.watch:
            words.append("watch")
        if self.namespace:
            words.append(f"namespaces/{self.namespace}")
        words.append("/".join(filter(None, (self.plural, self.name, self.subresource))))
        return f"<{' '.join(words)}>"


@lru_cache(maxsize=8192)
def parse(path: str) -> RequestInfo:
    """Parse a path as it came on the wire: still percent-encoded, without the query."""
    if "%" in path:
        # Segments are taken apart before they are decoded: %2F never separates.
        parts = tuple(unquote(part) for part in path.strip("/").split("/"))
    else:
        parts = tuple(path.strip("/").split("/"))
    if parts == ("",):
        return RequestInfo(path, ())
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return RequestInfo(path, parts)
    watch = rest[0] == "watch" and len(rest) > 1
    if watch:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    return RequestInfo(
        path,
        parts,
        group=group,
        version=version,
        namespace=namespace,
        plural=rest[0],
        name=rest[1] if len(rest) > 1 else "",
        subresource=rest[2] if len(rest) > 2 else "",
        deep=len(rest) > 3,
        watch=watch,
        malformed="" in parts,
    )
