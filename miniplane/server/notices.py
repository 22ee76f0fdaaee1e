"""Warning headers (RFC 7234, as apimachinery's `pkg/util/net` writes them).

>>> headers(['unknown field "spec.foo"'])
['299 - "unknown field \\\\"spec.foo\\\\""']
"""

from collections.abc import Sequence

from miniplane.api.resources import Resource

TOTAL_LIMIT = 4096
ITEM_LIMIT = 256
"""Where all warnings together are longer than the total, each is cut to this, in characters."""

_DEPRECATED = {
    ("", "ComponentStatus"): "v1 ComponentStatus is deprecated in v1.19+",
    ("", "Endpoints"): (
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
    ),
}


def deprecation(resource: Resource) -> Sequence[str]:
    """The warning that comes with every request for a deprecated kind."""
    if resource.custom is not None:
        return (resource.custom.deprecation,) if resource.custom.deprecation else ()
    if resource.group:
        return ()
    notice = _DEPRECATED.get((resource.group, resource.kind))
    return () if notice is None else (notice,)


def headers(texts: Sequence[str]) -> list[str]:
    """Values of Warning headers: no text twice, none that could end the header."""
    texts = list(dict.fromkeys(texts))
    if sum(map(len, texts)) > TOTAL_LIMIT:
        texts = [text[:ITEM_LIMIT] for text in texts]
    out = []
    left = TOTAL_LIMIT
    for text in texts:
        left -= len(text)
        if left < 0:
            break
        out.append(f'299 - "{_escape(text)}"')
    return out


def _escape(text: str) -> str:
    visible = "".join(c for c in text if c.isprintable())
    return visible.replace("\\", "\\\\").replace('"', '\\"')
