"""Expressions of policies and of match conditions: checked when stored, compiled, and asked.

After apiserver's `pkg/admission/plugin/cel`. `object`, `oldObject` and `params` are of any type;
`request`, `namespaceObject` and `authorizer` have types of their own. A variable is asked when an
expression needs it, in the order in which a policy declares them. Costs are not counted.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from cel_expr_python import cel

from miniplane.api.admission import authorizer, declarations, source
from miniplane.api.customresources.cel import environment
from miniplane.api.customresources.cel.environment import CompileError, EvaluationError

__all__ = ["Checker", "CompileError", "EvaluationError", "Program"]

BOOL, STRING, NULL = "bool", "string", "null_type"
OBJECT, PATCHES = "Object", "list(JSONPatch)"
ANY = "any"

_NAMES = ("object", "oldObject", "request", "namespaceObject", "params", "authorizer")
_RESOURCE = "authorizer.requestResource"
_PLAIN = {"NULL": "null_type", "TIMESTAMP": "timestamp", "DURATION": "duration"}


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


@functools.cache
def _patches() -> Any:
    overload = cel.Overload(
        "jsonpatch_escapeKey", cel.Type.STRING, [cel.Type.STRING], False, impl=_escape
    )
    return cel.CelExtension("jsonpatch", [cel.FunctionDecl("jsonpatch.escapeKey", [overload])])


def type_text(name: str) -> str:
    """The name of a type as cel-go writes it.

    >>> type_text("MAP<STRING, LIST<DYN>>")
    'map(string, list(dyn))'
    """
    name = name.replace("<", "(").replace(">", ")")
    return "".join(part if "." in part else _PLAIN.get(part, part.lower()) for part in _split(name))


def _split(text: str) -> list[str]:
    parts, word = [], ""
    for char in text:
        if char in "(), ":
            parts += [word, char]
            word = ""
        else:
            word += char
    return [part for part in [*parts, word] if part]


class Checker:
    """Checks the expressions of one policy. `params`: it has parameters."""

    def __init__(
        self,
        *,
        params: bool,
        types: Mapping[str, Any] | None = None,
        own: bytes = b"",
    ):
        """`types` are those of `object`, `oldObject` and `params` where they are known, `own` the
        serialized file in which they stand."""
        self._types: dict[str, Any] = {
            "object": cel.Type.DYN,
            "oldObject": cel.Type.DYN,
            "request": cel.Type(declarations.name("AdmissionRequest")),
            "namespaceObject": cel.Type(declarations.name("Namespace")),
        }
        if params:
            self._types["params"] = cel.Type.DYN
        self._types |= types or {}
        self._variables: dict[str, Any] = {}
        self._own = own

    def declare(self, name: str, expression: str) -> None:
        """A variable, for the expressions that come after it. CompileError; it is declared all the
        same then, with any type."""
        self._variables.setdefault("variables", cel.Type(declarations.name("variables")))
        key = f"variables.{name}"
        self._variables[key] = cel.Type.DYN
        self._variables[key] = self._compile(expression)

    def check(
        self,
        expression: str,
        wants: Sequence[str],
        *,
        has_authorizer: bool = True,
        composed: bool = True,
    ) -> None:
        """CompileError for an expression that cannot work, in the words of a `Status`. `wants` are
        the types that its result may have; `composed`: it may use the variables."""
        found = self._compile(expression, has_authorizer=has_authorizer, composed=composed).name()
        shown = type_text(found)
        if ANY in wants or shown in wants:
            return
        if OBJECT in wants and found.startswith("MAP") and expression.strip().endswith(("}", ")")):
            return
        if PATCHES in wants and found.startswith("LIST"):
            return
        if len(wants) == 1:
            raise CompileError(f"must evaluate to {wants[0]} but got {shown}")
        raise CompileError(f"must evaluate to one of [{' '.join(wants)}] but got {shown}")

    def _compile(
        self, expression: str, *, has_authorizer: bool = True, composed: bool = True
    ) -> Any:
        variables = dict(self._types)
        if has_authorizer:
            variables["authorizer"] = cel.Type(declarations.name("Authorizer"))
            variables[_RESOURCE] = cel.Type(declarations.name("ResourceCheck"))
        if composed:
            variables |= self._variables
        env = cel.NewEnv(
            declarations.pool(self._own),
            config=environment.config(bindings=False),
            variables=variables,
            extensions=[
                environment.extension(checking=True),
                authorizer.extension(checking=True),
                _patches(),
            ],
        )
        try:
            return env.compile(source.with_maps(expression)).return_type()
        except RuntimeError as error:
            text = environment.compile_text(str(error))
            raise CompileError(f"compilation failed: {text}") from None


@functools.cache
def _runtime() -> Any:
    return cel.NewEnv(
        config=environment.config(bindings=True),
        variables=dict.fromkeys((*_NAMES, _RESOURCE), cel.Type.DYN),
        extensions=[
            environment.extension(checking=False),
            authorizer.extension(checking=False),
            _patches(),
        ],
    )


class Program:
    """A compiled expression. `variables` are the ones declared before it, by name, in order.

    CompileError for what is not in the language.
    """

    def __init__(self, expression: str, variables: Mapping[str, str] | None = None):
        self.text = expression
        self._variables = dict(variables or {})
        self._used = self._needed(expression)
        body = _written(expression)
        for name in reversed(self._used):
            inner = _written(self._variables[name])
            body = f"cel.bind({source.identifier(name)}, ({inner}\n), ({body}\n))"
        try:
            self._expression = _runtime().compile(body)
        except RuntimeError as error:
            text = environment.compile_text(str(error))
            raise CompileError(f"compilation failed: {text}") from None

    def _needed(self, expression: str) -> list[str]:
        """The variables that an expression needs, directly or not, in the order of the policy."""
        needed: dict[str, None] = {}
        waiting = source.variables(expression)
        while waiting:
            name = waiting.pop()
            if name in self._variables and name not in needed:
                needed[name] = None
                waiting += source.variables(self._variables[name])
        return [name for name in self._variables if name in needed]

    def ask(self, data: Mapping[str, Any]) -> Any:
        """The result as a plain value. EvaluationError."""
        try:
            return self._ask(data)
        except EvaluationError as error:
            for name in source.variables(self.text):
                if name in self._used:
                    self._blame(name, data, str(error))
            raise

    def _ask(self, data: Mapping[str, Any]) -> Any:
        try:
            found = self._expression.eval(data=data)
            kind, result = found.type().name(), found.plain_value()
        except (RuntimeError, TypeError) as error:
            raise EvaluationError(environment.runtime_text(str(error))) from None
        if kind == "ERROR":
            raise EvaluationError(environment.runtime_text(str(result)))
        return result

    def _blame(self, name: str, data: Mapping[str, Any], text: str) -> None:
        """EvaluationError if it was this variable that came to no result."""
        earlier = dict(self._variables)
        for later in list(earlier)[list(earlier).index(name) :]:
            del earlier[later]
        try:
            Program(self._variables[name], earlier).ask(data)
        except EvaluationError as error:
            why = f'composited variable "{name}" fails to evaluate: {error}'
            raise EvaluationError(why) from None


def _written(expression: str) -> str:
    return source.with_identifiers(source.with_maps(expression))


def plain(value: Any) -> Any:
    """A result as JSON-shaped data. ValueError for a value of a type whose name does not say where
    it stands."""
    return _plain(value, "Object")


def _plain(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        named = value.get(source.TYPE)
        if named is not None and named not in (place, "JSONPatch"):
            raise ValueError(
                f'type mismatch: unexpected type name "{named}", expected "{place}", which matches '
                "field name path from root Object type"
            )
        return {
            key: _plain(item, f"{place}.{key}" if named != "JSONPatch" else "Object")
            for key, item in value.items()
            if key != source.TYPE
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item, place) for item in value]
    return value
