"""HTTPS on a whole cluster: who asks, and what each may do."""

import aiohttp
import pytest

from miniplane.api import resources
from miniplane.api.certificates import requests
from miniplane.api.options import WriteOptions
from miniplane.api.resources import CONFIGMAPS, PODS, SERVICE_ACCOUNTS
from miniplane.client.http import HttpClient
from miniplane.ids import Ids
from miniplane.pki import keys, tls
from miniplane.testing import certificates, cluster

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
ACCOUNTS = "serviceaccount-controller"
UNAUTHORIZED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}


class Site:
    """A cluster, and requests to it that show what they are told to."""

    def __init__(self, harness):
        self.c = harness

    def certificate(self, common_name, *organizations, seconds=3600):
        key = keys.make(Ids(5))
        pem = certificates.request(common_name, *organizations, key=key)
        authority = self.c.cluster.authority
        signed = authority.sign(requests.parse(pem.encode()), ["client auth"], seconds)
        return tls.client(authority.certificate, signed, keys.pem(key))

    @property
    def nothing(self):
        return tls.client(self.c.cluster.authority.certificate)

    async def ask(self, line, context, token="", **headers):
        method, _, path = line.partition(" ")
        if token:
            headers["Authorization"] = token
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            body = {} if method == "POST" else None
            url = self.c.url + path
            async with session.request(method, url, json=body, headers=headers) as answer:
                return answer.status, await answer.json(content_type=None)

    async def who(self, context, token="", **headers):
        _, body = await self.ask(f"POST {WHO}", context, token, **headers)
        return body["status"]["userInfo"]

    def token(self, account="default"):
        body = self.c.registry.create(
            SERVICE_ACCOUNTS, "default", {}, WriteOptions(), name=account, subresource="token"
        )
        return "Bearer " + body.status["status"]["token"]


@pytest.fixture
async def site():
    async with cluster(nodes=0, https=True) as harness:
        yield Site(harness)


@pytest.fixture
def make_site(tmp_path):
    """Sites with settings of their own; a token file holds `jane-token` of the group devs."""
    (tmp_path / "tokens").write_text('jane-token,jane,7,"devs,ops"\n\n,nobody,8\nb,bob,9\n')

    def make(**settings):
        settings = {"token_auth_file": str(tmp_path / "tokens"), **settings}
        return cluster(nodes=0, **settings)

    return make


async def test_the_administrator_shows_a_certificate(site):
    assert site.c.url.startswith("https://127.0.0.1:")
    user = await site.who(site.c.tls)
    [[credential]] = user.pop("extra").values()
    assert credential.startswith("X509SHA256=") and len(credential) == 11 + 64
    assert user == {
        "username": "kubernetes-admin",
        "groups": ["kubeadm:cluster-admins", "system:authenticated"],
    }
    async with HttpClient(site.c.url, tls=site.c.tls) as client:
        await client.create(CONFIGMAPS, {"metadata": {"name": "a", "namespace": "default"}})


async def test_a_certificate_is_for_its_user_and_groups(site):
    jane = site.certificate("jane", "devs", "ops")
    user = await site.who(jane)
    assert (user["username"], user["groups"]) == ("jane", ["devs", "ops", "system:authenticated"])
    # To it, a token adds nothing.
    assert (await site.who(jane, token=site.token()))["username"] == "jane"
    assert (await site.who(jane, token="Bearer nonsense"))["username"] == "jane"
    status, body = await site.ask("GET /api/v1/namespaces/default/pods", jane)
    assert (status, body["message"]) == (
        403,
        'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the '
        'namespace "default"',
    )


async def test_a_certificate_runs_out_on_the_clusters_clock(site):
    jane = site.certificate("jane", seconds=3600)
    assert (await site.who(jane))["username"] == "jane"
    await site.c.advance(3601)
    assert await site.ask("GET /api", jane) == (401, UNAUTHORIZED)
    assert (await site.who(jane, token=site.token()))["username"].startswith("system:service")


async def test_the_clock_counts_on_a_connection_that_stays(site):
    connector = aiohttp.TCPConnector(ssl=site.certificate("jane", seconds=3600))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(site.c.url + "/api") as answer:
            assert answer.status == 200
        await site.c.advance(3601)
        async with session.get(site.c.url + "/api") as answer:
            assert answer.status == 401


async def test_who_shows_nothing_is_anonymous(site):
    status, body = await site.ask("GET /api/v1/pods", site.nothing)
    assert (status, body["message"]) == (
        403,
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" '
        "at the cluster scope",
    )
    status, body = await site.ask("GET /metrics", site.nothing, token="Basic abc")
    assert body["message"] == 'forbidden: User "system:anonymous" cannot get path "/metrics"'
    assert (await site.ask("GET /version", site.nothing))[0] == 200
    # A certificate without a common name says nothing of a user.
    assert (await site.ask("GET /metrics", site.certificate("", "devs")))[0] == 403


