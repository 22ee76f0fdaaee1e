"""Which rules a schema has, and asking them of an object.

After `pkg/apiserver/schema/cel/validation.go` of apiextensions-apiserver. A rule that mentions
`oldSelf` is asked only where there is an old value; what a rule says of a part that has not been
changed is a warning. The costs that the real server counts are not counted.
"""

import re
from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.customresources.cel import environment, paths, values
from miniplane.api.customresources.cel.environment import (
    CompileError,
    EvaluationError,
    Program,
)
from miniplane.api.customresources.cel.types import Declared
from miniplane.api.customresources.correlate import Correlated, by_keys, key_of
from miniplane.api.customresources.structural import Structural, has_rules
from miniplane.api.field import FieldError, Path

MESSAGE_LIMIT = 5 * 1024
_TEXT = re.compile(r"""r?("{3}.*?"{3}|'{3}.*?'{3}|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|//[^\n]*""")
_OLD = re.compile(r"(?<![\w.])oldSelf\b")


def uses_old(expression: str) -> bool:
    """Whether an expression mentions `oldSelf`, outside of texts and comments."""
    return _OLD.search(_TEXT.sub("''", expression)) is not None


class Rule:
    """One entry of `x-kubernetes-validations`."""

    def __init__(self, raw: Mapping[str, Any], place: Structural):
        self.text: str = (raw.get("rule") or "").strip()
        self.message: str = (raw.get("message") or "").strip()
        self.reason: str = raw.get("reason") or "FieldValueInvalid"
        self.optional_old = bool(raw.get("optionalOldSelf"))
        self.uses_old = uses_old(raw.get("rule") or "")
        target = raw.get("fieldPath") or ""
        self.path = (paths.normalized(target, place) or "") if target else ""
        self.problem = ""
        self._message_program: Program | None = None
        expression = raw.get("messageExpression") or ""
        try:
            self._program = Program(raw.get("rule") or "", optional_old=self.optional_old)
        except CompileError as error:
            self.problem = f"compilation failed: {error}"
            return
        if expression:
            try:
                self._message_program = Program(expression, optional_old=self.optional_old)
            except CompileError:
                self._message_program = None

    @property
    def name(self) -> str:
        return self.message or self.text

    def ask(self, value: Any, old: Any, *, has_old: bool) -> bool:
        return self._program.ask(value, old, has_old=has_old) is True

    def complaint(self, value: Any, old: Any, *, has_old: bool) -> str:
        """What to say of a value that breaks the rule."""
        if self._message_program is not None:
            try:
                text = self._message_program.ask(value, old, has_old=has_old)
            except EvaluationError:
                text = None
            if isinstance(text, str):
                text = text.strip()
                if text and "\n" not in text and len(text.encode()) <= MESSAGE_LIMIT:
                    return text
        return self.message or f"failed rule: {self.text}"


class Place:
    """A place of a schema that has rules, or has such places below it."""

    __slots__ = ("additional", "items", "properties", "root", "rules", "schema")

    def __init__(self, schema: Structural, *, root: bool):
        self.schema = schema
        self.root = root
        self.rules = [Rule(raw, schema) for raw in schema.rules]
        self.items = of(schema.items)
        self.additional = of(schema.additional)
        below = ((name, of(inner)) for name, inner in schema.properties.items())
        self.properties = {name: place for name, place in below if place is not None}

    def validate(
        self, value: Any, old: Any, both: Correlated | None, warnings: list[str]
    ) -> list[FieldError]:
        """What breaks a rule in `value`. `both` is the value beside the old one; `warnings` takes
        what is told and not held against it."""
        errors: list[FieldError] = []
        self._walk(errors, value, old, Path(""), (both, None), warnings)
        return errors

    def _walk(
        self,
        errors: list[FieldError],
        value: Any,
        old: Any,
        path: Path,
        both: tuple[Correlated | None, Correlated | None],
        warnings: list[str],
    ) -> None:
        """`both` are the value beside its old one, and the nearest place above that has one."""
        if value is None:
            return
        if self.rules:
            self._ask(errors, value, old, path, both, warnings)
        if isinstance(value, list) and self.items is not None:
            known: dict[str, Any] = {}
            if self.schema.list_type == "map" and isinstance(old, list):
                known = by_keys(old, self.schema.list_keys)
            for i, item in enumerate(value):
                before = known.get(key_of(item, self.schema.list_keys)) if known else None
                inner = _below(both, i)
                self.items._walk(errors, item, before, path.index(i), inner, warnings)
        elif isinstance(value, dict):
            former = old if isinstance(old, dict) else {}
            for name, item in value.items():
                place, where = self.properties.get(name), path.child(name)
                if self.additional is not None:
                    place, where = self.additional, path.key(name)
                if place is not None:
                    inner = _below(both, name)
                    place._walk(errors, item, former.get(name), where, inner, warnings)

    def _ask(
        self,
        errors: list[FieldError],
        value: Any,
        old: Any,
        path: Path,
        both: tuple[Correlated | None, Correlated | None],
        warnings: list[str],
    ) -> None:
        schema = self.schema
        has_old = old is not None
        shown = values.convert(value, schema, root=self.root)
        former = values.convert(old, schema, root=self.root)
        here = path or "<nil>"
        for rule in self.rules:
            if rule.problem:
                text = f"rule compile error: {rule.problem}"
                errors.append(field.invalid(here, schema.type, text))
                continue
            if rule.uses_old and not has_old and not rule.optional_old:
                continue
            try:
                if rule.ask(shown, former, has_old=has_old):
                    continue
            except EvaluationError as error:
                errors.append(field.invalid(here, schema.type, _no_result(str(error), rule)))
                continue
            text = rule.complaint(shown, former, has_old=has_old)
            where = ".".join(part for part in (path, rule.path) if part) or "<nil>"
            problem = _error(where, value, text, rule.reason, omit=schema.type in _COMPOUND)
            if not rule.uses_old and _unchanged(both):
                warnings.append(str(problem))
            else:
                errors.append(problem)


