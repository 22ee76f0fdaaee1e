"""Expressions of admission policies and match conditions: they have to be in the language.

After `pkg/apis/admissionregistration/validation`. The language is loaded with the first expression;
without it, what has expressions is refused.
"""

from typing import TYPE_CHECKING, Any

from miniplane.api import field
from miniplane.api.validation.checks import Errors

if TYPE_CHECKING:
    from miniplane.api.admission.expressions import Checker

_NO_CEL = "expressions in CEL need the extra `cel` of miniplane: pip install 'miniplane[cel]'"

BOOL = ("bool",)
STRING = ("string",)
AUDIT = ("string", "null_type")
OBJECT = ("Object",)
PATCHES = ("list(JSONPatch)",)


class Expressions:
    """Checks the expressions of one object. Those that are empty are for others to complain of."""

    def __init__(self, errors: Errors, *, params: bool = False):
        self._errors = errors
        self._params = params
        self._found: Checker | None = None
        self._refused = False

    def _checker(self, path: str) -> "Checker | None":
        if self._found is None and not self._refused:
            try:
                from miniplane.api.admission import expressions  # loads the language
            except ImportError:
                self._refused = True
                self._errors.append(field.forbidden(path, _NO_CEL))
                return None
            self._found = expressions.Checker(params=self._params)
        return self._found

    def variable(self, path: str, name: str, expression: str) -> None:
        """Declare a variable for the expressions that come later."""
        if not expression.strip():
            return
        checker = self._checker(path)
        if checker is None:
            return
        try:
            checker.declare(name, expression)
        except ValueError as error:
            self._errors.append(field.invalid(path, expression, str(error)))

    def check(self, path: str, expression: Any, wants: tuple[str, ...], **how: bool) -> None:
        """`wants` are the types that the result may have; `how` as in `Checker.check`."""
        if not (expression or "").strip():
            return
        checker = self._checker(path)
        if checker is None:
            return
        try:
            checker.check(expression, wants, **how)
        except ValueError as error:
            self._errors.append(field.invalid(path, expression, str(error)))
