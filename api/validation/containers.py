"""A pod's containers of all three sorts (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, compute, env, mounts, probes, security
from miniplane.api.validation.checks import Errors
from miniplane.api.validation.context import PodContext

PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RESIZABLE = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")
_RULES_LIMIT = 20
_CODES_LIMIT = 255
_ALLOWED_IN_EPHEMERAL = frozenset(
    (
        "name",
        "image",
        "command",
        "args",
        "workingDir",
        "envFrom",
        "env",
        "volumeMounts",
        "volumeDevices",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "imagePullPolicy",
        "securityContext",
        "stdin",
        "stdinOnce",
        "tty",
        "targetContainerName",
    )
)

Container = Mapping[str, Any]


def regular(errors: Errors, path: str, containers: list[Container], pod: PodContext) -> None:
    if not containers:
        errors.append(field.required(path))
        return
    seen: dict[str, None] = {}
    for i, container in enumerate(containers):
        where = f"{path}[{i}]"
        _common(errors, where, container, pod)
        name = container.get("name") or ""
        if name in seen:
            errors.append(field.duplicate(f"{where}.name", name))
        seen[name] = None
        probes.of_container(errors, where, container, pod.grace_period)
        if "restartPolicy" in container or "restartPolicyRules" in container:
            _restart_rules(errors, where, container)
    _host_ports(errors, path, containers)


def init(
    errors: Errors,
    path: str,
    containers: list[Container],
    others: list[Container],
    pod: PodContext,
) -> None:
    seen = dict.fromkeys(container.get("name") or "" for container in others)
    for i, container in enumerate(containers):
        where = f"{path}[{i}]"
        _common(errors, where, container, pod)
        sidecar = container.get("restartPolicy") == "Always"
        if "restartPolicy" in container or "restartPolicyRules" in container:
            _restart_rules(errors, where, container)
        name = container.get("name") or ""
        if name in seen:
            errors.append(field.duplicate(f"{where}.name", name))
        elif name:
            seen[name] = None
        _host_ports(errors, path, [container])
        if sidecar:
            probes.of_container(errors, where, container, pod.grace_period)
        else:
            text = "may not be set for init containers without restartPolicy=Always"
            for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
                if container.get(key) is not None:
                    errors.append(field.forbidden(f"{where}.{key}", text))


def ephemeral(
    errors: Errors,
    path: str,
    containers: list[Container],
    others: list[Container],
    pod: PodContext,
) -> None:
    known = dict.fromkeys(container.get("name") or "" for container in others)
    seen = dict(known)
    for i, container in enumerate(containers):
        where = f"{path}[{i}]"
        _common(errors, where, container, pod)
        only_in_pods(errors, where, container)
        name = container.get("name") or ""
        if name in seen:
            errors.append(field.duplicate(f"{where}.name", name))
        seen[name] = None
        target = container.get("targetContainerName") or ""
        if target and target not in known:
            errors.append(field.not_found(f"{where}.targetContainerName", target))
        for key, value in container.items():
            if key not in _ALLOWED_IN_EPHEMERAL and value not in (None, [], {}, ""):
                text = "cannot be set for an Ephemeral Container"
                errors.append(field.forbidden(f"{where}.{key}", text))
        for j, mount in enumerate(container.get("volumeMounts") or ()):
            for key in ("subPath", "subPathExpr"):
                if mount.get(key):
                    text = "cannot be set for an Ephemeral Container"
                    errors.append(field.forbidden(f"{where}.volumeMounts[{j}].{key}", text))


def only_in_pods(errors: Errors, path: str, container: Container) -> None:
    """What templates may have, for old times' sake, and pods may not."""
    image = container.get("image") or ""
    if image != image.strip():
        text = "must not have leading or trailing whitespace"
        errors.append(field.invalid(f"{path}.image", image, text))


