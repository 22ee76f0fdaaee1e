"""Who may do what, by each authorizer; the tokens of service accounts as others see them."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from miniplane.api import resources
from miniplane.api.options import User
from miniplane.api.rbac import Attributes
from miniplane.api.resources import PODS, SERVICE_ACCOUNTS
from miniplane.ids import Ids
from miniplane.testing import objects

RBAC = "rbac.authorization.k8s.io"
ROLES = resources.resource("roles", RBAC)
BINDINGS = resources.resource("rolebindings", RBAC)
NODE = User("system:node:a", ("system:nodes",))


def asks(world, user=NODE, **attributes):
    decision = world.registry.authorize(user, Attributes(**{"verb": "get", **attributes}))
    return decision.allowed, decision.reason


def test_decisions_follow_the_rules_as_they_change(world):
    jane = User("jane", ())
    asked = {"resource": "pods", "namespace": "default"}
    assert asks(world, jane, **asked) == (False, "")
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    world.create(ROLES, {"metadata": {"name": "r", "namespace": "default"}, "rules": [rule]})
    assert asks(world, jane, **asked) == (False, "")
    ref = {"apiGroup": RBAC, "kind": "Role", "name": "r"}
    subject = {"apiGroup": RBAC, "kind": "User", "name": "jane"}
    metadata = {"name": "b", "namespace": "default"}
    world.create(BINDINGS, {"metadata": metadata, "roleRef": ref, "subjects": [subject]})
    assert asks(world, jane, **asked)[0]
    world.delete(ROLES, "r")
    missing = 'RBAC: role.rbac.authorization.k8s.io "r" not found'
    assert asks(world, jane, **asked) == (False, missing)
    world.delete(BINDINGS, "b")
    assert asks(world, jane, **asked) == (False, "")


def test_everybody_may_do_everything_where_that_is_the_mode(make_world):
    world = make_world(authorization_mode="AlwaysAllow")
    assert asks(world, User("jane", ()), resource="nodes")[0]
    row = resources.resource("selfsubjectrulesreviews", "authorization.k8s.io")
    review = world.create(row, {"spec": {"namespace": "default"}}, user=User("jane", ()))
    [rule] = review["status"]["resourceRules"]
    assert rule == {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    role = {"metadata": {"name": "all", "namespace": "default"}, "rules": everything}
    assert world.create(ROLES, role, user=User("jane", ()))


# -- nodes


@pytest.fixture
def nodes(make_world):
    """A cluster with the node authorizer, and a pod on node a that refers to this and that."""
    world = make_world(authorization_mode="Node,RBAC")
    container = {
        "name": "c",
        "image": "i",
        "envFrom": [{"secretRef": {"name": "from"}}],
        "env": [{"name": "E", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "k"}}}],
    }
    volumes = [
        {"name": "a", "secret": {"secretName": "volume"}},
        {"name": "b", "projected": {"sources": [{"configMap": {"name": "projected"}}]}},
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
    ]
    claim = {
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "volumeName": "pv",
        },
    }
    world.create(resources.PERSISTENT_VOLUME_CLAIMS, claim)
    account = {"metadata": {"name": "ci", "namespace": "default"}}
    world.create(SERVICE_ACCOUNTS, account)
    pod = objects.pod("p", nodeName="a", volumes=volumes, serviceAccountName="ci")
    pod["spec"]["containers"] = [container]
    world.create(PODS, pod)
    return world


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("secrets", "from"),
        ("secrets", "volume"),
        ("configmaps", "env"),
        ("configmaps", "projected"),
        ("configmaps", "kube-root-ca.crt"),
        ("persistentvolumeclaims", "data"),
    ],
)
def test_a_node_reads_what_its_pods_refer_to(nodes, resource, name):
    asked = {"resource": resource, "namespace": "default", "name": name}
    assert asks(nodes, **asked) == (True, "")
    other = User("system:node:b", ("system:nodes",))
    why = "no relationship found between node 'b' and this object"
    assert asks(nodes, other, **asked) == (False, why)
    assert asks(nodes, User("system:node:a", ()), **asked) == (False, "")


def test_a_node_reads_the_volume_of_a_claim(nodes):
    assert asks(nodes, resource="persistentvolumes", name="pv")[0]
    assert not asks(nodes, resource="persistentvolumes", name="other")[0]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"verb": "delete", "resource": "secrets"}, "can only read resources of this type"),
        ({"resource": "configmaps"}, "can only read namespaced object of this type"),
        ({"verb": "list", "resource": "secrets", "namespace": "a"}, "No Object name found"),
        (
            {"verb": "list", "resource": "persistentvolumeclaims"},
            "can only get individual resources of this type",
        ),
        (
            {"verb": "get", "resource": "serviceaccounts", "name": "ci"},
            "can only create tokens for individual service accounts",
        ),
        (
            {"group": "coordination.k8s.io", "resource": "leases", "namespace": "a"},
            'can only access leases in the "kube-node-lease" system namespace',
        ),
        (
            {
                "group": "coordination.k8s.io",
                "resource": "leases",
                "namespace": "kube-node-lease",
                "name": "b",
            },
            "can only access node lease with the same name as the requesting node",
        ),
        (
            {"resource": "nodes", "name": "b"},
            "node 'a' cannot read 'b', only its own Node object",
        ),
        (
            {"verb": "list", "resource": "nodes"},
            "node 'a' cannot read all nodes, only its own Node object",
        ),
        (
            {"group": "storage.k8s.io", "resource": "csinodes", "name": "b"},
            "can only access CSINode with the same name as the requesting node",
        ),
    ],
)
def test_what_a_node_may_not_do(nodes, asked, why):
    assert asks(nodes, **asked) == (False, why)


def test_what_a_node_does_for_itself(nodes):
    token = {"verb": "create", "resource": "serviceaccounts", "subresource": "token"}
    assert asks(nodes, **token, namespace="default", name="ci")[0]
    lease = {"group": "coordination.k8s.io", "resource": "leases"}
    assert asks(nodes, **lease, verb="update", namespace="kube-node-lease", name="a")[0]
    assert asks(nodes, group="storage.k8s.io", resource="csinodes", name="a")[0]


# -- tokens


@pytest.fixture
def account(world):
    return world.create(SERVICE_ACCOUNTS, {"metadata": {"name": "ci", "namespace": "default"}})


def token(world):
    result = world.post(
        SERVICE_ACCOUNTS, {}, namespace="default", name="ci", subresource="token"
    ).status
    return result["status"]["token"]


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_others_can_check_a_token_by_the_public_key(world, account):
    head, claims, signature = token(world).split(".")
    [key] = world.registry.token_keys()["keys"]
    assert json.loads(decoded(head)) == {"alg": "ES256", "kid": key["kid"]}
    assert json.loads(decoded(claims))["iss"] == "https://kubernetes.default.svc.cluster.local"
    x, y = (int.from_bytes(decoded(key[name]), "big") for name in "xy")
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raw = decoded(signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    signed = f"{head}.{claims}".encode()
    public.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))


def test_a_seed_makes_the_same_tokens(make_world):
    def made(ids):
        world = make_world(ids)
        world.create(SERVICE_ACCOUNTS, {"metadata": {"name": "ci", "namespace": "default"}})
        return token(world)

    assert made(Ids(1)) == made(Ids(1)) != made(Ids(2))
    assert made(Ids(None)) != made(Ids(None))


def test_another_issuer(make_world):
    world = make_world(service_account_issuer="https://example.com")
    world.create(SERVICE_ACCOUNTS, {"metadata": {"name": "ci", "namespace": "default"}})
    text = token(world)
    claims = json.loads(decoded(text.split(".")[1]))
    assert (claims["iss"], claims["aud"]) == ("https://example.com", ["https://example.com"])
    assert world.registry.authenticate(text).name == "system:serviceaccount:default:ci"


def test_a_token_with_another_header_is_none_of_ours(world, account):
    head, claims, signature = token(world).split(".")
    forged = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for text in (f"{forged}.{claims}.{signature}", f"{head}.{claims}.", f"{head}.{claims}.A"):
        with world.refused(401, "Unauthorized"):
            world.registry.authenticate(text)


# -- the static token file


def test_static_tokens_are_reviewed(make_world, tmp_path):
    (tmp_path / "tokens").write_text('t,jane,7,"devs,ops"\n')
    world = make_world(token_auth_file=str(tmp_path / "tokens"))
    row = resources.resource("tokenreviews", "authentication.k8s.io")

    def review(**spec):
        return world.create(row, {"spec": spec})["status"]

    assert review(token="t") == {
        "authenticated": True,
        "user": {"username": "jane", "uid": "7", "groups": ["devs", "ops", "system:authenticated"]},
        "audiences": ["https://kubernetes.default.svc.cluster.local"],
    }
    assert "authenticated" not in review(token="t", audiences=["vault"])
    assert world.registry.authenticate("t").name == "jane"
    assert world.registry.authenticate("u") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "must have at least 3 columns (token, user name, user uid), found 2"),
        ("\x00", "at least 3 columns"),
    ],
)
def test_a_token_file_that_is_none(make_world, tmp_path, text, message):
    (tmp_path / "tokens").write_text(text)
    with pytest.raises(ValueError) as caught:
        make_world(token_auth_file=str(tmp_path / "tokens"))
    assert message in str(caught.value)
