"""Pods and pod templates as they are created (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import (
    checks,
    compute,
    containers,
    govalues,
    metadata,
    placement,
    podlevel,
    security,
    volumes,
    windows,
)
from miniplane.api.validation.checks import Errors
from miniplane.api.validation.context import PodContext

RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_MAX_INT32 = 2147483647

Spec = Mapping[str, Any]


def create(errors: Errors, obj: Mapping[str, Any]) -> None:
    whole(errors, obj)
    value = obj.get("spec") or {}
    if value.get("ephemeralContainers"):
        errors.append(field.forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if value.get("nodeName") and value.get("schedulingGates"):
        text = "cannot be set until all schedulingGates have been cleared"
        errors.append(field.forbidden("spec.nodeName", text))


def whole(errors: Errors, obj: Mapping[str, Any]) -> None:
    """A pod, but for its metadata: what has to hold whenever it is written."""
    meta, value = obj.get("metadata") or {}, obj.get("spec") or {}
    _own_annotations(errors, meta, value)
    spec(errors, "spec", value, pod_name=meta.get("name") or "", is_pod=True)
    if not value.get("serviceAccountName"):
        _tokens_need_an_account(errors, value)
    for kind in ("containers", "initContainers"):
        for i, container in enumerate(value.get(kind) or ()):
            containers.only_in_pods(errors, f"spec.{kind}[{i}]", container)


def unchanged(errors: Errors, obj: Mapping[str, Any]) -> None:
    """As `whole`, for a pod whose spec is as it was when it was written.

    Only a binding can have put something into it that a pod may not have.
    """
    value = obj.get("spec") or {}
    _own_annotations(errors, obj.get("metadata") or {}, value)
    _node_name(errors, "spec", value)


def _own_annotations(errors: Errors, meta: Mapping[str, Any], value: Spec) -> None:
    if annotations := meta.get("annotations"):
        pod_annotations(errors, "metadata.annotations", annotations, value)


def template(errors: Errors, path: str, value: Mapping[str, Any]) -> None:
    """A PodTemplateSpec."""
    meta, inner = value.get("metadata") or {}, value.get("spec") or {}
    checks.labels(errors, f"{path}.labels", meta.get("labels"))
    if annotations := meta.get("annotations"):
        metadata.annotations(errors, f"{path}.annotations", annotations)
        pod_annotations(errors, f"{path}.annotations", annotations, inner)
    spec(errors, f"{path}.spec", inner)
    if inner.get("ephemeralContainers"):
        text = "ephemeral containers not allowed in pod template"
        errors.append(field.forbidden(f"{path}.spec.ephemeralContainers", text))


def pod_annotations(errors: Errors, path: str, annotations: Mapping[str, str], value: Spec) -> None:
    """The annotations that mean something to the server."""
    mirror = annotations.get(_MIRROR)
    if mirror is not None and not value.get("nodeName"):
        text = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(field.invalid(f"{path}[{_MIRROR}]", mirror, text))
    cost = annotations.get(_DELETION_COST)
    if cost is not None and not _is_int32(cost):
        text = "must be a 32bit integer"
        errors.append(field.invalid(f"{path}[{_DELETION_COST}]", cost, text))


def _is_int32(text: str) -> bool:
    # A leading plus or zero is refused: two spellings would mean the same cost.
    if not (text == "0" or text[:1] in ("-", *"123456789")):
        return False
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 30:
        return False
    return -_MAX_INT32 - 1 <= int(text) <= _MAX_INT32


def spec(
    errors: Errors, path: str, value: Spec, *, pod_name: str = "", is_pod: bool = False
) -> None:
    """A PodSpec. `pod_name` is known for pods, not for templates."""
    if value.get("terminationGracePeriodSeconds") is None:
        errors.append(field.required(f"{path}.terminationGracePeriodSeconds"))
    good = volumes.pod_volumes(errors, f"{path}.volumes", value.get("volumes"), pod_name=pod_name)
    claims: tuple[str, ...] = ()
    if resource_claims := value.get("resourceClaims"):
        claims = tuple(c["name"] for c in resource_claims if c.get("name"))
        _resource_claims(errors, f"{path}.resourceClaims", resource_claims)
    restart_policy = value.get("restartPolicy") or ""
    pod = PodContext(
        volumes=good,
        claims=claims,
        grace_period=value.get("terminationGracePeriodSeconds"),
        restart_policy=restart_policy,
        host_users=value.get("hostUsers") is not False,
    )
    regular = value.get("containers") or []
    containers.regular(errors, f"{path}.containers", regular, pod)
    init = value.get("initContainers")
    if init:
        containers.init(errors, f"{path}.initContainers", init, regular, pod)
    ephemeral = value.get("ephemeralContainers")
    if ephemeral:
        others = [*regular, *(init or ())]
        containers.ephemeral(errors, f"{path}.ephemeralContainers", ephemeral, others, pod)
    if resources := value.get("resources"):
        podlevel.resources(errors, f"{path}.resources", value, resources)
    if value.get("hostNetwork"):
        containers.host_network(errors, path, regular, is_pod=is_pod)
    if restart_policy not in RESTART_POLICIES:
        checks.one_of(errors, f"{path}.restartPolicy", restart_policy, RESTART_POLICIES)
    dns_policy = value.get("dnsPolicy")
    if dns_policy not in _DNS_POLICIES:
        checks.one_of(errors, f"{path}.dnsPolicy", dns_policy, _DNS_POLICIES)
    _placement(errors, path, value)
    _identity(errors, path, value)
    if value.get("os") is not None:
        windows.operating_system(errors, path, value)


def _placement(errors: Errors, path: str, value: Spec) -> None:
    if selector := value.get("nodeSelector"):
        checks.labels(errors, f"{path}.nodeSelector", selector)
    if context := value.get("securityContext"):
        security.pod(errors, f"{path}.securityContext", context, value)
    if affinity := value.get("affinity"):
        placement.affinity(errors, f"{path}.affinity", affinity)
    if value.get("dnsConfig") is not None or value.get("dnsPolicy") == "None":
        where = f"{path}.dnsConfig"
        _dns_config(errors, where, value.get("dnsConfig"), value.get("dnsPolicy") or "")
    for i, gate in enumerate(value.get("readinessGates") or ()):
        where = f"{path}.readinessGates[{i}].conditionType"
        checks.qualified_name(errors, where, gate.get("conditionType") or "")
    if gates := value.get("schedulingGates"):
        _scheduling_gates(errors, f"{path}.schedulingGates", gates)
    if constraints := value.get("topologySpreadConstraints"):
        where = f"{path}.topologySpreadConstraints"
        placement.spread_constraints(errors, where, constraints)
    windows.host_process(errors, path, value)
    if value.get("hostUsers") is False:
        security.host_users(errors, path, value)


def _node_name(errors: Errors, path: str, value: Spec) -> None:
    name = value.get("nodeName")
    if name and (complaints := names.dns1123_subdomain(name)):
        checks.each(errors, f"{path}.nodeName", name, complaints)


def _identity(errors: Errors, path: str, value: Spec) -> None:
    account = value.get("serviceAccountName")
    if account and (complaints := names.dns1123_subdomain(account)):
        checks.each(errors, f"{path}.serviceAccountName", account, complaints)
    _node_name(errors, path, value)
    deadline = value.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MAX_INT32:
        text = names.between(1, _MAX_INT32)
        errors.append(field.invalid(f"{path}.activeDeadlineSeconds", deadline, text))
    for key in ("hostname", "subdomain"):
        name = value.get(key)
        if name and (complaints := names.dns1123_label(name)):
            checks.each(errors, f"{path}.{key}", name, complaints)
    if tolerations := value.get("tolerations"):
        placement.tolerations(errors, f"{path}.tolerations", tolerations)
    for i, alias in enumerate(value.get("hostAliases") or ()):
        where = f"{path}.hostAliases[{i}]"
        checks.ip_address(errors, f"{where}.ip", alias.get("ip") or "")
        for j, name in enumerate(alias.get("hostnames") or ()):
            checks.dns_subdomain(errors, f"{where}.hostnames[{j}]", name)
    for key in ("priorityClassName", "runtimeClassName"):
        name = value.get(key)
        if name or (name is not None and key == "runtimeClassName"):
            checks.dns_subdomain(errors, f"{path}.{key}", name)
    policy = value.get("preemptionPolicy")
    if policy is not None:
        choices = ("PreemptLowerPriority", "Never")
        checks.one_of(errors, f"{path}.preemptionPolicy", policy, choices)
    if overhead := value.get("overhead"):
        compute.requirements(errors, f"{path}.overhead", {"limits": overhead})


_CLAIM_FIELDS = (
    ("name", "Name", ""),
    ("resourceClaimName", "ResourceClaimName", None),
    ("resourceClaimTemplateName", "ResourceClaimTemplateName", None),
)


def _resource_claims(errors: Errors, path: str, claims: list[dict[str, Any]]) -> None:
    seen: dict[str, None] = {}
    for i, claim in enumerate(claims):
        where = f"{path}[{i}]"
        name = claim.get("name") or ""
        if not name:
            errors.append(field.required(f"{where}.name"))
        elif name in seen:
            errors.append(field.duplicate(f"{where}.name", name))
        else:
            checks.dns_label(errors, f"{where}.name", name)
            seen[name] = None
        own, made = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        if (own is None) == (made is None):
            text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            if own is not None:
                text = (
                    "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be "
                    "specified"
                )
            errors.append(field.invalid(where, govalues.struct(claim, *_CLAIM_FIELDS), text))
        if own is not None:
            checks.dns_subdomain(errors, f"{where}.resourceClaimName", own)
        if made is not None:
            checks.dns_subdomain(errors, f"{where}.resourceClaimTemplateName", made)


def _scheduling_gates(errors: Errors, path: str, gates: list[dict[str, Any]]) -> None:
    seen: dict[str, None] = {}
    for i, gate in enumerate(gates):
        name = gate.get("name") or ""
        checks.qualified_name(errors, f"{path}[{i}]", name)
        if name in seen:
            errors.append(field.duplicate(f"{path}[{i}]", name))
        seen[name] = None


def _dns_config(errors: Errors, path: str, config: Mapping[str, Any] | None, policy: str) -> None:
    servers = (config or {}).get("nameservers") or []
    if policy == "None":
        if config is None:
            text = "must provide `dnsConfig` when `dnsPolicy` is None"
            errors.append(field.required(path, text))
            return
        if not servers:
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            errors.append(field.required(f"{path}.nameservers", text))
            return
    if config is None:
        return
    if len(servers) > 3:
        text = "must not have more than 3 nameservers"
        errors.append(field.invalid(f"{path}.nameservers", servers, text))
    for i, server in enumerate(servers):
        checks.ip_address(errors, f"{path}.nameservers[{i}]", server)
    searches = config.get("searches") or []
    if len(searches) > 32:
        text = "must not have more than 32 search paths"
        errors.append(field.invalid(f"{path}.searches", searches, text))
    if names.size(" ".join(searches)) > 2048:
        text = "must not have more than 2048 characters (including spaces) in the search list"
        errors.append(field.invalid(f"{path}.searches", searches, text))
    for i, search in enumerate(searches):
        if search != ".":
            trimmed = search.removesuffix(".")
            complaints = names.dns1123_subdomain_with_underscore(trimmed)
            checks.each(errors, f"{path}.searches[{i}]", trimmed, complaints)
    for i, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            errors.append(field.required(f"{path}.options[{i}]", "must not be empty"))


def _tokens_need_an_account(errors: Errors, value: Spec) -> None:
    for i, volume in enumerate(value.get("volumes") or ()):
        for j, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
            if source.get("serviceAccountToken") is not None:
                text = "must not be specified when serviceAccountName is not set"
                where = f"spec.volumes[{i}].projected.sources[{j}].serviceAccountToken"
                errors.append(field.forbidden(where, text))
