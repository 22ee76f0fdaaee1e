"""ValidatingAdmissionPolicy: which requests it is asked about, and what comes of it."""

from typing import Any

import pytest

from miniplane.api import resources
from miniplane.api.options import User
from miniplane.testing import objects

GROUP = "admissionregistration.k8s.io"
POLICIES = resources.resource("validatingadmissionpolicies", GROUP)
BINDINGS = resources.resource("validatingadmissionpolicybindings", GROUP)
MAPS = resources.resource("configmaps")
DEPLOYMENTS = resources.DEPLOYMENTS

RULE = {
    "apiGroups": ["", "apps"],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["configmaps", "deployments"],
}


def policy(*expressions: str, rule: Any = (), constraints: Any = (), **spec: Any) -> dict[str, Any]:
    rules = [{**RULE, **dict(rule)}]
    return {
        "metadata": {"name": "p"},
        "spec": {
            "matchConstraints": {"resourceRules": rules, **dict(constraints)},
            "validations": [{"expression": e} for e in expressions],
            **spec,
        },
    }


def binding(name: str = "b", *actions: str, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"policyName": "p", "validationActions": list(actions or ("Deny",)), **spec},
    }


def config_map(name: str = "x", value: str = "1", **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "default", **({"name": name} if name else {}), **metadata},
        "data": {"a": value},
    }


@pytest.fixture
def bound(world):
    """A world with a policy and its binding."""

    def make(*expressions: str, bind: Any = None, **spec: Any):
        world.create(POLICIES, policy(*expressions, **spec))
        world.create(BINDINGS, bind or binding())
        return world

    return make


def test_nothing_happens_without_a_binding(world) -> None:
    world.create(POLICIES, policy("false"))
    world.create(MAPS, config_map())


def test_the_words_of_a_refusal(bound) -> None:
    world = bound("object.data.a == '1'")
    world.create(MAPS, config_map())
    said = (
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: "
        "object.data.a == '1'"
    )
    with world.refused(422, "Invalid") as caught:
        world.create(MAPS, config_map("y", "2"))
    assert caught.value.message == f'configmaps "y" is forbidden: {said}'
    assert caught.value.details == {
        "name": "y",
        "kind": "configmaps",
        "causes": [{"message": said}],
    }
    with world.refused(422, "Invalid", 'configmaps "x" is forbidden'):
        world.patch(MAPS, "x", {"data": {"a": "2"}})


@pytest.mark.parametrize(
    ("fields", "said", "code", "reason"),
    [
        ({"message": "too much "}, "too much", 422, "Invalid"),
        ({"messageExpression": "'is ' + object.data.a"}, "is 2", 422, "Invalid"),
        ({"message": "m", "messageExpression": "string(object.nothing)"}, "m", 422, "Invalid"),
        ({"message": "m", "messageExpression": "' '"}, "m", 422, "Invalid"),
        ({"message": "m", "reason": "Forbidden"}, "m", 403, "Forbidden"),
        ({"message": "m", "reason": "Unauthorized"}, "m", 401, "Unauthorized"),
        ({"message": "m", "reason": "RequestEntityTooLarge"}, "m", 413, "RequestEntityTooLarge"),
    ],
)
def test_messages_and_reasons(world, fields, said, code, reason) -> None:
    made = policy()
    made["spec"]["validations"] = [{"expression": "object.data.a == '1'", **fields}]
    world.create(POLICIES, made)
    world.create(BINDINGS, binding())
    with world.refused(code, reason, f"denied request: {said}"):
        world.create(MAPS, config_map("y", "2"))


def test_warn_and_audit_let_it_pass(bound) -> None:
    world = bound("false", bind=binding("b", "Warn", "Audit"))
    result = world.post(MAPS, config_map())
    assert result.warnings == [
        "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: "
        "false"
    ]


def test_variables_are_asked_when_they_are_needed(bound) -> None:
    world = bound(
        "!has(object.data.b) || variables.long > 3",
        variables=[
            {"name": "text", "expression": "object.data.b"},
            {"name": "long", "expression": "size(variables.text)"},
        ],
    )
    world.create(MAPS, config_map())
    world.create(MAPS, {**config_map("y"), "data": {"b": "long"}})
    with world.refused(422, "Invalid"):
        world.create(MAPS, {**config_map("z"), "data": {"b": "b"}})


