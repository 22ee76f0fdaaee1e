"""The checks of the level `baseline`: known ways out of a container are closed."""

import json
from collections.abc import Callable
from typing import Any

from miniplane.api.objects import Obj
from miniplane.api.podsecurity.parts import (
    Pod,
    Violation,
    containers,
    named,
    plural,
    quoted,
    security,
    setters,
)

_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_PROFILES = ("RuntimeDefault", "Localhost")
_CAPABILITIES = frozenset(
    (
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    )
)
SYSCTLS = (
    (0, "kernel.shm_rmid_forced"),
    (0, "net.ipv4.ip_local_port_range"),
    (0, "net.ipv4.tcp_syncookies"),
    (0, "net.ipv4.ping_group_range"),
    (0, "net.ipv4.ip_unprivileged_port_start"),
    (27, "net.ipv4.ip_local_reserved_ports"),
    (29, "net.ipv4.tcp_keepalive_time"),
    (29, "net.ipv4.tcp_fin_timeout"),
    (29, "net.ipv4.tcp_keepalive_intvl"),
    (29, "net.ipv4.tcp_keepalive_probes"),
    (32, "net.ipv4.tcp_rmem"),
    (32, "net.ipv4.tcp_wmem"),
)
"""Harmless sysctls, each with the minor version that first said so."""


def app_armor_profile(pod: Pod) -> Violation | None:
    bad_pod, names, values = profiles(pod, "appArmorProfile")
    who = setters(bad_pod, names)
    parts = [who] if who else []
    found = sorted(values)
    annotations = sorted(
        f"{key}={json.dumps(value, ensure_ascii=False)}"
        for key, value in (pod.metadata.get("annotations") or {}).items()
        if key.startswith(_APP_ARMOR)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )
    if annotations:
        parts.append(plural(len(annotations), "annotation"))
        found += annotations
    if not parts:
        return None
    return Violation(
        plural(len(found), "forbidden AppArmor profile"),
        f"{' and '.join(parts)} must not set AppArmor profile type to {quoted(found)}",
    )


def profiles(pod: Pod, key: str) -> tuple[bool, list[str], dict[str, None]]:
    """Who sets a profile that is neither the runtime's nor the node's: the pod, which containers,
    and to what."""
    values: dict[str, None] = {}

    def bad(holder: Obj) -> bool:
        kind = (security(holder).get(key) or {}).get("type")
        if kind is None or kind in _PROFILES:
            return False
        values[kind] = None
        return True

    bad_pod = bad(pod.spec)
    return bad_pod, [c["name"] for c in containers(pod.spec) if bad(c)], values


def capabilities(pod: Pod) -> Violation | None:
    names, extra = added_capabilities(pod, _CAPABILITIES)
    if not names:
        return None
    detail = f"{named(names)} must not include {quoted(extra)} in securityContext.capabilities.add"
    return Violation("non-default capabilities", detail)


def added_capabilities(pod: Pod, allowed: frozenset[str]) -> tuple[list[str], list[str]]:
    """Which containers add capabilities that are not allowed, and which those are."""
    names: list[str] = []
    extra: dict[str, None] = {}
    for container in containers(pod.spec):
        added = (security(container).get("capabilities") or {}).get("add") or ()
        mine = [c for c in added if c not in allowed]
        if mine:
            names.append(container["name"])
            extra |= dict.fromkeys(mine)
    return names, sorted(extra)


def host_namespaces(pod: Pod) -> Violation | None:
    shared = [f"{key}=true" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(key)]
    return Violation("host namespaces", ", ".join(shared)) if shared else None


def host_path_volumes(pod: Pod) -> Violation | None:
    names = [v["name"] for v in pod.spec.get("volumes") or () if v.get("hostPath") is not None]
    return Violation("hostPath volumes", named(names, "volume")) if names else None


def host_ports(pod: Pod) -> Violation | None:
    names: list[str] = []
    found: dict[str, None] = {}
    for container in containers(pod.spec):
        ports = [str(p["hostPort"]) for p in container.get("ports") or () if p.get("hostPort")]
        if ports:
            names.append(container["name"])
            found |= dict.fromkeys(ports)
    if not names:
        return None
    detail = (
        f"{named(names)} {plural(len(names), 'uses', 'use')} {plural(len(found), 'hostPort')} "
        f"{', '.join(sorted(found))}"
    )
    return Violation("hostPort", detail)


