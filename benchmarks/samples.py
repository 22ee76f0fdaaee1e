"""The objects that are measured with."""

import json

CORE = "/api/v1/namespaces/default"
PODS = f"{CORE}/pods"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def pod(name: str, **labels: str) -> dict[str, object]:
    """A pod of about 1.5 KiB as it comes back. No scheduler takes it up."""
    container = {
        "name": "web",
        "image": "registry.example.com/team/web:1.27.3",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "eu-1"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web", "tier": "front", **labels}},
        "spec": {"schedulerName": "nobody", "containers": [container]},
    }


def config_map(name: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "data": {"k": "v"}}


_TEXT = {"type": "string", "maxLength": 200}
_PORT = {
    "type": "object",
    "required": ["name", "port"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 15},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "protocol": {"type": "string", "enum": ["TCP", "UDP"], "default": "TCP"},
    },
}
_RULES = [{"rule": "self.replicas <= self.limit", "message": "replicas must not exceed the limit"}]


def definition(plural: str, *, rules: bool) -> dict[str, object]:
    """A custom kind whose schema has most of what schemas have; with `rules` one in CEL too."""
    kind = plural.capitalize()[:-1]
    spec = {
        "type": "object",
        "required": ["image"],
        "properties": {
            "image": _TEXT,
            "replicas": {"type": "integer", "minimum": 0, "default": 1},
            "limit": {"type": "integer", "default": 10},
            "paused": {"type": "boolean"},
            "labels": {"type": "object", "additionalProperties": _TEXT},
            "arguments": {"type": "array", "maxItems": 20, "items": _TEXT},
            "ports": {
                "type": "array",
                "maxItems": 20,
                "items": _PORT,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        },
        **({"x-kubernetes-validations": _RULES} if rules else {}),
    }
    status = {"type": "object", "properties": {"ready": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "metadata": {"name": f"{plural}.bench.example.com"},
        "spec": {
            "group": "bench.example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [version],
        },
    }


def custom_path(plural: str) -> str:
    return f"/apis/bench.example.com/v1/namespaces/default/{plural}"


def custom(plural: str, name: str, image: str = "web:1") -> dict[str, object]:
    """An object of the kind that `definition` makes."""
    return {
        "apiVersion": "bench.example.com/v1",
        "kind": plural.capitalize()[:-1],
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {
            "image": image,
            "replicas": 3,
            "labels": {"tier": "front", "team": "a"},
            "arguments": ["--verbose", "--port=8080"],
            "ports": [{"name": "http", "port": 8080}, {"name": "metrics", "port": 9090}],
        },
    }


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()
