"""HTTPS: certificates, tokens and roles, from a signing request to a user who may do something."""

import base64
import json

import pytest
import yaml

from miniplane.ids import Ids
from miniplane.pki import keys
from miniplane.testing import certificates

WHOAMI = 28
"""The first minor whose `kubectl auth whoami` asks for the stable kind."""


def user(kubectl, name):
    """Words that make kubectl this user of the kubeconfig."""
    return lambda *args: kubectl.run(f"--user={name}", *args)


def add_user(kubectl, name, **credentials):
    """A further user in the kubeconfig."""
    path = kubectl.cluster.kubeconfig
    config = yaml.safe_load(path.read_text())
    data = {key.replace("_", "-"): value for key, value in credentials.items()}
    config["users"].append({"name": name, "user": data})
    path.write_text(yaml.safe_dump(config))


def test_a_user_by_certificate(secure, eventually):
    key = keys.make(Ids(3))
    pem = certificates.request("jane", "devs", key=key)
    body = certificates.signing_request("jane", pem, expirationSeconds=86400)
    body |= {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    secure("create", "-f", "-", stdin=json.dumps(body))
    [row] = secure.rows("get", "csr")
    assert row[2:] == ["kubernetes.io/kube-apiserver-client", "kubernetes-admin", "24h", "Pending"]

    secure("certificate", "approve", "jane")
    certificate = eventually(lambda: secure.value(".status.certificate", "csr", "jane"))
    assert secure.rows("get", "csr")[0][-1] == "Approved,Issued"
    add_user(
        secure,
        "jane",
        client_certificate_data=certificate,
        client_key_data=base64.b64encode(keys.pem(key).encode()).decode(),
    )
    jane = user(secure, "jane")
    if secure.minor >= WHOAMI:
        whoami = jane("auth", "whoami", "-o", "json").stdout
        info = json.loads(whoami)["status"]["userInfo"]
        assert (info["username"], info["groups"]) == ("jane", ["devs", "system:authenticated"])
    assert jane("get", "pods").stderr == (
        'Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods" '
        'in API group "" in the namespace "default"\n'
    )
    assert jane("auth", "can-i", "list", "pods").stdout == "no\n"

    secure("create", "rolebinding", "devs", "--clusterrole=view", "--group=devs")
    assert jane("auth", "can-i", "list", "pods").stdout == "yes\n"
    assert jane("get", "pods").stderr == "No resources found in default namespace.\n"
    assert "cannot create resource" in jane("create", "configmap", "a").stderr


@pytest.mark.kubectl(which=slice(0, 1))
def test_a_denied_request_gets_nothing(secure):
    body = certificates.signing_request("jane", certificates.request("jane"))
    body |= {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    secure("create", "-f", "-", stdin=json.dumps(body))
    secure("certificate", "deny", "jane")
    assert secure.rows("get", "csr")[0][-1] == "Denied"
    assert secure.value(".status.certificate", "csr", "jane") == ""


@pytest.mark.kubectl(which=slice(0, 1))
def test_the_administrator(secure):
    assert secure.cluster.url in secure("cluster-info")
    shown = secure("config", "view")
    assert "certificate-authority-data: DATA+OMITTED" in shown
    assert "client-key-data: DATA+OMITTED" in shown
    assert secure("auth", "can-i", "*", "*") == "yes\n"
    if secure.minor >= WHOAMI:
        assert "kubeadm:cluster-admins" in secure("auth", "whoami")
    assert secure.run("auth", "can-i", "list", "nodes", "--as=joe").stdout == "no\n"
    assert secure.cluster.miniplane("node", "add", "n9") == "node/n9 added\n"
    secure("wait", "--for=condition=Ready", "node/n9")


@pytest.mark.kubectl(which=slice(0, 1))
def test_a_service_account(secure):
    secure("create", "serviceaccount", "ci")
    token = secure("create", "token", "ci").strip()
    add_user(secure, "ci", token=token)
    ci = user(secure, "ci")
    assert 'User "system:serviceaccount:default:ci" cannot list' in ci("get", "pods").stderr
    secure("create", "rolebinding", "ci", "--clusterrole=view", "--serviceaccount=default:ci")
    assert ci("get", "pods").returncode == 0
    assert json.loads(ci("get", "--raw", "/openid/v1/jwks").stdout)["keys"][0]["alg"] == "ES256"
    add_user(secure, "stranger", token=token + "x")
    assert "You must be logged in to the server" in user(secure, "stranger")("get", "pods").stderr