def test_errors_and_the_failure_policy(bound) -> None:
    world = bound("variables.a > 1", variables=[{"name": "a", "expression": "object.spec.b"}])
    said = (
        "expression 'variables.a > 1' resulted in error: composited variable \"a\" fails to "
        "evaluate: no such key: spec"
    )
    with world.refused(422, "Invalid", said):
        world.create(MAPS, config_map())
    world.patch(POLICIES, "p", {"spec": {"failurePolicy": "Ignore"}})
    world.create(MAPS, config_map())


@pytest.mark.parametrize(
    ("expression", "passes"),
    [
        ("request.operation == 'CREATE' && request.namespace == 'default'", True),
        ("request.name == 'x' && request.kind.kind == 'ConfigMap'", True),
        ("request.resource.resource == 'configmaps' && !request.dryRun", True),
        ("request.userInfo.username == 'kubernetes-admin'", True),
        ("'system:masters' in request.userInfo.groups", True),
        ("request.options.fieldManager == 'tester'", True),
        ("oldObject == null && object.kind == 'ConfigMap' && object.apiVersion == 'v1'", True),
        ("namespaceObject.metadata.name == 'default'", True),
        ("namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'other'", False),
        ("authorizer.group('').resource('pods').namespace('x').check('get').allowed()", True),
        ("authorizer.requestResource.check('create').allowed()", True),
        ("authorizer.serviceAccount('a', 'b').path('/healthz').check('get').allowed()", False),
        ("object.data.?b.orValue('z') == 'z'", True),
        ("object.data.all(key, key.matches('^[a-z]+$'))", True),
        ("quantity('1Gi').isGreaterThan(quantity('1Mi'))", True),
    ],
)
def test_what_expressions_can_see(bound, expression, passes) -> None:
    world = bound(expression)
    if passes:
        world.create(MAPS, config_map())
    else:
        with world.refused(422, "Invalid"):
            world.create(MAPS, config_map())


def test_the_authorizer_is_about_who_asks(bound) -> None:
    world = bound("authorizer.requestResource.check('create').allowed()")
    with world.refused(422, "Invalid"):
        world.create(MAPS, config_map(), user=User("jane", ("system:authenticated",)))


@pytest.mark.parametrize(
    ("spec", "applies"),
    [
        ({"rule": {"resources": ["*"]}}, True),
        ({"rule": {"resources": ["*/*"]}}, True),
        ({"rule": {"resources": ["configmaps/status"]}}, False),
        ({"rule": {"operations": ["DELETE"]}}, False),
        ({"rule": {"scope": "Namespaced"}}, True),
        ({"rule": {"scope": "Cluster"}}, False),
        ({"rule": {"resourceNames": ["x"]}}, True),
        ({"rule": {"resourceNames": ["y"]}}, False),
        ({"constraints": {"excludeResourceRules": [RULE]}}, False),
        ({"constraints": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}, False),
        ({"constraints": {"objectSelector": {"matchLabels": {"app": "a"}}}}, True),
        ({"constraints": {"objectSelector": {"matchLabels": {"app": "b"}}}}, False),
        ({"matchConditions": [{"name": "c", "expression": "request.name == 'x'"}]}, True),
        ({"matchConditions": [{"name": "c", "expression": "request.name == 'y'"}]}, False),
    ],
)
def test_what_a_policy_is_about(bound, spec, applies) -> None:
    world = bound("false", **spec)
    if applies:
        with world.refused(422, "Invalid"):
            world.create(MAPS, config_map(labels={"app": "a"}))
    else:
        world.create(MAPS, config_map(labels={"app": "a"}))


def test_a_binding_narrows_it_down(bound) -> None:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "other"}}
    world = bound("false", bind=binding(matchResources={"namespaceSelector": selector}))
    world.create(MAPS, config_map())
    with world.refused(422, "Invalid"):
        world.create(MAPS, config_map(namespace="other"))


