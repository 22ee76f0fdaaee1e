"""ValidatingAdmissionPolicy: rules in CEL that may refuse a request, or warn of it.

After `pkg/admission/plugin/policy/validating` of apiserver. There is no audit log: the action Audit
and audit annotations leave nothing behind, though an annotation that cannot be worked out counts as
a failure, as it does there.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from miniplane.api import errors
from miniplane.api.admission import matching
from miniplane.api.admission.matching import Request
from miniplane.api.objects import Obj
from miniplane.registry.admission import conditions, params, requests
from miniplane.registry.admission.attributes import Attributes
from miniplane.registry.admission.conditions import Question
from miniplane.registry.admission.extensions import Policy
from miniplane.registry.admission.params import Misconfigured

MESSAGE_LIMIT = 5 * 1024
_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413, "Invalid": 422}


@dataclasses.dataclass(frozen=True, slots=True)
class Denial:
    """Why a policy is against a request. `always`: whatever its binding says is to be done."""

    message: str
    reason: str = ""
    always: bool = False


def validating_admission_policy(attributes: Attributes) -> None:
    context = attributes.context
    if context.extensions.idle or context.exempt or requests.is_exempt(attributes):
        return
    refused: errors.StatusError | None = None
    for policy in context.extensions.validating_policies:
        for binding, denial in _denials(attributes, policy):
            actions = binding["spec"].get("validationActions") or () if binding else ()
            if denial.always or "Deny" in actions:
                refused = refused or _refusal(attributes, policy, binding, denial)
            if "Warn" in actions and binding is not None and not denial.always:
                attributes.warnings.append(
                    f"Validation failed for ValidatingAdmissionPolicy '{policy.name}' with binding "
                    f"'{binding['metadata']['name']}': {denial.message}"
                )
    if refused is not None:
        raise refused


def bound(
    attributes: Attributes, policy: Policy
) -> Iterator[tuple[Request | None, Obj | None, Obj | None, str]]:
    """How often and with what a policy is to be asked: the request as its rules know it, the
    binding, the parameters. Where a policy or binding cannot be used, the last item says why.
    """
    spec = policy.obj["spec"]
    seen = requests.matched(attributes)
    others = requests.equivalents(attributes, seen)
    constraints = spec.get("matchConstraints") or {}
    request = matching.resources_match(constraints, seen, others)
    if request is None or not requests.selected(attributes, seen, constraints):
        return
    row = None
    try:
        if spec.get("paramKind"):
            row = params.kind(attributes.context, spec["paramKind"])
    except Misconfigured as error:
        yield request, None, None, f"failed to configure policy: {error}"
        return
    for binding in policy.bindings:
        resources = binding["spec"].get("matchResources")
        if resources is not None and (
            matching.resources_match(resources, seen, others) is None
            or not requests.selected(attributes, seen, resources)
        ):
            continue
        try:
            ref = binding["spec"].get("paramRef")
            found = params.collect(attributes.context, row, ref, attributes.namespace)
        except Misconfigured as error:
            yield request, binding, None, f"failed to configure binding: {error}"
            continue
        for one in found:
            yield request, binding, one, ""


def variables_of(policy: Policy) -> dict[str, str]:
    return {v["name"]: v["expression"] for v in policy.obj["spec"].get("variables") or ()}


def _denials(attributes: Attributes, policy: Policy) -> Iterator[tuple[Obj | None, Denial]]:
    for request, binding, param, problem in bound(attributes, policy):
        if problem:
            if policy.failure_policy != "Ignore":
                yield binding, Denial(problem, always=True)
            continue
        assert request is not None
        question = Question(attributes, request, params=param, namespaced=True)
        for denial in _asked(policy, question):
            yield binding, denial


def _asked(policy: Policy, question: Question) -> Iterator[Denial]:
    spec, cache = policy.obj["spec"], policy.compiled
    variables = variables_of(policy)
    fails = policy.failure_policy != "Ignore"
    try:
        wanted = spec.get("matchConditions") or ()
        if not conditions.met(wanted, question, cache, policy.failure_policy, variables):
            return
    except conditions.Failed as error:
        yield Denial(str(error))
        return
    for i, validation in enumerate(spec.get("validations") or ()):
        expression = validation["expression"]
        try:
            program = conditions.compiled(cache, f"validations/{i}", expression, variables)
            if question.ask(program) is True:
                continue
        except ValueError as error:
            if fails:
                yield Denial(str(error))
            continue
        message = _message(question, validation, cache, f"messages/{i}", variables)
        yield Denial(message, validation.get("reason") or "Invalid")
    for i, annotation in enumerate(spec.get("auditAnnotations") or ()):
        expression = annotation["valueExpression"]
        try:
            program = conditions.compiled(cache, f"auditAnnotations/{i}", expression, variables)
            question.ask(program)
        except ValueError as error:
            if fails:
                yield Denial(str(error), always=True)


def _message(
    question: Question,
    validation: dict[str, Any],
    cache: dict[str, Any],
    key: str,
    variables: dict[str, str],
) -> str:
    expression = validation.get("messageExpression") or ""
    if expression.strip():
        try:
            text = question.ask(conditions.compiled(cache, key, expression, variables))
        except ValueError:
            text = None
        if isinstance(text, str):
            text = text.strip()
            if text and "\n" not in text and len(text.encode()) <= MESSAGE_LIMIT:
                return text
    message: str = (validation.get("message") or "").strip()
    return message or f"failed expression: {validation['expression'].strip()}"


def _refusal(
    attributes: Attributes, policy: Policy, binding: Obj | None, denial: Denial
) -> errors.StatusError:
    whose = f"ValidatingAdmissionPolicy '{policy.name}'"
    if binding is not None:
        whose += f" with binding '{binding['metadata']['name']}'"
    message = f"{whose} denied request: {denial.message}"
    error = errors.forbidden(
        attributes.resource, attributes.called, message, [{"message": message}]
    )
    error.reason = denial.reason or "Invalid"
    error.code = _CODES.get(error.reason, 422)
    return error
