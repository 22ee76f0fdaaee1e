"""What only concerns Windows pods, and pods that say which system they are for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_CREDENTIAL_LIMIT = 64 * 1024
_DOMAIN_LIMIT = 256
_USER_LIMIT = 104
_DNS_PART = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_control_re = re.compile(r"[\x00-\x1f\x7f]")
_net_bios_re = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}')
_dns_re = re.compile(rf"{_DNS_PART}(?:\.{_DNS_PART})*")
_user_chars_re = re.compile(r'["/\\:;|=,+*?<>@\[\]]')
_dots_re = re.compile("[. ]+")

_POD_FIELDS = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
)
_SPEC_FIELDS = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace")
_CONTAINER_FIELDS = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)

Spec = Mapping[str, Any]


def options(errors: Errors, path: str, value: Mapping[str, Any] | None) -> None:
    """A WindowsSecurityContextOptions."""
    if value is None:
        return
    name = value.get("gmsaCredentialSpecName")
    if name is not None:
        where = f"{path}.gmsaCredentialSpecName"
        checks.each(errors, where, name, names.dns1123_subdomain(name))
    spec = value.get("gmsaCredentialSpec")
    if spec is not None:
        where = f"{path}.gmsaCredentialSpec"
        if not spec:
            text = "gmsaCredentialSpec cannot be an empty string"
            errors.append(field.invalid(where, spec, text))
        elif names.size(spec) > _CREDENTIAL_LIMIT:
            text = "gmsaCredentialSpec size must be under 64 KiB"
            errors.append(field.invalid(where, spec, text))
    user = value.get("runAsUserName")
    if user is not None:
        for complaint in _user_name(user):
            errors.append(field.invalid(f"{path}.runAsUserName", user, complaint))


def _user_name(value: str) -> Iterator[str]:
    if not value:
        yield "runAsUserName cannot be an empty string"
        return
    if _control_re.search(value):
        yield "runAsUserName cannot contain control characters"
        return
    parts = value.split("\\")
    if len(parts) > 2:
        yield "runAsUserName cannot contain more than one backslash"
        return
    user, domain = parts[-1], parts[0] if len(parts) == 2 else None
    if domain is not None:
        if names.size(domain) >= _DOMAIN_LIMIT:
            yield f"runAsUserName's Domain length must be under {_DOMAIN_LIMIT} characters"
        if not (_net_bios_re.fullmatch(domain) or _dns_re.fullmatch(domain)):
            yield "runAsUserName's Domain doesn't match the NetBios nor the DNS format"
    if not user:
        yield "runAsUserName's User cannot be empty"
    elif names.size(user) > _USER_LIMIT:
        yield f"runAsUserName's User length must not be longer than {_USER_LIMIT} characters"
    if _dots_re.fullmatch(user):
        yield "runAsUserName's User cannot contain only periods or spaces"
    if _user_chars_re.search(user):
        text = "runAsUserName's User cannot contain the following characters: "
        yield text + r'"/\:;|=,+*?<>@[]'


def host_process(errors: Errors, path: str, spec: Spec) -> None:
    """Either all containers run as processes of the host or none."""
    of_pod = _windows(spec).get("hostProcess")
    total = on_host = 0
    for where, container in containers_of(spec, path):
        total += 1
        own = _windows(container).get("hostProcess")
        if of_pod is not None and own is not None and of_pod != own:
            said = "true" if of_pod else "false"
            text = f"pod hostProcess value must be identical if both are specified, was {said}"
            spot = f"{where}.securityContext.windowsOptions.hostProcess"
            errors.append(field.invalid(spot, own, text))
        if own or (own is None and of_pod):
            on_host += 1
    if not on_host:
        return
    if on_host != total:
        text = (
            "If pod contains any hostProcess containers then all containers must be HostProcess "
            "containers"
        )
        errors.append(field.invalid(path, "", text))
    if not spec.get("hostNetwork"):
        text = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(field.invalid(f"{path}.hostNetwork", False, text))


def operating_system(errors: Errors, path: str, spec: Spec) -> None:
    """`spec.os`, and what cannot be had on the system that it names."""
    name = spec["os"].get("name") or ""
    if not name:
        errors.append(field.required(f"{path}.os.name", "cannot be empty"))
        return
    if name not in ("linux", "windows"):
        errors.append(field.not_supported(f"{path}.os", name, ("linux", "windows")))
        return
    context = spec.get("securityContext") or {}
    if name == "linux":
        text = "windows options cannot be set for a linux pod"
        if context.get("windowsOptions") is not None:
            errors.append(field.forbidden(f"{path}.securityContext.windowsOptions", text))
        for where, container in containers_of(spec, path):
            if (container.get("securityContext") or {}).get("windowsOptions") is not None:
                errors.append(field.forbidden(f"{where}.securityContext.windowsOptions", text))
        return
    text = "cannot be set for a windows pod"
    for key in _POD_FIELDS:
        if context.get(key) not in (None, []):
            errors.append(field.forbidden(f"{path}.securityContext.{key}", text))
    for key in _SPEC_FIELDS:
        if spec.get(key) is not None and (spec[key] or key in ("hostUsers",)):
            errors.append(field.forbidden(f"{path}.{key}", text))
    for where, container in containers_of(spec, path):
        own = container.get("securityContext") or {}
        for key in _CONTAINER_FIELDS:
            if own.get(key) is not None:
                errors.append(field.forbidden(f"{where}.securityContext.{key}", text))


def containers_of(spec: Spec, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every container with its path, in the order in which a server walks them."""
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(kind) or ()):
            yield f"{path}.{kind}[{i}]", container


def _windows(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    return (holder.get("securityContext") or {}).get("windowsOptions") or {}
