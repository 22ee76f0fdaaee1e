"""MutatingAdmissionPolicy: changes in CEL, as apply configurations or as JSON patches.

After `pkg/admission/plugin/policy/mutating` of apiserver. Nobody comes to own what a policy sets.
"""

from collections.abc import Iterator
from typing import Any

from miniplane.api import errors, fieldset, patch
from miniplane.api.admission.matching import Request
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.registry import incoming
from miniplane.registry.admission import conditions, policies, requests, webhooks
from miniplane.registry.admission.attributes import Attributes, Reinvocation
from miniplane.registry.admission.conditions import Question
from miniplane.registry.admission.extensions import Policy


class Refused(Exception):
    """A mutation that could not be made. The text says why."""


def mutating_admission_policy(attributes: Attributes) -> None:
    context = attributes.context
    if context.extensions.idle or context.exempt or requests.is_exempt(attributes):
        return
    if attributes.reinvocation is not None and attributes.reinvocation.second:
        attributes.reinvocation.look(attributes.obj)
    refused: list[tuple[str, str]] = []
    for policy in context.extensions.mutating_policies:
        for message, reason in _applied(attributes, policy):
            if policy.failure_policy != "Ignore":
                refused.append((message, reason))
    if refused:
        causes = [{"message": message} for message, _ in refused]
        error = errors.forbidden(attributes.resource, attributes.called, "", causes)
        error.message, reason = refused[0]
        error.args = (error.message,)
        error.reason = reason or error.reason
        raise error


def _applied(attributes: Attributes, policy: Policy) -> Iterator[tuple[str, str]]:
    """Let a policy change the object; gives what went wrong, as messages with their reasons."""
    for request, binding, param, problem in policies.bound(attributes, policy):
        if binding is None:
            yield f'policy "{policy.name}" denied request: {problem}', ""
            continue
        bound = f"policy '{policy.name}' with binding '{binding['metadata']['name']}' "
        if problem:
            yield f"{bound}denied request: {problem}", ""
            continue
        assert request is not None
        try:
            _mutate(attributes, policy, binding, request, param)
        except (Refused, ValueError, conditions.Failed) as error:
            yield f"{bound}denied request: {error}", "Invalid"


def _mutate(
    attributes: Attributes, policy: Policy, binding: Obj, request: Request, param: Obj | None
) -> None:
    spec, cache = policy.obj["spec"], policy.compiled
    if attributes.reinvocation is None:
        attributes.reinvocation = Reinvocation()
    state = attributes.reinvocation
    own = (param or {}).get("metadata") or {}
    names = (policy.name, binding["metadata"]["name"], own.get("namespace", ""), own.get("name"))
    key = "/".join(map(str, names))
    variables = policies.variables_of(policy)
    question = Question(attributes, request, params=param, namespaced=True)
    wanted = spec.get("matchConditions") or ()
    if not conditions.met(wanted, question, cache, policy.failure_policy, variables):
        return
    if state.second and key not in state.due:
        return
    if attributes.operation == "DELETE":
        return
    changed = False
    for i, mutation in enumerate(spec.get("mutations") or ()):
        config = mutation.get("applyConfiguration") or mutation.get("jsonPatch") or {}
        program = conditions.compiled(cache, f"mutations/{i}", config["expression"], variables)
        if changed:
            question = Question(attributes, request, params=param, namespaced=True)
        changed |= _one(attributes, request, mutation, question.ask(program))
    if changed:
        state.changed()
    if spec.get("reinvocationPolicy") == "IfNeeded":
        state.willing[key] = None


def _one(attributes: Attributes, request: Request, mutation: Obj, found: Any) -> bool:
    from miniplane.api.admission import expressions

    row = requests.row_of(attributes, request)
    before = requests.in_form(attributes, attributes.obj, row)
    assert before is not None
    value = expressions.plain(found)
    try:
        if mutation["patchType"] == "JSONPatch":
            after = _patched(before, value)
        else:
            after = _merged(row, before, value)
        return webhooks.put(attributes, row, before, after)
    except StatusError as error:
        raise Refused(error.message) from None


def _patched(before: Obj, operations: list[Any]) -> Obj:
    """The object after a JSON patch; as it was where one of the patch's tests fails."""
    after = before
    for operation in operations:
        try:
            after = patch.json_patch(after, [operation], field_validation="Ignore")
        except StatusError as error:
            if operation.get("op") == "test":
                return before
            raise Refused(f"JSON Patch: {error.message}") from None
    return after


def _merged(row: Resource, before: Obj, value: Obj) -> Obj:
    config = {**value, "apiVersion": before["apiVersion"], "kind": before["kind"]}
    try:
        return fieldset.merged(incoming.schema_of(row), before, config)
    except fieldset.Atomic as error:
        raise Refused(f"error applying patch: invalid ApplyConfiguration: {error}") from None
    except ValueError as error:
        raise Refused(
            f"error applying patch: failed to convert patch object to typed object: {error}"
        ) from None
