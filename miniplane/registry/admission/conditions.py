"""What expressions are asked about a request, and the match conditions of policies and webhooks.

After `pkg/admission/plugin/webhook/matchconditions` of apiserver. The language is loaded with the
first expression that is asked.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from miniplane.api.admission.matching import Request
from miniplane.api.objects import Obj
from miniplane.registry import authorization
from miniplane.registry.admission import requests
from miniplane.registry.admission.attributes import Attributes

if TYPE_CHECKING:
    from miniplane.api.admission.expressions import Program

_VERBS = {"CREATE": "create", "UPDATE": "update", "DELETE": "delete", "CONNECT": "connect"}


class Question:
    """What the expressions of one policy or webhook may look at.

    `request` is the one that its rules matched. `params` and `namespaced` are for policies.
    """

    def __init__(
        self,
        attributes: Attributes,
        request: Request,
        *,
        params: Obj | None = None,
        namespaced: bool = False,
    ):
        self._attributes = attributes
        row = requests.row_of(attributes, request)
        new = None if attributes.operation == "DELETE" else attributes.obj
        from miniplane.api.admission import authorizer

        user = attributes.options.user
        self._data: dict[str, Any] = {
            "object": requests.in_form(attributes, new, row),
            "oldObject": requests.in_form(attributes, attributes.old, row),
            "request": requests.body(attributes, request, row),
            "params": params,
            "namespaceObject": requests.namespace_object(attributes) if namespaced else None,
            "authorizer": authorizer.of(user),
            "authorizer.requestResource": authorizer.of_resource(
                user,
                group=attributes.resource.group,
                version=attributes.resource.version,
                resource=attributes.resource.plural,
                subresource=attributes.subresource,
                namespace=attributes.namespace,
                name=attributes.name,
            ),
        }

    def ask(self, program: "Program") -> Any:
        """The result as a plain value. `EvaluationError`, whose text is for refusals."""
        from miniplane.api.admission import authorizer
        from miniplane.api.admission.expressions import EvaluationError

        context = self._attributes.context
        with authorizer.asking(lambda user, asked: authorization.decide(context, user, asked)):
            try:
                return program.ask(self._data)
            except EvaluationError as error:
                text = f"expression '{program.text}' resulted in error: {error}"
                raise EvaluationError(text) from None


class Failed(Exception):
    """Match conditions that came to no result, where that is to count as a refusal."""


def compiled(
    cache: dict[str, Any], key: str, expression: str, variables: Mapping[str, str] | None = None
) -> "Program":
    """The program of an expression, made once. CompileError."""
    if key not in cache:
        from miniplane.api.admission import expressions

        cache[key] = expressions.Program(expression, variables)
    found: Program = cache[key]
    return found


def met(
    conditions: Iterable[Mapping[str, Any]],
    question: Question,
    cache: dict[str, Any],
    failure_policy: str,
    variables: Mapping[str, str] | None = None,
) -> bool:
    """Whether all match conditions are met. One that is not decides; else, one that came to no
    result counts as not met (`Ignore`), or is `Failed`."""
    failures = []
    for i, condition in enumerate(conditions):
        try:
            program = compiled(cache, f"matchConditions/{i}", condition["expression"], variables)
            if question.ask(program) is not True:
                return False
        except ValueError as error:
            failures.append(str(error))
    if not failures:
        return True
    if failure_policy == "Ignore":
        return False
    failures = list(dict.fromkeys(failures))
    raise Failed(failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]")
