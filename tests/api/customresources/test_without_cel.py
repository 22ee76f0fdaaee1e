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