def test_deletes(bound) -> None:
    world = bound("oldObject.data.a != '1'", rule={"operations": ["DELETE"]})
    world.create(MAPS, config_map())
    with world.refused(422, "Invalid", 'configmaps "x" is forbidden'):
        world.delete(MAPS, "x")
    world.patch(MAPS, "x", {"data": {"a": "2"}})
    world.delete(MAPS, "x")


def test_policies_come_and_go(bound) -> None:
    world = bound("false")
    world.delete(BINDINGS, "b")
    world.create(MAPS, config_map())
    world.create(BINDINGS, binding())
    world.patch(POLICIES, "p", {"spec": {"validations": [{"expression": "true"}]}})
    world.create(MAPS, config_map("y"))
    world.delete(POLICIES, "p")
    assert world.registry._context.extensions.validating_policies == ()


def test_parameters(bound) -> None:
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    ref = {"name": "limits", "namespace": "other", "parameterNotFoundAction": "Deny"}
    world = bound(
        "object.spec.replicas <= int(params.data.most)",
        rule={"resources": ["deployments"]},
        paramKind=kind,
        bind=binding(paramRef=ref),
    )
    with world.refused(
        422,
        "Invalid",
        "denied request: failed to configure binding: no params found for policy binding with "
        "`Deny` parameterNotFoundAction",
    ):
        world.create(DEPLOYMENTS, objects.deployment("d", replicas=1), namespace="default")
    limits = {"metadata": {"name": "limits", "namespace": "other"}, "data": {"most": "3"}}
    world.create(MAPS, limits)
    world.create(DEPLOYMENTS, objects.deployment("d", replicas=3), namespace="default")
    with world.refused(422, "Invalid", 'deployments.apps "e" is forbidden'):
        world.create(DEPLOYMENTS, objects.deployment("e", replicas=4), namespace="default")
    world.delete(MAPS, "limits", namespace="other")
    world.patch(BINDINGS, "b", {"spec": {"paramRef": {"parameterNotFoundAction": "Allow"}}})
    world.create(DEPLOYMENTS, objects.deployment("e", replicas=4), namespace="default")


def test_parameters_by_selector_are_asked_one_by_one(bound) -> None:
    selector = {"matchLabels": {"limits": "yes"}}
    world = bound(
        "object.spec.replicas <= int(params.data.most)",
        rule={"resources": ["deployments"]},
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        bind=binding(paramRef={"selector": selector, "parameterNotFoundAction": "Deny"}),
    )
    for name, most in (("a", "5"), ("b", "2")):
        meta = {"name": name, "namespace": "default", "labels": {"limits": "yes"}}
        world.create(MAPS, {"metadata": meta, "data": {"most": most}})
    with world.refused(422, "Invalid"):
        world.create(DEPLOYMENTS, objects.deployment("d", replicas=3), namespace="default")
    world.create(DEPLOYMENTS, objects.deployment("d", replicas=2), namespace="default")


def test_a_kind_of_parameters_that_is_not_there(bound) -> None:
    ref = {"name": "x", "parameterNotFoundAction": "Deny"}
    world = bound(
        "true",
        paramKind={"apiVersion": "a.io/v1", "kind": "Lost"},
        bind=binding(paramRef=ref),
    )
    with world.refused(
        422,
        "Invalid",
        "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find "
        "resource referenced by paramKind: 'a.io/v1, Kind=Lost'",
    ):
        world.create(MAPS, config_map())


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"validations": [{"expression": "foo"}]},
            'spec.validations[0].expression: Invalid value: "foo": compilation failed: ERROR: '
            "<input>:1:1: undeclared reference to 'foo' (in container '')\n | foo\n | ^",
        ),
        (
            {"validations": [{"expression": "1"}]},
            'spec.validations[0].expression: Invalid value: "1": must evaluate to bool but got int',
        ),
        (
            {"validations": [{"expression": "true", "messageExpression": "true"}]},
            'messageExpression: Invalid value: "true": must evaluate to string but got bool',
        ),
        (
            {"validations": [{"expression": "params.a == 1"}]},
            "undeclared reference to 'params'",
        ),
        (
            {"variables": [{"name": "a", "expression": "1 +"}]},
            'spec.variables[0].expression: Invalid value: "1 +": compilation failed: ERROR: ',
        ),
        (
            {"validations": [{"expression": "variables.b"}], "variables": []},
            "undeclared reference to 'variables'",
        ),
        (
            {"matchConditions": [{"name": "a", "expression": "request.foo"}]},
            "undefined field 'foo'",
        ),
        (
            {"auditAnnotations": [{"key": "a", "valueExpression": "1"}]},
            'Invalid value: "1": must evaluate to one of [string null_type] but got int',
        ),
        (
            {
                "validations": [
                    {"expression": "true", "messageExpression": "authorizer.path('/').reason()"}
                ]
            },
            "undeclared reference to 'authorizer'",
        ),
    ],
)
def test_expressions_are_checked_when_they_are_stored(world, spec, said) -> None:
    with world.refused(422, "Invalid", said):
        world.create(POLICIES, policy("true", **spec))