_COMPOUND = ("object", "array")


def _below(
    both: tuple[Correlated | None, Correlated | None], step: str | int
) -> tuple[Correlated | None, Correlated | None]:
    here, above = both
    if here is None:
        return both
    if above is None and step in ("apiVersion", "kind"):
        return None, None
    return (here.key(step) if isinstance(step, str) else here.index(step)), here


def _unchanged(both: tuple[Correlated | None, Correlated | None]) -> bool:
    here, above = both
    nearest = here if here is not None else above
    return nearest is not None and nearest.equal


def _no_result(why: str, rule: Rule) -> str:
    if why.startswith("no such overload"):
        return (
            f"'{why}': call arguments did not match a supported operator, function or macro "
            f"signature for rule: {rule.name}"
        )
    return f"{why} evaluating rule: {rule.name}"


def _error(path: str, value: Any, text: str, reason: str, *, omit: bool) -> FieldError:
    if reason == "FieldValueForbidden":
        return field.forbidden(path, text)
    if reason == "FieldValueRequired":
        return field.required(path, text)
    if reason == "FieldValueDuplicate":
        if omit:
            return FieldError(path, reason, "Duplicate value")
        return field.duplicate(path, value)
    if omit:
        return FieldError(path, "FieldValueInvalid", f"Invalid value: {text}")
    return field.invalid(path, value, text)


def of(schema: Structural | None, *, root: bool | None = None) -> Place | None:
    """The rules of a schema and of all below it, None where there are none."""
    if schema is None or not has_rules(schema):
        return None
    return Place(schema, root=schema.embedded if root is None else root)


def check(
    schema: Structural, *, root: bool, uncorrelatable: str = ""
) -> list[tuple[int, str, Any, str]]:
    """What is wrong with the rules of one place, when a definition is created.

    Each fault is (index of the rule, its field, the value to show, text). `uncorrelatable` is the
    path of the place above from which on there are no old values, if there is such.
    """
    faults: list[tuple[int, str, Any, str]] = []
    checker = environment.Checker(Declared(schema, root=root))
    for i, raw in enumerate(schema.rules):
        text, expression = raw.get("rule") or "", raw.get("messageExpression") or ""
        if not text.strip():
            continue
        optional_old = bool(raw.get("optionalOldSelf"))
        shown = {
            "Rule": text,
            "Message": raw.get("message") or "",
            "MessageExpression": expression,
            "Reason": raw.get("reason"),
            "FieldPath": raw.get("fieldPath") or "",
            "OptionalOldSelf": raw.get("optionalOldSelf"),
        }
        for name, source, wants, word in (
            ("rule", text, "BOOL", "a bool"),
            ("messageExpression", expression, "STRING", "a string"),
        ):
            if not source.strip():
                continue
            kind = "cel expression" if name == "rule" else "messageExpression"
            prefix = "" if name == "rule" else "messageExpression "
            try:
                checker.check(source, wants=wants, optional_old=optional_old)
            except CompileError as error:
                why = str(error)
                if why.startswith("ERROR:"):
                    faults.append((i, name, shown, f"{prefix}compilation failed: {why}"))
                else:
                    faults.append((i, name, shown, f"{kind} must evaluate to {word}"))
                break
        if uses_old(text):
            if uncorrelatable:
                what = "oldSelf cannot be used on the uncorrelatable portion of the schema within"
                faults.append((i, "rule", text, f"{what} {uncorrelatable}"))
        elif raw.get("optionalOldSelf") is not None:
            why = "may not be set if oldSelf is not used in rule"
            faults.append((i, "optionalOldSelf", optional_old, why))
    return faults
