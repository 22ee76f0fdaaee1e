"""Rows of admission configurations, priority and fairness, and dynamic resource allocation."""

from collections.abc import Sequence
from typing import Any

from miniplane.api.objects import Obj
from miniplane.api.tables.model import AGE, NAME, Column, Printer, doc, printer
from miniplane.api.tables.parts import (
    NONE,
    UNSET,
    age,
    as_text,
    deleted,
    listed,
    name,
    number,
    part,
    parts,
    text,
    texts,
    value,
)


def _webhooks(obj: Obj, now: float) -> list[Any]:
    return [name(obj), len(listed(obj, "webhooks")), age(obj, now)]


def _policy(obj: Obj, now: float) -> list[Any]:
    kind = UNSET
    if value(obj, "spec", "paramKind") is not None:
        found = part(obj, "spec", "paramKind")
        kind = f"{text(found, 'apiVersion')}/{text(found, 'kind')}"
    rules = listed(obj, "spec", "validations") or listed(obj, "spec", "mutations")
    return [name(obj), len(rules), kind, age(obj, now)]


def _selector_dump(selector: Any) -> str:
    """A LabelSelector as Go prints the message type: this column shows no friendlier form."""
    labels = part(selector, "matchLabels")
    shown = "".join(f"{key}: {as_text(labels[key])}," for key in sorted(labels))
    expressions = "".join(
        "LabelSelectorRequirement{"
        f"Key:{text(e, 'key')},Operator:{text(e, 'operator')},"
        f"Values:[{' '.join(texts(e, 'values'))}],}},"
        for e in parts(selector, "matchExpressions")
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{shown}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def _policy_binding(obj: Obj, now: float) -> list[Any]:
    reference = part(obj, "spec", "paramRef")
    shown = UNSET
    if found := text(reference, "name"):
        shown = f"{text(reference, 'namespace') or '*'}/{found}"
    elif reference.get("selector") is not None:
        shown = _selector_dump(reference["selector"])
    return [name(obj), text(obj, "spec", "policyName"), shown, age(obj, now)]


def _flow_schema(obj: Obj, now: float) -> list[Any]:
    missing = "?"
    for condition in parts(obj, "status", "conditions"):
        if condition.get("type") == "Dangling":
            missing = text(condition, "status")
            break
    method = value(obj, "spec", "distinguisherMethod")
    return [
        name(obj),
        text(obj, "spec", "priorityLevelConfiguration", "name"),
        number(obj, "spec", "matchingPrecedence"),
        NONE if method is None else text(method, "type"),
        age(obj, now),
        missing,
    ]


def _by_precedence(objs: Sequence[Obj]) -> Sequence[Obj]:
    return sorted(objs, key=lambda o: (number(o, "spec", "matchingPrecedence"), name(o)))


def _priority_level(obj: Obj, now: float) -> list[Any]:
    shares: Any = NONE
    queuing: list[Any] = [NONE, NONE, NONE]
    limited = value(obj, "spec", "limited")
    if limited is not None:
        shares = number(limited, "nominalConcurrencyShares")
        queues = value(limited, "limitResponse", "queuing")
        if queues is not None:
            queuing = [number(queues, k) for k in ("queues", "handSize", "queueLengthLimit")]
    return [name(obj), text(obj, "spec", "type"), shares, *queuing, age(obj, now)]


def _named(obj: Obj, now: float) -> list[Any]:
    return [name(obj), age(obj, now)]


def _claim_state(obj: Obj) -> str:
    states = ["deleted"] if deleted(obj) else []
    if value(obj, "status", "allocation") is not None:
        states.append("allocated")
        if listed(obj, "status", "reservedFor"):
            states.append("reserved")
    elif not states:
        states.append("pending")
    return ",".join(states)


def _resource_claim(obj: Obj, now: float) -> list[Any]:
    return [name(obj), _claim_state(obj), age(obj, now)]


def _resource_slice(obj: Obj, now: float) -> list[Any]:
    return [
        name(obj),
        text(obj, "spec", "nodeName"),
        text(obj, "spec", "driver"),
        text(obj, "spec", "pool", "name"),
        age(obj, now),
    ]


_WEBHOOKS = Column(
    "Webhooks",
    "integer",
    "Webhooks indicates the number of webhooks registered in this configuration",
)
_PARAM_KIND = Column(
    "ParamKind",
    "string",
    "ParamKind specifies the kind of resources used to parameterize this policy",
)
_BINDING_COLUMNS = (
    NAME,
    Column(
        "PolicyName",
        "string",
        "PolicyName indicates the policy definition which the policy binding binded to",
    ),
    Column(
        "ParamRef",
        "string",
        "ParamRef indicates the param resource which sets the configration param",
    ),
    AGE,
)
_ADMISSION, _FLOW, _RESOURCE = (
    "admissionregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "resource.k8s.io",
)
_QUEUES = "flowcontrol.v1.QueuingConfiguration"

PRINTERS: dict[tuple[str, str], Printer] = {
    (_ADMISSION, "MutatingWebhookConfiguration"): printer(_webhooks, NAME, _WEBHOOKS, AGE),
    (_ADMISSION, "ValidatingWebhookConfiguration"): printer(_webhooks, NAME, _WEBHOOKS, AGE),
    (_ADMISSION, "ValidatingAdmissionPolicy"): printer(
        _policy,
        NAME,
        Column(
            "Validations",
            "integer",
            "Validations indicates the number of validation rules defined in this configuration",
        ),
        _PARAM_KIND,
        AGE,
    ),
    (_ADMISSION, "MutatingAdmissionPolicy"): printer(
        _policy,
        NAME,
        Column(
            "Mutations",
            "integer",
            "Mutation indicates the number of mutations rules defined in this configuration",
        ),
        _PARAM_KIND,
        AGE,
    ),
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): printer(_policy_binding, *_BINDING_COLUMNS),
    (_ADMISSION, "MutatingAdmissionPolicyBinding"): printer(_policy_binding, *_BINDING_COLUMNS),
    (_FLOW, "FlowSchema"): printer(
        _flow_schema,
        NAME,
        Column(
            "PriorityLevel",
            "string",
            doc("flowcontrol.v1.PriorityLevelConfigurationReference", "name"),
        ),
        Column(
            "MatchingPrecedence",
            "string",
            doc("flowcontrol.v1.FlowSchemaSpec", "matchingPrecedence"),
        ),
        Column(
            "DistinguisherMethod",
            "string",
            doc("flowcontrol.v1.FlowSchemaSpec", "distinguisherMethod"),
        ),
        AGE,
        Column(
            "MissingPL",
            "string",
            "references a broken or non-existent PriorityLevelConfiguration",
        ),
        order=_by_precedence,
    ),
    (_FLOW, "PriorityLevelConfiguration"): printer(
        _priority_level,
        NAME,
        Column("Type", "string", doc("flowcontrol.v1.PriorityLevelConfigurationSpec", "type")),
        Column(
            "NominalConcurrencyShares",
            "string",
            doc("flowcontrol.v1.LimitedPriorityLevelConfiguration", "nominalConcurrencyShares"),
        ),
        Column("Queues", "string", doc(_QUEUES, "queues")),
        Column("HandSize", "string", doc(_QUEUES, "handSize")),
        Column("QueueLengthLimit", "string", doc(_QUEUES, "queueLengthLimit")),
        AGE,
    ),
    (_RESOURCE, "DeviceClass"): printer(_named, NAME, AGE),
    (_RESOURCE, "ResourceClaimTemplate"): printer(_named, NAME, AGE),
    (_RESOURCE, "ResourceClaim"): printer(
        _resource_claim,
        NAME,
        Column(
            "State",
            "string",
            "A summary of the current state (allocated, pending, reserved, etc.).",
        ),
        AGE,
    ),
    (_RESOURCE, "ResourceSlice"): printer(
        _resource_slice,
        NAME,
        Column("Node", "string", doc("resource.v1.ResourceSliceSpec", "nodeName")),
        Column("Driver", "string", doc("resource.v1.ResourceSliceSpec", "driver")),
        Column("Pool", "string", doc("resource.v1.ResourcePool", "name")),
        AGE,
    ),
}
