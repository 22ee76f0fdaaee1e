"""Signing requests on a running cluster."""

import base64

import pytest

from miniplane.api import resources
from miniplane.api.certificates import signers
from miniplane.api.errors import StatusError
from miniplane.api.options import User, WriteOptions
from miniplane.api.resources import CONFIGMAPS
from miniplane.controllers.certificates.controller import REQUESTS
from miniplane.testing import certificates, cluster
from miniplane.testing.certificates import APPROVED

CLUSTER_ROLE_BINDINGS = resources.resource("clusterrolebindings", "rbac.authorization.k8s.io")
BOOTSTRAP = User("system:bootstrap:abc", ("system:bootstrappers",))


@pytest.fixture
async def stage():
    async with cluster(nodes=0) as harness:
        yield harness


async def ask(stage, name, pem, user=None, **options):
    body = certificates.signing_request(name, pem, **options)
    user = {} if user is None else {"user": user}
    stage.registry.create(REQUESTS, "", body, WriteOptions(**user))
    await stage.settle()
    return await stage.client.get(REQUESTS, name)


async def approve(stage, name):
    csr = await stage.client.get(REQUESTS, name)
    csr = {**csr, "status": {"conditions": [APPROVED]}}
    await stage.client.update(REQUESTS, csr, subresource="approval")
    await stage.settle()
    return await stage.client.get(REQUESTS, name)


async def test_who_is_approved_gets_a_certificate(stage):
    csr = await ask(stage, "jane", certificates.request("jane"), User("jane", ("devs",)))
    assert (csr["spec"]["username"], csr["spec"]["groups"]) == ("jane", ["devs"])
    assert "status" not in csr or "conditions" not in csr["status"]
    csr = await approve(stage, "jane")
    pem = base64.b64decode(csr["status"]["certificate"]).decode()
    assert pem.startswith("-----BEGIN CERTIFICATE-----")
    [condition] = csr["status"]["conditions"]
    assert condition["lastTransitionTime"] == condition["lastUpdateTime"]


async def test_plain_http_gets_an_authority_with_the_first_signature(stage):
    before = await stage.client.get(CONFIGMAPS, "kube-root-ca.crt", "default")
    await ask(stage, "jane", certificates.request("jane"))
    assert not stage.cluster.authority.made
    await approve(stage, "jane")
    for namespace in ("default", "kube-system"):
        after = await stage.client.get(CONFIGMAPS, "kube-root-ca.crt", namespace)
        assert after["data"]["ca.crt"] == stage.cluster.authority.certificate
        assert after["data"] != before["data"]


async def test_why_there_is_none_is_told(stage):
    await ask(stage, "jane", certificates.request("jane"), usages=["server auth"])
    csr = await approve(stage, "jane")
    failed = csr["status"]["conditions"][1]
    assert (failed["type"], failed["reason"]) == ("Failed", "SignerValidationFailure")
    assert failed["message"] == "invalid usage for client certificate: server auth"
    assert "certificate" not in csr["status"]


async def test_kubelets_are_approved_by_their_rights(stage):
    pem = certificates.request("system:node:a", "system:nodes")
    usages = ["digital signature", "client auth"]
    options = {"signer": signers.KUBELET_CLIENT, "usages": usages}
    csr = await ask(stage, "a", pem, BOOTSTRAP, **options)
    assert not csr.get("status", {}).get("conditions")
    role = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "Group", "name": "system:bootstrappers", "apiGroup": group}
    binding = {
        "metadata": {"name": "approve"},
        "roleRef": {"kind": "ClusterRole", "name": role, "apiGroup": group},
        "subjects": [subject],
    }
    await stage.client.create(CLUSTER_ROLE_BINDINGS, binding)
    csr = await ask(stage, "b", pem, BOOTSTRAP, **options)
    [condition] = csr["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("Approved", "AutoApproved")
    assert csr["status"]["certificate"]


async def test_requests_do_not_stay_for_ever(stage):
    await ask(stage, "new", certificates.request("jane"))
    await ask(stage, "done", certificates.request("jane"))
    await approve(stage, "done")
    await stage.advance(2 * 3600 + 60)
    assert [csr["metadata"]["name"] for csr in await stage.list(REQUESTS, "")] == ["new"]
    await stage.advance(24 * 3600)
    with pytest.raises(StatusError, match="not found"):
        await stage.client.get(REQUESTS, "new")
