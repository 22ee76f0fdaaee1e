"""What others need to check service account tokens (`pkg/serviceaccount/openidmetadata.go`).

See https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
"""

import orjson
from aiohttp import hdrs, web

from miniplane.server import encode
from miniplane.server.call import Call
from miniplane.server.errors import not_served

CONFIGURATION = "/.well-known/openid-configuration"
KEYS = "/openid/v1/jwks"
_CACHED = "public, max-age=3600"


async def configuration(call: Call) -> web.Response:
    """Who the issuer is, and where his keys are."""
    if call.info.path != CONFIGURATION:
        return not_served()
    scheme = "https" if call.state.config.https else "http"
    where = call.request.headers.get(hdrs.HOST) or f"localhost:{call.state.config.port}"
    keys = call.registry.token_keys()
    algorithms = dict.fromkeys(key["alg"] for key in keys["keys"])
    metadata = {
        "issuer": call.state.config.service_account_issuer,
        "jwks_uri": f"{scheme}://{where}{KEYS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
    }
    return _cached(orjson.dumps(metadata), "application/json")


async def keys(call: Call) -> web.Response:
    """The keys that tokens are signed with."""
    if call.info.path != KEYS:
        return not_served()
    return _cached(orjson.dumps(call.registry.token_keys()), "application/jwk-set+json")


def _cached(body: bytes, content_type: str) -> web.Response:
    response = encode.respond(body, content_type=content_type)
    response.headers["Cache-Control"] = _CACHED
    return response
