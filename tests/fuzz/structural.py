"""Random definitions of custom resources, and instances of them."""

import copy
from typing import Any

from tests.fuzz.chance import Chance

Obj = dict[str, Any]

GROUP, VERSION, PLURAL, KIND = "fuzz.example.com", "v1", "things", "Thing"
NAMES = {"plural": PLURAL, "singular": "thing", "kind": KIND, "listKind": "ThingList"}
FIELDS = ("a", "b", "size", "name", "x-y")

RULES = {
    "string": ("self != 'bad'", "self.size() < 20", "self == oldSelf || self != ''"),
    "integer": ("self >= 0", "self != 13", "self >= oldSelf"),
    "number": ("self < 1000.0",),
    "boolean": ("self || !self",),
    "array": ("self.size() < 4", "size(self) >= 0"),
    "object": ("size(self) < 10", "true"),
}
PATTERNS = ("^[a-z]*$", "^a", "^[0-9]+$", "b$")
TEXTS = ("a", "ab", "", "bad", "1", "b", "xyz", "2026-01-01T00:00:00Z", "10.0.0.1", "é")
FORMATS = ("date-time", "ipv4", "uuid", "byte", "date", "nothing-known", "int32", "duration")


def schema(chance: Chance, depth: int = 3) -> Obj:
    """A structural schema, most of the time."""
    kinds = ["string", "integer", "boolean", "number", "int-or-string"]
    if depth > 0:
        kinds += ["object", "array", "object", "array", "map", "free"]
    kind = chance.pick(kinds)
    out: Obj
    if kind == "int-or-string":
        out = {"x-kubernetes-int-or-string": True}
    elif kind == "array":
        out = array(chance, depth)
    elif kind == "object":
        out = object_of(chance, depth)
    elif kind == "map":
        out = {"type": "object", "additionalProperties": schema(chance, depth - 1)}
        if chance.percent(20):
            out["x-kubernetes-map-type"] = "atomic"
    elif kind == "free":
        out = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        if chance.percent(30):
            out["x-kubernetes-embedded-resource"] = True
        if chance.percent(50):
            out["properties"] = {"a": schema(chance, depth - 1)}
    else:
        out = scalar(chance, kind)
    if chance.percent(15):
        out["nullable"] = True
    if kind in RULES and chance.percent(15):
        limit = {"string": "maxLength", "array": "maxItems", "object": "maxProperties"}.get(kind)
        if limit:
            out.setdefault(limit, 10)
        out["x-kubernetes-validations"] = [{"rule": chance.pick(RULES[kind])}]
    if chance.percent(20):
        out["default"] = instance(chance, out)
    return out


def scalar(chance: Chance, kind: str) -> Obj:
    out: Obj = {"type": kind}
    if kind == "string":
        for key, values in (
            ("pattern", PATTERNS),
            ("maxLength", (0, 1, 3, 10)),
            ("minLength", (0, 1)),
            ("format", FORMATS),
            ("enum", (["a", "b"], ["a", ""])),
        ):
            if chance.percent(12):
                out[key] = chance.pick(values)
    elif kind in ("integer", "number"):
        for key, values in (
            ("minimum", (0, 1, -5)),
            ("maximum", (10, 1, 1000)),
            ("multipleOf", (2, 5)),
            ("format", ("int32", "int64")),
            ("enum", ([1, 2, 3],)),
        ):
            if chance.percent(12):
                out[key] = chance.pick(values)
    return out


def array(chance: Chance, depth: int) -> Obj:
    out: Obj = {"type": "array"}
    how = chance.pick(("", "atomic", "set", "map"))
    if how:
        out["x-kubernetes-list-type"] = how
    if how == "set":
        out["items"] = {"type": chance.pick(("string", "integer"))}
    elif how == "map":
        items = object_of(chance, depth - 1)
        items["properties"] |= {"name": {"type": "string"}}
        items["required"] = ["name"]
        keys = ["name"]
        if chance.percent(30):
            items["properties"]["port"] = {"type": "integer", "default": 1}
            keys.append("port")
        items.pop("x-kubernetes-map-type", None)
        out |= {"items": items, "x-kubernetes-list-map-keys": keys}
    else:
        out["items"] = schema(chance, depth - 1)
    if chance.percent(15):
        out["maxItems"] = chance.pick((1, 2, 5))
    return out


def object_of(chance: Chance, depth: int) -> Obj:
    chosen = chance.some(FIELDS, 3) or ["a"]
    out: Obj = {
        "type": "object",
        "properties": {key: schema(chance, depth - 1) for key in chosen},
    }
    if chance.percent(20):
        out["required"] = [chance.pick(chosen)]
    if chance.percent(15):
        out["x-kubernetes-preserve-unknown-fields"] = True
    if chance.percent(10):
        out["x-kubernetes-map-type"] = chance.pick(("atomic", "granular"))
    if chance.percent(10):
        out[chance.pick(("oneOf", "anyOf", "allOf"))] = [{"required": [key]} for key in chosen]
    return out


def definition(chance: Chance) -> Obj:
    spec = schema(chance)
    root: Obj = {"type": "object", "properties": {"spec": spec}}
    if chance.percent(50):
        root["properties"]["status"] = object_of(chance, 2)
    version: Obj = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": root},
    }
    if chance.percent(40):
        version["subresources"] = {"status": {}}
    if chance.percent(30):
        path = chance.pick((".spec", ".spec.a", ".metadata.name", ".spec.x[*]", ".spec['a']"))
        column = {"name": "C", "type": chance.pick(("string", "integer", "date", "boolean"))}
        version["additionalPrinterColumns"] = [{**column, "jsonPath": path}]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": copy.deepcopy(NAMES),
            "versions": [version],
        },
    }


def instance(chance: Chance, of: Obj, depth: int = 4) -> Any:
    """A value that a schema most likely takes."""
    if of.get("nullable") and chance.percent(20):
        return None
    if "enum" in of:
        return chance.pick(of["enum"])
    if of.get("x-kubernetes-int-or-string"):
        return chance.pick((1, "a", "50%"))
    kind = of.get("type")
    if kind == "object":
        out = {}
        for key, below in of.get("properties", {}).items():
            if key in of.get("required", ()) or chance.percent(60):
                out[key] = instance(chance, below, depth - 1)
        if isinstance(more := of.get("additionalProperties"), dict) and depth > 0:
            out |= {key: instance(chance, more, depth - 1) for key in chance.some("kl", 2)}
        if of.get("x-kubernetes-preserve-unknown-fields") and chance.percent(50):
            out["unknown"] = chance.pick((1, "x", {"deep": [1, {"a": None}]}, [], {}))
        if of.get("x-kubernetes-embedded-resource"):
            out |= {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
        return out
    if kind == "array":
        return items(chance, of, depth)
    if kind == "boolean":
        return bool(chance.below(2))
    if kind in ("integer", "number"):
        return chance.pick((of.get("minimum", 1), 2, 10, 5, 0))
    return chance.pick(TEXTS)


def items(chance: Chance, of: Obj, depth: int) -> list[Any]:
    count = chance.between(0, min(2, of.get("maxItems", 2))) if depth > 0 else 0
    out = [instance(chance, of["items"], depth - 1) for _ in range(count)]
    if of.get("x-kubernetes-list-type") == "map":
        for at, item in enumerate(out):
            item["name"] = f"n{at}"
    elif of.get("x-kubernetes-list-type") == "set":
        out = [item for at, item in enumerate(out) if item not in out[:at]]
    return out


def thing(chance: Chance, crd: Obj, name: str = "x") -> Obj:
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": name, "namespace": "shop"},
        **instance(chance, root),
    }
