"""The checks of the level `restricted`: current best practice, at the price of some comfort."""

from miniplane.api.objects import Obj
from miniplane.api.podsecurity.baseline import added_capabilities, seccomp_profile
from miniplane.api.podsecurity.parts import (
    Check,
    Pod,
    Violation,
    containers,
    is_windows,
    named,
    plural,
    quoted,
    security,
    setters,
)

_VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
_NAMED_VOLUMES = (
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
)


def not_on_windows(check: Check) -> Check:
    """Since 1.25 Windows pods are let off what Windows does not know."""
    return lambda pod: None if is_windows(pod.spec) else check(pod)


def allow_privilege_escalation(pod: Pod) -> Violation | None:
    names = [
        c["name"]
        for c in containers(pod.spec)
        if security(c).get("allowPrivilegeEscalation") is not False
    ]
    if not names:
        return None
    detail = f"{named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail)


def capabilities(pod: Pod) -> Violation | None:
    missing = [
        c["name"]
        for c in containers(pod.spec)
        if "ALL" not in ((security(c).get("capabilities") or {}).get("drop") or ())
    ]
    adding, extra = added_capabilities(pod, frozenset(("NET_BIND_SERVICE",)))
    parts = []
    if missing:
        parts.append(f'{named(missing)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        parts.append(
            f"{named(adding)} must not include {quoted(extra)} in securityContext.capabilities.add"
        )
    return Violation("unrestricted capabilities", "; ".join(parts)) if parts else None


def restricted_volumes(pod: Pod) -> Violation | None:
    names: list[str] = []
    kinds: dict[str, None] = {}
    for volume in pod.spec.get("volumes") or ():
        if any(volume.get(key) is not None for key in _VOLUMES):
            continue
        names.append(volume["name"])
        kind = next((key for key in _NAMED_VOLUMES if volume.get(key) is not None), "unknown")
        kinds[kind] = None
    if not names:
        return None
    what = plural(len(kinds), "restricted volume type")
    detail = (
        f"{named(names, 'volume')} {plural(len(names), 'uses', 'use')} {what} "
        f"{quoted(sorted(kinds))}"
    )
    return Violation("restricted volume types", detail)


def run_as_non_root(pod: Pod) -> Violation | None:
    whole = security(pod.spec).get("runAsNonRoot")
    explicit: list[str] = []
    implicit: list[str] = []
    for container in containers(pod.spec):
        own = security(container).get("runAsNonRoot")
        if own is False:
            explicit.append(container["name"])
        elif own is None and not whole:
            implicit.append(container["name"])
    reason = "runAsNonRoot != true"
    if who := setters(whole is False, explicit):
        return Violation(reason, f"{who} must not set securityContext.runAsNonRoot=false")
    if implicit:
        detail = f"pod or {named(implicit)} must set securityContext.runAsNonRoot=true"
        return Violation(reason, detail)
    return None


def run_as_user(pod: Pod) -> Violation | None:
    def bad(holder: Obj) -> bool:
        return security(holder).get("runAsUser") == 0

    who = setters(bad(pod.spec), [c["name"] for c in containers(pod.spec) if bad(c)])
    return Violation("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def seccomp(pod: Pod) -> Violation | None:
    if (found := seccomp_profile(pod)) is not None:
        return found
    if (security(pod.spec).get("seccompProfile") or {}).get("type") is not None:
        return None
    implicit = [
        c["name"] for c in containers(pod.spec) if security(c).get("seccompProfile") is None
    ]
    if not implicit:
        return None
    detail = (
        f"pod or {named(implicit)} must set securityContext.seccompProfile.type to "
        '"RuntimeDefault" or "Localhost"'
    )
    return Violation("seccompProfile", detail)