async def test_tokens(site):
    user = await site.who(site.nothing, token=site.token())
    assert user["username"] == "system:serviceaccount:default:default"
    for token in ("Bearer nonsense", "bearer a.b.c", site.token() + "x"):
        assert await site.ask("GET /version", site.nothing, token=token) == (401, UNAUTHORIZED)


async def test_the_administrator_acts_as_others(site):
    assert (await site.who(site.c.tls, Impersonate_User="joe"))["username"] == "joe"
    status, body = await site.ask(
        "GET /api", site.certificate("jane"), Impersonate_User="joe", Impersonate_Group="x"
    )
    assert (status, body["message"]) == (
        403,
        'users "joe" is forbidden: User "jane" cannot impersonate resource "users" in API group '
        '"" at the cluster scope',
    )


async def test_without_anonymous_access_everybody_has_to_show_something():
    async with cluster(nodes=0, https=True, anonymous_auth=False) as harness:
        site = Site(harness)
        assert await site.ask("GET /version", site.nothing) == (401, UNAUTHORIZED)
        assert (await site.who(site.nothing, token=site.token()))["username"]
        assert (await site.who(site.c.tls))["username"] == "kubernetes-admin"


async def test_the_kubeconfig_holds_all_that_it_takes(site):
    import yaml

    config = yaml.safe_load(site.c.kubeconfig())
    assert set(config["clusters"][0]["cluster"]) == {"server", "certificate-authority-data"}
    assert set(config["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}


async def test_the_namespaces_know_the_authority(site):
    bundle = await site.c.client.get(CONFIGMAPS, "kube-root-ca.crt", "default")
    assert bundle["data"]["ca.crt"] == site.c.cluster.authority.certificate


async def test_the_administrators_group_has_its_rights_by_a_binding(site):
    row = resources.resource("clusterrolebindings", "rbac.authorization.k8s.io")
    await site.c.client.delete(row, "kubeadm:cluster-admins")
    assert (await site.ask("GET /api/v1/pods", site.c.tls))[0] == 403


# -- static tokens and modes


async def test_static_tokens(make_site):
    async with make_site(https=True) as harness:
        site = Site(harness)
        user = await site.who(site.nothing, token="Bearer jane-token")
        assert user == {
            "username": "jane",
            "uid": "7",
            "groups": ["devs", "ops", "system:authenticated"],
        }
        assert (await site.who(site.nothing, token="Bearer b"))["groups"] == [
            "system:authenticated"
        ]


async def test_over_plain_http_a_token_counts_and_no_token_is_the_administrator(make_site):
    async with make_site(http=True) as harness:
        site = Site(harness)
        assert (await site.who(None))["username"] == "kubernetes-admin"
        assert (await site.who(None, token="Bearer b"))["username"] == "bob"
        assert (await site.ask("GET /api/v1/pods", None, token="Bearer b"))[0] == 403
        assert (await site.ask("GET /api/v1/pods", None, token="Bearer c"))[0] == 401


async def test_always_allow(make_site):
    async with make_site(http=True, authorization_mode="AlwaysAllow") as harness:
        site = Site(harness)
        assert (await site.ask("GET /api/v1/pods", None, token="Bearer b"))[0] == 200
        assert (await site.ask("GET /api/v1/pods", None, Impersonate_User="x"))[0] == 200


async def test_a_node_sees_what_its_pods_need():
    settings = {"https": True, "authorization_mode": "Node,RBAC", "controllers": ACCOUNTS}
    async with cluster(nodes=0, **settings) as harness:
        site = Site(harness)
        node = site.certificate("system:node:a", "system:nodes")
        line = "GET /api/v1/namespaces/default/configmaps/web"
        for name in ("web", "other"):
            await harness.client.create(
                CONFIGMAPS, {"metadata": {"name": name, "namespace": "default"}}
            )
        status, body = await site.ask(line, node)
        assert status == 403
        assert body["message"].endswith(
            "in the namespace \"default\": no relationship found between node 'a' and this object"
        )
        volume = {"name": "v", "configMap": {"name": "web"}}
        container = {"name": "c", "image": "i"}
        pod = {
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {"nodeName": "a", "containers": [container], "volumes": [volume]},
        }
        await harness.client.create(PODS, pod)
        assert (await site.ask(line, node))[0] == 200
        assert (await site.ask(line.replace("web", "other"), node))[0] == 403
        assert (await site.ask("GET /api/v1/services", node))[0] == 200
