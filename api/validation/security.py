"""Security contexts of pods and containers (`pkg/apis/core/validation/validation.go`)."""

import re
from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, govalues, windows
from miniplane.api.validation.checks import Errors

_SYSCTL_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"^({_SYSCTL_SEGMENT}[\./])*{_SYSCTL_SEGMENT}$"
_sysctl_re = re.compile(_SYSCTL)
_IPC_SYSCTLS = ("kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue.")
_PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
_PATH_MAX = 4095
_CONTEXT_FIELDS = (
    ("capabilities", "Capabilities", None),
    ("privileged", "Privileged", None),
    ("seLinuxOptions", "SELinuxOptions", None),
    ("windowsOptions", "WindowsOptions", None),
    ("runAsUser", "RunAsUser", None),
    ("runAsGroup", "RunAsGroup", None),
    ("runAsNonRoot", "RunAsNonRoot", None),
    ("readOnlyRootFilesystem", "ReadOnlyRootFilesystem", None),
    ("allowPrivilegeEscalation", "AllowPrivilegeEscalation", None),
    ("procMount", "ProcMount", None),
    ("seccompProfile", "SeccompProfile", None),
    ("appArmorProfile", "AppArmorProfile", None),
)

Context = Mapping[str, Any]


def container(errors: Errors, path: str, context: Context, *, host_users: bool) -> None:
    _ids(errors, path, context, "runAsUser", "runAsGroup")
    proc_mount = context.get("procMount")
    if proc_mount is not None:
        where = f"{path}.procMount"
        checks.supported(errors, where, proc_mount, ("Default", "Unmasked"))
        if host_users and proc_mount == "Unmasked":
            text = "`hostUsers` must be false to use `Unmasked`"
            errors.append(field.invalid(where, proc_mount, text))
    _seccomp(errors, f"{path}.seccompProfile", context.get("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        added = (context.get("capabilities") or {}).get("add") or ()
        conflicts = ["`privileged` to true"] if context.get("privileged") else []
        if "CAP_SYS_ADMIN" in added:
            conflicts.append("`capabilities.Add` CAP_SYS_ADMIN")
        for conflict in conflicts:
            text = f"cannot set `allowPrivilegeEscalation` to false and {conflict}"
            errors.append(field.invalid(path, _shown(context), text))
    windows.options(errors, f"{path}.windowsOptions", context.get("windowsOptions"))
    _app_armor(errors, f"{path}.appArmorProfile", context.get("appArmorProfile"))


def _shown(context: Context) -> dict[str, Any]:
    shown = govalues.struct(context, *_CONTEXT_FIELDS)
    capabilities = context.get("capabilities")
    if capabilities is not None:
        lists = (("add", "Add", None), ("drop", "Drop", None))
        shown["Capabilities"] = govalues.struct(capabilities, *lists)
    return shown


def pod(errors: Errors, path: str, context: Context, spec: Mapping[str, Any]) -> None:
    _ids(errors, path, context, "fsGroup", "runAsUser", "runAsGroup")
    for i, group in enumerate(context.get("supplementalGroups") or ()):
        where = f"{path}.supplementalGroups[{i}]"
        checks.each(errors, where, group, names.user_or_group_id(group))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(field.invalid(f"{path}.shareProcessNamespace", True, text))
    _sysctls(errors, f"{path}.sysctls", context.get("sysctls") or (), spec)
    policies = ("Always", "OnRootMismatch")
    where = f"{path}.fsGroupChangePolicy"
    checks.supported(errors, where, context.get("fsGroupChangePolicy"), policies)
    _seccomp(errors, f"{path}.seccompProfile", context.get("seccompProfile"))
    windows.options(errors, f"{path}.windowsOptions", context.get("windowsOptions"))
    _app_armor(errors, f"{path}.appArmorProfile", context.get("appArmorProfile"))
    policy = context.get("supplementalGroupsPolicy")
    where = f"{path}.supplementalGroupsPolicy"
    checks.supported(errors, where, policy, ("Merge", "Strict"))
    policy = context.get("seLinuxChangePolicy")
    where = f"{path}.seLinuxChangePolicy"
    checks.supported(errors, where, policy, ("MountOption", "Recursive"))


def host_users(errors: Errors, path: str, spec: Mapping[str, Any]) -> None:
    """A user namespace of its own goes with none of the host's other namespaces."""
    if spec.get("hostUsers") is False:
        text = "when `pod.Spec.HostUsers` is false"
        for key, shown in (
            ("hostNetwork", "hostNetwork"),
            ("hostPID", "HostPID"),
            ("hostIPC", "HostIPC"),
        ):
            if spec.get(key):
                errors.append(field.forbidden(f"{path}.{shown}", text))


def _ids(errors: Errors, path: str, context: Context, *keys: str) -> None:
    for key in keys:
        value = context.get(key)
        if value is not None and not 0 <= value <= 2147483647:
            checks.each(errors, f"{path}.{key}", value, names.user_or_group_id(value))


def _sysctls(errors: Errors, path: str, sysctls: Any, spec: Mapping[str, Any]) -> None:
    seen: dict[str, None] = {}
    for i, sysctl in enumerate(sysctls):
        where = f"{path}[{i}].name"
        name = sysctl.get("name") or ""
        if not name:
            errors.append(field.required(where))
        elif names.size(name) > 253 or not _sysctl_re.fullmatch(name):
            text = f"must have at most 253 characters and match regex {_SYSCTL}"
            errors.append(field.invalid(where, name, text))
        elif name in seen:
            errors.append(field.duplicate(where, name))
        seen[name] = None
        dotted = name.replace("/", ".")
        if spec.get("hostNetwork") and dotted.startswith("net."):
            text = "may not be specified when 'hostNetwork' is true"
            errors.append(field.invalid(where, name, text))
        elif spec.get("hostIPC") and dotted.startswith(_IPC_SYSCTLS):
            text = "may not be specified when 'hostIPC' is true"
            errors.append(field.invalid(where, name, text))


def _seccomp(errors: Errors, path: str, profile: Mapping[str, Any] | None) -> None:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    if not kind:
        text = "type is required when seccompProfile is set"
        errors.append(field.required(f"{path}.type", text))
    else:
        checks.supported(errors, f"{path}.type", kind, _PROFILE_TYPES)
    where = f"{path}.localhostProfile"
    if kind == "Localhost":
        if local is None:
            errors.append(field.required(where, "must be set when seccomp type is Localhost"))
        else:
            checks.local_path(errors, where, local)
    elif local is not None:
        shown = {"Type": kind, "LocalhostProfile": local}
        text = "can only be set when seccomp type is Localhost"
        errors.append(field.invalid(where, shown, text))


def _app_armor(errors: Errors, path: str, profile: Mapping[str, Any] | None) -> None:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    where = f"{path}.localhostProfile"
    if kind == "Localhost":
        if not local:
            errors.append(field.required(where, "must be set when AppArmor type is Localhost"))
        elif local != local.strip():
            text = "must not be padded with whitespace"
            errors.append(field.invalid(where, local, text))
        if local and names.size(local) > _PATH_MAX:
            errors.append(field.too_long(where, "", _PATH_MAX))
    elif kind in _PROFILE_TYPES:
        if local is not None:
            text = "can only be set when AppArmor type is Localhost"
            errors.append(field.invalid(where, local, text))
    elif not kind:
        text = "type is required when appArmorProfile is set"
        errors.append(field.required(f"{path}.type", text))
    else:
        errors.append(field.not_supported(f"{path}.type", kind, _PROFILE_TYPES))