def _common(errors: Errors, path: str, container: Container, pod: PodContext) -> None:
    name = container.get("name")
    if not name:
        errors.append(field.required(f"{path}.name"))
    elif complaints := names.dns1123_label(name):
        checks.each(errors, f"{path}.name", name, complaints)
    if not container.get("image"):
        errors.append(field.required(f"{path}.image"))
    policy = container.get("terminationMessagePolicy")
    if policy not in _MESSAGE_POLICIES:
        checks.one_of(errors, f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES)
    if ports := container.get("ports"):
        _ports(errors, f"{path}.ports", ports)
    if variables := container.get("env"):
        env.variables(errors, f"{path}.env", variables)
    if env_from := container.get("envFrom"):
        env.env_from(errors, f"{path}.envFrom", env_from)
    mounts.of_container(errors, path, container, pod.volumes)
    policy = container.get("imagePullPolicy")
    if policy not in _PULL_POLICIES:
        checks.one_of(errors, f"{path}.imagePullPolicy", policy, _PULL_POLICIES)
    if resources := container.get("resources"):
        compute.requirements(errors, f"{path}.resources", resources, claims=pod.claims)
    if policies := container.get("resizePolicy"):
        _resize(errors, f"{path}.resizePolicy", policies, pod.restart_policy)
    if context := container.get("securityContext"):
        where = f"{path}.securityContext"
        security.container(errors, where, context, host_users=pod.host_users)


def _ports(errors: Errors, path: str, ports: list[dict[str, Any]]) -> None:
    seen: dict[str, None] = {}
    for i, port in enumerate(ports):
        where = f"{path}[{i}]"
        name = port.get("name")
        if name:
            if complaints := names.port_name(name):
                checks.each(errors, f"{where}.name", name, complaints)
            elif name in seen:
                errors.append(field.duplicate(f"{where}.name", name))
            else:
                seen[name] = None
        number = port.get("containerPort")
        if not number:
            errors.append(field.required(f"{where}.containerPort"))
        else:
            checks.port_number(errors, f"{where}.containerPort", number)
        if on_host := port.get("hostPort"):
            checks.port_number(errors, f"{where}.hostPort", on_host)
        protocol = port.get("protocol")
        if protocol not in PROTOCOLS:
            checks.one_of(errors, f"{where}.protocol", protocol, PROTOCOLS)


def _host_ports(errors: Errors, path: str, containers: list[Container]) -> None:
    """No two ports of these containers may want the same port of the host."""
    seen: dict[str, None] = {}
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if key in seen:
                errors.append(field.duplicate(f"{path}[{i}].ports[{j}].hostPort", key))
            seen[key] = None


def _resize(errors: Errors, path: str, policies: list[dict[str, Any]], restart_policy: str) -> None:
    seen: dict[str, None] = {}
    for i, policy in enumerate(policies):
        resource, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if resource in seen:
            errors.append(field.duplicate(f"{path}[{i}]", resource))
        seen[resource] = None
        checks.one_of(errors, path, resource, _RESIZABLE)
        checks.one_of(errors, path, restart, _RESIZE_POLICIES)
        if restart_policy == "Never" and restart != "NotRequired":
            text = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            errors.append(field.invalid(path, restart, text))


def _restart_rules(errors: Errors, path: str, container: Container) -> None:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    if policy is None:
        if rules:
            text = "must specify restartPolicy when restart rules are used"
            errors.append(field.required(f"{path}.restartPolicy", text))
    else:
        checks.supported(errors, f"{path}.restartPolicy", policy, _RESTART_POLICIES)
    if len(rules) > _RULES_LIMIT:
        errors.append(field.too_many(f"{path}.restartPolicyRules", len(rules), _RULES_LIMIT))
    for i, rule in enumerate(rules):
        where = f"{path}.restartPolicyRules[{i}]"
        checks.supported(errors, f"{where}.action", rule.get("action") or "", ("Restart",))
        codes = rule.get("exitCodes")
        if codes is None:
            errors.append(field.required(f"{where}.exitCodes", "must be specified"))
            continue
        operator = codes.get("operator") or ""
        checks.supported(errors, f"{where}.exitCodes.operator", operator, ("In", "NotIn"))
        values = codes.get("values") or ()
        if len(values) > _CODES_LIMIT:
            where = f"{where}.exitCodes.values"
            errors.append(field.too_many(where, len(values), _CODES_LIMIT))


def host_network(errors: Errors, path: str, containers: list[Container], *, is_pod: bool) -> None:
    """On the host's network a container's port is the host's; in templates it may be left out."""
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            on_host = port.get("hostPort") or 0
            if (is_pod or on_host) and on_host != (port.get("containerPort") or 0):
                text = "must match `containerPort` when `hostNetwork` is true"
                where = f"{path}.containers[{i}].ports[{j}].hostPort"
                errors.append(field.invalid(where, on_host, text))
