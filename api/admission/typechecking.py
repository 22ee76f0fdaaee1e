"""What is wrong with a policy's expressions, given the types of what it is about: warnings only.

After `pkg/admission/plugin/policy/validating/typechecking.go` of apiserver. Expressions are checked
against each kind that the rules name without wildcards, ten kinds at most. Parameters are of any
type here.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from miniplane.api import schema
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.api.schema import Node

MOST = 10
_SCALARS: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "bytes": {"type": "string", "format": "byte"},
    "quantity": {"x-kubernetes-int-or-string": True},
    "int-or-string": {"x-kubernetes-int-or-string": True},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
}


def checked_resources(policy: Obj, served: Sequence[Resource]) -> list[Resource]:
    """The resources that a policy names, by group, version and kind."""
    found: dict[Resource, None] = {}
    constraints = policy["spec"].get("matchConstraints") or {}
    for rule in constraints.get("resourceRules") or ():
        parts = [rule.get(key) or () for key in ("apiGroups", "apiVersions")]
        plurals = [r for r in rule.get("resources") or () if "*" not in r and "/" not in r]
        if any("*" in item for part in parts for item in part):
            continue
        for wanted in itertools.product(*map(sorted, (*parts, plurals))):
            for row in served:
                if (row.group, row.version, row.plural) == wanted and len(found) < MOST:
                    found[row] = None
    return sorted(found, key=lambda row: (row.group, row.version, row.kind))


def warnings(policy: Obj, served: Sequence[Resource]) -> list[dict[str, str]]:
    """`status.typeChecking.expressionWarnings`. Empty where the language is not installed."""
    try:
        from miniplane.api.admission import expressions
    except ImportError:
        return []
    spec = policy["spec"]
    checkers = []
    for row in checked_resources(policy, served):
        known, own = _types(row)
        types = {"object": known, "oldObject": known}
        params = bool(spec.get("paramKind"))
        checker = expressions.Checker(params=params, types=types, own=own)
        for variable in spec.get("variables") or ():
            try:
                checker.declare(variable["name"], variable["expression"])
            except expressions.CompileError:
                continue
        checkers.append((row, checker))
    found = []
    for i, validation in enumerate(spec.get("validations") or ()):
        for key in ("expression", "messageExpression"):
            expression = validation.get(key) or ""
            texts = []
            for row, checker in checkers if expression else ():
                try:
                    checker.check(expression, (expressions.ANY,))
                except expressions.CompileError as error:
                    why = str(error).removeprefix("compilation failed: ")
                    texts.append(f"{row.api_version}, Kind={row.kind}: {why}\n")
            if texts:
                where = f"spec.validations[{i}].{key}"
                found.append({"fieldRef": where, "warning": "\n".join(texts)})
    return found


def _types(row: Resource) -> tuple[Any, bytes]:
    """The type of a resource's objects, and the file in which it stands."""
    from miniplane.api.customresources import structural
    from miniplane.api.customresources.cel.types import Declared

    if row.custom is not None:
        declared = Declared(row.custom.structural, root=True)
    else:
        place = structural.parse(_raw(schema.node(row.definition), ()))
        declared = Declared(place, root=False)
    return declared.type, declared.file


def _raw(node: Node, above: tuple[str, ...]) -> dict[str, Any]:
    """A published schema as a structural one; what recurs has no type."""
    if node.name and node.name in above:
        return {}
    if node.kind == "scalar":
        return _SCALARS.get(node.scalar, {})
    below = (*above, node.name) if node.name else above
    if node.kind == "list" and node.item is not None:
        return {"type": "array", "items": _raw(node.item, below)}
    if node.kind == "map" and node.item is not None:
        return {"type": "object", "additionalProperties": _raw(node.item, below)}
    if node.kind == "object":
        fields = {name: _raw(inner, below) for name, inner in node.fields.items()}
        return {"type": "object", "properties": fields}
    return {}
