"""Defaults of admission webhooks and policies (`pkg/apis/admissionregistration/v1/defaults.go`)."""

from miniplane.api.objects import Obj

_WEBHOOK_TIMEOUT = 10
_HTTPS = 443


def validating_webhooks(obj: Obj) -> None:
    for webhook in obj.get("webhooks") or ():
        if webhook.get("failurePolicy") is None:
            webhook["failurePolicy"] = "Fail"
        _match(webhook)
        if webhook.get("timeoutSeconds") is None:
            webhook["timeoutSeconds"] = _WEBHOOK_TIMEOUT
        service = (webhook.get("clientConfig") or {}).get("service")
        if service is not None and service.get("port") is None:
            service["port"] = _HTTPS
        _rules(webhook.get("rules"))


def mutating_webhooks(obj: Obj) -> None:
    validating_webhooks(obj)
    for webhook in obj.get("webhooks") or ():
        if webhook.get("reinvocationPolicy") is None:
            webhook["reinvocationPolicy"] = "Never"


def admission_policy(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("failurePolicy") is None:
        spec["failurePolicy"] = "Fail"
    if (constraints := spec.get("matchConstraints")) is not None:
        _match_resources(constraints)


def policy_binding(obj: Obj) -> None:
    resources = (obj.get("spec") or {}).get("matchResources")
    if resources is not None:
        _match_resources(resources)


def _match_resources(resources: Obj) -> None:
    _match(resources)
    _rules(resources.get("resourceRules"))
    _rules(resources.get("excludeResourceRules"))


def _match(obj: Obj) -> None:
    if obj.get("matchPolicy") is None:
        obj["matchPolicy"] = "Equivalent"
    if obj.get("namespaceSelector") is None:
        obj["namespaceSelector"] = {}
    if obj.get("objectSelector") is None:
        obj["objectSelector"] = {}


def _rules(rules: list[Obj] | None) -> None:
    for rule in rules or ():
        if rule.get("scope") is None:
            rule["scope"] = "*"
