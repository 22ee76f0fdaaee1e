"""Webhooks behind https: whose certificate is wanted, and who has signed it."""

import base64
import pathlib
import ssl

import pytest
from aiohttp import web

from miniplane import testing
from miniplane.api import resources
from miniplane.api.errors import StatusError
from tests.sim.webhooks.conftest import VALIDATING, Hooks, allow, config_map, configuration, hook

MAPS = resources.resource("configmaps")
PEM = pathlib.Path(__file__).with_name("certificate.pem")
"""For hooks.default.svc and 127.0.0.1, signed by itself, good for a hundred years."""
BUNDLE = base64.b64encode(PEM.read_bytes()).decode()
SERVICE = {"namespace": "default", "name": "hooks", "path": "/a"}


@pytest.fixture
async def secure():
    found = Hooks()
    found.answers["/a"] = allow
    app = web.Application()
    app.router.add_post("/{path:.*}", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    found.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.mark.parametrize("by", ["service", "url"])
async def test_a_bundle_vouches_for_it(secure, by) -> None:
    where = {"service": SERVICE} if by == "service" else {"url": f"{secure.url}/a"}
    services = {"default/hooks": secure.url}
    async with testing.cluster(nodes=0, webhook_services=services) as cluster:
        trusted = hook(clientConfig={**where, "caBundle": BUNDLE})
        await cluster.client.create(VALIDATING, configuration(trusted))
        await cluster.client.create(MAPS, config_map("x"))
    assert [review["request"]["name"] for review in secure.reviews] == ["x"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"service": SERVICE}, "x509: certificate signed by unknown authority"),
        ({"service": {**SERVICE, "name": "other"}, "caBundle": BUNDLE}, "other.default.svc"),
        ({"service": SERVICE, "caBundle": base64.b64encode(b"none").decode()}, "PEM block"),
    ],
)
async def test_nobody_else_is_believed(secure, config, words) -> None:
    services = {"default/hooks": secure.url, "default/other": secure.url}
    async with testing.cluster(nodes=0, webhook_services=services) as cluster:
        await cluster.client.create(VALIDATING, configuration(hook(clientConfig=config)))
        with pytest.raises(StatusError, match="failed calling webhook") as caught:
            await cluster.client.create(MAPS, config_map("x"))
        assert words in caught.value.message
    assert secure.reviews == []
