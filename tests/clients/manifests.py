"""Objects that the tests of several client libraries create, as JSON has them."""

import dataclasses
from typing import Any


def pod(name: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "a", "image": "nginx"}], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def deployment(name: str, *, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod(name)["spec"]}
    template["spec"]["containers"][0]["name"] = name
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
        },
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Custom:
    """A kind of custom resource with a status and a scale, whose spec has a size and a color."""

    group: str
    kind: str = "Widget"
    plural: str = "widgets"
    version: str = "v1"

    @property
    def group_version(self) -> tuple[str, str]:
        return self.group, self.version

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"

    def body(self, name: str, *, size: Any) -> dict[str, Any]:
        head = {"apiVersion": self.api_version, "kind": self.kind}
        return {**head, "metadata": {"name": name}, "spec": {"size": size}}

    def definition(self) -> dict[str, Any]:
        integer = {"type": "integer", "minimum": 0}
        spec = {"size": integer, "color": {"type": "string", "default": "red"}}
        # What operators write into a status is their own affair.
        status = {
            "type": "object",
            "properties": {"ready": {"type": "integer"}},
            "x-kubernetes-preserve-unknown-fields": True,
        }
        schema = {"spec": {"type": "object", "properties": spec}, "status": status}
        scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.ready"}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{self.plural}.{self.group}"},
            "spec": {
                "group": self.group,
                "scope": "Namespaced",
                "names": {
                    "kind": self.kind,
                    "plural": self.plural,
                    "singular": self.kind.lower(),
                },
                "versions": [
                    {
                        "name": self.version,
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": {"type": "object", "properties": schema}},
                        "subresources": {"status": {}, "scale": scale},
                    }
                ],
            },
        }