def host_probes(pod: Pod) -> Violation | None:
    names: dict[str, None] = {}
    hosts: dict[str, None] = {}
    for container in containers(pod.spec):
        lifecycle = container.get("lifecycle") or {}
        handlers = [container.get(f"{kind}Probe") for kind in ("liveness", "readiness", "startup")]
        handlers += [lifecycle.get("postStart"), lifecycle.get("preStop")]
        for handler in handlers:
            for action in ("httpGet", "tcpSocket"):
                host = ((handler or {}).get(action) or {}).get("host")
                if host:
                    names[container["name"]] = None
                    hosts[host] = None
    if not names:
        return None
    what = "probe or lifecycle host"
    detail = (
        f"{named(sorted(names))} {plural(len(names), 'uses', 'use')} {plural(len(hosts), what)} "
        f"{quoted(sorted(hosts))}"
    )
    return Violation(what, detail)


def privileged(pod: Pod) -> Violation | None:
    names = [c["name"] for c in containers(pod.spec) if security(c).get("privileged")]
    if not names:
        return None
    return Violation("privileged", f"{named(names)} must not set securityContext.privileged=true")


def proc_mount(pod: Pod) -> Violation | None:
    names: list[str] = []
    values: dict[str, None] = {}
    for container in containers(pod.spec):
        mount = security(container).get("procMount")
        if mount not in (None, "Default"):
            names.append(container["name"])
            values[mount] = None
    if not names:
        return None
    detail = f"{named(names)} must not set securityContext.procMount to {quoted(sorted(values))}"
    return Violation("procMount", detail)


def selinux_options(*allowed: str) -> Callable[[Pod], Violation | None]:
    """The check with the types that are allowed beside none at all."""

    def check(pod: Pod) -> Violation | None:
        types: dict[str, None] = {}
        told: dict[str, None] = {}

        def bad(holder: Obj) -> bool:
            options: Any = security(holder).get("seLinuxOptions") or {}
            kind = options.get("type") or ""
            if kind and kind not in allowed:
                types[kind] = None
            set_ = [key for key in ("user", "role") if options.get(key)]
            told.update(dict.fromkeys(set_))
            return bool(set_ or (kind and kind not in allowed))

        bad_pod = bad(pod.spec)
        who = setters(bad_pod, [c["name"] for c in containers(pod.spec) if bad(c)])
        if not who:
            return None
        parts = [f"{plural(len(types), 'type')} {quoted(sorted(types))}"] if types else []
        parts += [f"{key} may not be set" for key in ("user", "role") if key in told]
        detail = f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(parts)}"
        return Violation("seLinuxOptions", detail)

    return check


def seccomp_annotations(pod: Pod) -> Violation | None:
    """Before 1.19, when profiles stood in annotations."""
    annotations = pod.metadata.get("annotations") or {}
    keys = [_SECCOMP_POD, *(_SECCOMP_CONTAINER + c["name"] for c in containers(pod.spec))]
    found = sorted(
        f"{key}={json.dumps(annotations[key], ensure_ascii=False)}"
        for key in dict.fromkeys(keys)
        if key in annotations
        and annotations[key] not in ("runtime/default", "docker/default")
        and not annotations[key].startswith("localhost/")
    )
    if not found:
        return None
    detail = f"forbidden {plural(len(found), 'annotation')} {', '.join(found)}"
    return Violation("seccompProfile", detail)


def seccomp_profile(pod: Pod) -> Violation | None:
    bad_pod, names, values = profiles(pod, "seccompProfile")
    who = setters(bad_pod, names)
    if not who:
        return None
    detail = f"{who} must not set securityContext.seccompProfile.type to {quoted(sorted(values))}"
    return Violation("seccompProfile", detail)


def sysctls(minor: int) -> Callable[[Pod], Violation | None]:
    """The check with the sysctls that a minor version allows."""
    allowed = frozenset(name for since, name in SYSCTLS if since <= minor)

    def check(pod: Pod) -> Violation | None:
        given = security(pod.spec).get("sysctls") or ()
        found = [s["name"] for s in given if s["name"] not in allowed]
        return Violation("forbidden sysctls", ", ".join(found)) if found else None

    return check


def windows_host_process(pod: Pod) -> Violation | None:
    def bad(holder: Obj) -> bool:
        return bool((security(holder).get("windowsOptions") or {}).get("hostProcess"))

    who = setters(bad(pod.spec), [c["name"] for c in containers(pod.spec) if bad(c)])
    if not who:
        return None
    detail = f"{who} must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", detail)
