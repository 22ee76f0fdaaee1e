"""Signing requests: who has asked, who may approve and sign."""

import pytest

from miniplane.api import resources
from miniplane.api.certificates.signers import GROUP
from miniplane.api.options import User
from miniplane.testing import certificates
from miniplane.testing.certificates import APPROVED

REQUESTS = resources.resource("certificatesigningrequests", GROUP)
RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLES = resources.resource("clusterroles", RBAC)
CLUSTER_ROLE_BINDINGS = resources.resource("clusterrolebindings", RBAC)
JANE = User("jane", ("devs",), uid="7", extra=(("scopes", ("a", "b")),))
PEM = certificates.request("jane", "devs")


def ask(world, pem=PEM, *, name="r", user=JANE, **spec):
    return world.create(REQUESTS, certificates.signing_request(name, pem, **spec), user=user)


def allow(world, verb, signer, user="jane"):
    rule = {"apiGroups": [GROUP], "resources": ["signers"], "verbs": [verb]}
    rule["resourceNames"] = [signer]
    name = f"{verb}-{signer.replace('/', '-').replace('*', 'all')}"
    world.create(CLUSTER_ROLES, {"metadata": {"name": name}, "rules": [rule]})
    ref = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
    subject = {"apiGroup": RBAC, "kind": "User", "name": user}
    binding = {"metadata": {"name": name}, "roleRef": ref, "subjects": [subject]}
    world.create(CLUSTER_ROLE_BINDINGS, binding)


def decide(world, *conditions, user=JANE):
    obj = world.registry.get(REQUESTS, "", "r").obj
    changed = {**obj, "status": {"conditions": list(conditions)}}
    return world.update(REQUESTS, changed, subresource="approval", user=user)


def test_who_asks_is_the_servers_to_say(world):
    spec = ask(world, username="root", groups=["system:masters"], uid="0", extra={"a": ["b"]})[
        "spec"
    ]
    assert (spec["username"], spec["uid"], spec["groups"]) == ("jane", "7", ["devs"])
    assert spec["extra"] == {"scopes": ["a", "b"]}
    spec = ask(world, name="s", user=User("bob", ()), uid="0", extra={"a": ["b"]})["spec"]
    assert (spec["username"], "uid" in spec, "groups" in spec, "extra" in spec) == (
        "bob",
        False,
        False,
        False,
    )


def test_the_request_never_changes(world):
    body = certificates.signing_request("r", PEM)
    body["metadata"]["labels"] = {"a": "a"}
    made = world.create(REQUESTS, body)
    changed = {**made, "spec": {**made["spec"], "username": "root", "usages": ["any"]}}
    changed["metadata"] = {**made["metadata"], "labels": {"a": "b"}}
    after = world.update(REQUESTS, changed)
    assert after["spec"] == made["spec"] and after["metadata"]["labels"] == {"a": "b"}
    # Nobody owns what nobody can change.
    [entry] = after["metadata"]["managedFields"]
    assert list(entry["fieldsV1"]) == ["f:metadata"]


def test_the_name_may_be_any(world):
    assert ask(world, name="Node_1:a")["metadata"]["name"] == "Node_1:a"


def test_only_who_may_approve_for_the_signer_decides(world):
    ask(world)
    why = (
        'certificatesigningrequests.certificates.k8s.io "r" is forbidden: user not permitted to '
        'approve requests with signerName "kubernetes.io/kube-apiserver-client"'
    )
    with world.refused(403, "Forbidden", why):
        decide(world, APPROVED)
    allow(world, "approve", "kubernetes.io/kube-apiserver-client")
    [condition] = decide(world, APPROVED)["status"]["conditions"]
    assert condition["lastUpdateTime"] == condition["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    world.clock.advance(60)
    [condition] = decide(world, {**APPROVED, "message": "again"})["status"]["conditions"]
    assert condition["lastUpdateTime"] == "2026-01-01T00:01:00Z"
    assert condition["lastTransitionTime"] == "2026-01-01T00:00:00Z"


def test_a_right_for_all_signers_of_a_domain(world):
    ask(world)
    allow(world, "approve", "kubernetes.io/*")
    assert decide(world, {**APPROVED, "type": "Denied"})


def test_only_who_may_sign_for_the_signer_does(world):
    made = ask(world)
    failed = {"type": "Failed", "status": "True", "reason": "No"}
    changed = {**made, "status": {"conditions": [failed]}}
    with world.refused(403, "Forbidden", "user not permitted to sign requests with signerName"):
        world.update(REQUESTS, changed, subresource="status", user=JANE)
    # What is no decision is anybody's who may write the status.
    labelled = {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}}
    world.update(REQUESTS, labelled, subresource="status", user=JANE)
    allow(world, "sign", "kubernetes.io/kube-apiserver-client")
    changed["metadata"] = {**made["metadata"], "resourceVersion": ""}
    world.update(REQUESTS, changed, subresource="status", user=JANE)


def test_an_approval_stays_as_it_was(world):
    ask(world)
    made = decide(world, APPROVED, user=User())
    other = {**APPROVED, "message": "by me"}
    changed = {**made, "status": {"conditions": [other]}}
    after = world.update(REQUESTS, changed, subresource="status")
    assert after["status"]["conditions"] == made["status"]["conditions"]
    with world.refused(422, "Invalid", 'may not remove a condition of type "Approved"'):
        decide(world, user=User())


def test_nobody_becomes_a_master_by_a_certificate(world):
    pem = certificates.request("jane", "devs", "system:masters")
    with world.refused(
        403,
        "Forbidden",
        "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not "
        "allowed",
    ):
        ask(world, pem)
    assert ask(world, pem, signer="example.com/mine")


@pytest.mark.parametrize("tampered", [PEM.replace("BGRldn", "BGRldm"), PEM[:60] + "\n" + PEM[-40:]])
def test_what_is_no_request(world, tampered):
    with world.refused(422, "Invalid", "spec.request: Invalid value"):
        ask(world, tampered)
