"""Without the CEL library, schemas with rules are refused in plain words; others work."""

import sys
from typing import Any

from miniplane.api import resources, validation

CRDS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")


def definition(**schema: Any) -> dict[str, Any]:
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", **schema}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {
                "plural": "widgets",
                "singular": "widget",
                "kind": "Widget",
                "listKind": "WidgetList",
            },
            "conversion": {"strategy": "None"},
            "versions": [version],
        },
        "status": {"storedVersions": ["v1"]},
    }


def test_rules_need_the_library(monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("miniplane.api.customresources")]:
        if ".cel" in name and not name.endswith((".cel", ".paths")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    package = sys.modules["miniplane.api.customresources.cel"]
    monkeypatch.delattr(package, "rules", raising=False)
    assert validation.create(CRDS, definition()) == []
    ruled = definition(**{"x-kubernetes-validations": [{"rule": "true"}]})
    (problem,) = validation.create(CRDS, ruled)
    assert problem.field.endswith("openAPIV3Schema.x-kubernetes-validations")
    assert "pip install 'miniplane[cel]'" in problem.message


def test_expressions_of_policies_need_it_too(monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("miniplane.api.admission.")]:
        monkeypatch.delitem(sys.modules, name)
    for part in ("expressions", "authorizer"):
        monkeypatch.delattr(sys.modules["miniplane.api.admission"], part, raising=False)
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    group = "admissionregistration.k8s.io"
    hooks = resources.resource("validatingwebhookconfigurations", group)
    hook: dict[str, Any] = {
        "name": "a.example.com",
        "clientConfig": {"url": "https://127.0.0.1/"},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail",
        "matchPolicy": "Exact",
    }
    configuration = {"metadata": {"name": "a"}, "webhooks": [hook]}
    assert validation.create(hooks, configuration) == []
    hook["matchConditions"] = [{"name": "a", "expression": "true"}]
    (problem,) = validation.create(hooks, configuration)
    assert problem.field == "webhooks[0].matchConditions[0].expression"
    assert "pip install 'miniplane[cel]'" in problem.message