def test_audit_annotations_that_cannot_be_worked_out(bound) -> None:
    annotation = {"key": "a", "valueExpression": "string(object.nothing.there)"}
    world = bound("true", auditAnnotations=[annotation])
    with world.refused(422, "Invalid", "resulted in error: no such key: nothing"):
        world.create(MAPS, config_map())


def test_quotas_are_not_charged_for_what_is_refused(bound) -> None:
    world = bound("object.data.a == '1'")
    quota = {
        "metadata": {"name": "q", "namespace": "default"},
        "spec": {"hard": {"count/configmaps": "5"}},
    }
    world.create(resources.RESOURCE_QUOTAS, quota)
    world.patch(
        resources.RESOURCE_QUOTAS,
        "q",
        {"status": {"hard": {"count/configmaps": "5"}, "used": {"count/configmaps": "0"}}},
        subresource="status",
    )
    with world.refused(422, "Invalid"):
        world.create(MAPS, config_map("y", "2"))
    world.create(MAPS, config_map())
    used = world.get(resources.RESOURCE_QUOTAS, "q")["status"]["used"]
    assert used == {"count/configmaps": "1"}


@pytest.mark.parametrize("subresource", ["exec", "attach", "portforward", "proxy"])
def test_connecting(bound, subresource) -> None:
    rule = {"operations": ["CONNECT"], "resources": ["pods/*"]}
    world = bound("object.container != 'secret'", rule=rule, failurePolicy="Ignore")
    with world.refused(422, "Invalid", 'pods "p" is forbidden'):
        asked = {"container": "secret"}
        world.post(resources.PODS, asked, namespace="default", name="p", subresource=subresource)
    with world.refused(501, "NotImplemented"):
        asked = {"container": "open"}
        world.post(resources.PODS, asked, namespace="default", name="p", subresource=subresource)


def test_tokens_and_bindings(bound) -> None:
    rule = {"operations": ["CREATE"], "resources": ["serviceaccounts/token", "pods/binding"]}
    world = bound(
        "request.kind.kind == 'TokenRequest' ? object.spec.expirationSeconds < 4000 : "
        "object.target.name == 'here'",
        rule=rule,
    )
    accounts = resources.resource("serviceaccounts")
    world.create(accounts, {"metadata": {"name": "a", "namespace": "default"}})
    where = {"namespace": "default", "name": "a", "subresource": "token"}
    world.post(accounts, {"spec": {"expirationSeconds": 3600}}, **where)
    with world.refused(422, "Invalid", 'serviceaccounts "a" is forbidden'):
        world.post(accounts, {"spec": {"expirationSeconds": 7200}}, **where)
    world.create(resources.PODS, objects.pod("p"), namespace="default")
    where = {"namespace": "default", "name": "p", "subresource": "binding"}
    with world.refused(422, "Invalid", 'pods "p" is forbidden'):
        world.post(resources.PODS, {"target": {"kind": "Node", "name": "there"}}, **where)
    world.post(resources.PODS, {"target": {"kind": "Node", "name": "here"}}, **where)


def test_finalizing_a_namespace(bound) -> None:
    world = bound(
        "has(object.spec.finalizers)", rule={"operations": ["*"], "resources": ["*/finalize"]}
    )
    namespace = world.get(resources.NAMESPACES, "other")
    with world.refused(422, "Invalid", 'namespaces "other" is forbidden'):
        world.put(resources.NAMESPACES, {**namespace, "spec": {}}, subresource="finalize")
