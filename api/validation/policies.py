"""Admission policies and their bindings (`pkg/apis/admissionregistration/validation`).

How expressions are checked stands in `expressions`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, conditions, selectors, webhooks
from miniplane.api.validation.checks import Errors
from miniplane.api.validation.expressions import AUDIT, BOOL, OBJECT, PATCHES, STRING, Expressions

_ACTIONS = ("Audit", "Deny", "Warn")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
_AUDITS_LIMIT = 20
_KEY_LIMIT = 50

Object = Mapping[str, Any]


def validating_policy(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    expressions = _policy(errors, spec)
    validations, audits = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not audits:
        text = "validations or auditAnnotations must contain at least one item"
        errors.append(field.required("spec.validations", text))
    for i, validation in enumerate(validations):
        _validation(errors, f"spec.validations[{i}]", validation, expressions)
    if len(audits) > _AUDITS_LIMIT:
        text = f"must not have more than {_AUDITS_LIMIT} auditAnnotations"
        errors.append(field.invalid("spec.auditAnnotations", None, text))
    seen: dict[str, None] = {}
    for i, audit in enumerate(audits):
        path = f"spec.auditAnnotations[{i}]"
        key = audit.get("key") or ""
        checks.qualified_name(errors, f"{path}.key", key)
        if names.size(key) > _KEY_LIMIT:
            errors.append(field.too_long(f"{path}.key", "", _KEY_LIMIT))
        if not (audit.get("valueExpression") or "").strip():
            text = "valueExpression is not specified"
            errors.append(field.required(f"{path}.valueExpression", text))
        expressions.check(f"{path}.valueExpression", audit.get("valueExpression"), AUDIT)
        if key in seen:
            errors.append(field.duplicate(f"{path}.key", key))
        seen[key] = None


def validating_policy_status(errors: Errors, obj: Object, old: Object) -> None:
    status = obj.get("status") or {}
    warnings = (status.get("typeChecking") or {}).get("expressionWarnings") or ()
    for i, warning in enumerate(warnings):
        path = f"status.typeChecking.expressionWarnings[{i}]"
        checks.required(errors, warning, path, "warning")
        if not (warning.get("fieldRef") or "").strip():
            errors.append(field.required(f"{path}.fieldRef"))
    conditions.check(errors, "status.conditions", status.get("conditions"))


def mutating_policy(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    expressions = _policy(errors, spec)
    mutations = spec.get("mutations") or ()
    if not mutations:
        text = "mutations must contain at least one item"
        errors.append(field.required("spec.mutations", text))
    for i, mutation in enumerate(mutations):
        path = f"spec.mutations[{i}]"
        kind = mutation.get("patchType") or ""
        if not kind:
            errors.append(field.required(f"{path}.patchType"))
        else:
            choices = ("ApplyConfiguration", "JSONPatch")
            checks.supported(errors, f"{path}.patchType", kind, choices)
        for choice, part, wants in (
            ("ApplyConfiguration", "applyConfiguration", OBJECT),
            ("JSONPatch", "jsonPatch", PATCHES),
        ):
            expression = (mutation.get(part) or {}).get("expression") or ""
            if kind == choice and not expression.strip():
                text = "expression is not specified"
                errors.append(field.required(f"{path}.{part}.expression", text))
            elif kind == choice:
                expressions.check(f"{path}.{part}.expression", expression, wants)
            elif kind and mutation.get(part) is not None:
                text = f"must not be specified when patchType is {kind}"
                errors.append(field.invalid(f"{path}.{part}", mutation[part], text))
    policy = spec.get("reinvocationPolicy") or ""
    checks.supported(errors, "spec.reinvocationPolicy", policy, webhooks.REINVOCATIONS)


def _policy(errors: Errors, spec: Object) -> Expressions:
    failure = spec.get("failurePolicy")
    if failure is None:
        errors.append(field.required("spec.failurePolicy"))
    else:
        checks.supported(errors, "spec.failurePolicy", failure, webhooks.FAILURES)
    kind = spec.get("paramKind")
    if kind is not None:
        _param_kind(errors, "spec.paramKind", kind)
    constraints = spec.get("matchConstraints")
    if constraints is None:
        errors.append(field.required("spec.matchConstraints"))
    else:
        path = "spec.matchConstraints"
        if not constraints.get("resourceRules"):
            errors.append(field.required(f"{path}.resourceRules"))
        _match_resources(errors, path, constraints)
    expressions = Expressions(errors, params=kind is not None)
    conditions = spec.get("matchConditions") or []
    webhooks.match_conditions(errors, "spec.matchConditions", conditions, expressions)
    for i, variable in enumerate(spec.get("variables") or ()):
        path = f"spec.variables[{i}]"
        name = variable.get("name") or ""
        if not name:
            errors.append(field.required(f"{path}.name", "name is not specified"))
        else:
            if names.c_identifier(name):
                text = "name is not a valid CEL identifier"
                errors.append(field.invalid(f"{path}.name", name, text))
        if not (variable.get("expression") or "").strip():
            text = "expression is not specified"
            errors.append(field.required(f"{path}.expression", text))
        if name and not names.c_identifier(name):
            expression = variable.get("expression") or ""
            expressions.variable(f"{path}.expression", name, expression)
    return expressions


def _param_kind(errors: Errors, path: str, kind: Object) -> None:
    version = kind.get("apiVersion") or ""
    where = f"{path}.apiVersion"
    if not version:
        errors.append(field.required(where))
    elif version.count("/") > 1:
        text = f"unexpected GroupVersion string: {version}"
        errors.append(field.invalid(where, version, text))
    else:
        group, _, name = version.rpartition("/")
        for complaint in (
            *(names.dns1123_subdomain(group) if group else ()),
            *names.dns1035_label(name),
        ):
            errors.append(field.invalid(where, version, complaint))
    if not kind.get("kind"):
        errors.append(field.required(f"{path}.kind"))
    elif complaints := names.dns1035_label(kind["kind"].lower()):
        text = f"may have mixed case, but should otherwise match: {','.join(complaints)}"
        errors.append(field.invalid(f"{path}.kind", kind["kind"], text))


def _match_resources(errors: Errors, path: str, resources: Object) -> None:
    for key in ("namespaceSelector", "objectSelector"):
        selectors.label_selector(errors, f"{path}.{key}", resources.get(key))
    checks.supported(errors, f"{path}.matchPolicy", resources.get("matchPolicy"), webhooks.MATCHES)
    for key in ("resourceRules", "excludeResourceRules"):
        for i, rule in enumerate(resources.get(key) or ()):
            where = f"{path}.{key}[{i}]"
            rule_names = rule.get("resourceNames") or []
            for j, name in enumerate(rule_names):
                checks.each(errors, f"{where}.resourceNames[{j}]", name, names.path_segment(name))
                if name in rule_names[:j]:
                    errors.append(field.duplicate(f"{where}.resourceNames[{j}]", name))
            webhooks.rule(errors, where, rule)


def _validation(errors: Errors, path: str, validation: Object, expressions: Expressions) -> None:
    expression = (validation.get("expression") or "").strip()
    message, reason = validation.get("message") or "", validation.get("reason")
    if not expression:
        text = "expression is not specified"
        errors.append(field.required(f"{path}.expression", text))
    expressions.check(f"{path}.expression", validation.get("expression"), BOOL)
    where, worded = f"{path}.messageExpression", validation.get("messageExpression") or ""
    if worded and not worded.strip():
        errors.append(field.invalid(where, worded, "must be non-empty if specified"))
    expressions.check(where, worded, STRING, has_authorizer=False)
    where = f"{path}.message"
    if message and not message.strip():
        text = "message must be non-empty if specified"
        errors.append(field.invalid(where, message, text))
    elif "\n" in message.strip():
        text = "message must not contain line breaks"
        errors.append(field.invalid(where, message, text))
    elif "\n" in expression and not message:
        text = "message must be specified if expression contains line breaks"
        errors.append(field.required(where, text))
    checks.supported(errors, f"{path}.reason", reason, _REASONS)


def validating_binding(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    _binding(errors, spec)
    actions = spec.get("validationActions") or []
    path = "spec.validationActions"
    if not actions:
        errors.append(field.required(path))
    for i, action in enumerate(actions):
        checks.supported(errors, f"{path}[{i}]", action, _ACTIONS)
        if action in actions[:i]:
            errors.append(field.duplicate(f"{path}[{i}]", action))
    if "Deny" in actions and "Warn" in actions:
        text = (
            "must not contain both Deny and Warn (repeating the same validation failure "
            "information in the API response and headers serves no purpose)"
        )
        errors.append(field.invalid(path, actions, text))


def mutating_binding(errors: Errors, obj: Object) -> None:
    _binding(errors, obj.get("spec") or {})


def _binding(errors: Errors, spec: Object) -> None:
    name = spec.get("policyName") or ""
    if not name:
        errors.append(field.required("spec.policyName"))
    else:
        checks.dns_subdomain(errors, "spec.policyName", name)
    ref = spec.get("paramRef")
    if ref is not None:
        _param_ref(errors, "spec.paramRef", ref)
    resources = spec.get("matchResources")
    if resources is not None:
        _match_resources(errors, "spec.matchResources", resources)


def _param_ref(errors: Errors, path: str, ref: Object) -> None:
    name, selector = ref.get("name") or "", ref.get("selector")
    if name:
        checks.each(errors, f"{path}.name", name, names.path_segment(name))
        if selector is not None:
            text = "name and selector are mutually exclusive"
            errors.append(field.forbidden(f"{path}.name", text))
    if selector is not None:
        selectors.label_selector(errors, f"{path}.selector", selector)
    elif not name:
        errors.append(field.required(path, "one of name or selector must be specified"))
    action = ref.get("parameterNotFoundAction")
    where = f"{path}.parameterNotFoundAction"
    if action is None:
        errors.append(field.required(where))
    else:
        checks.supported(errors, where, action, ("Deny", "Allow"))
