"""Which checks make up a level in which version, and what they say of a pod."""

import dataclasses
from functools import lru_cache

from miniplane.api.podsecurity import baseline, restricted
from miniplane.api.podsecurity.levels import Level
from miniplane.api.podsecurity.parts import Check, Pod, Violation


@dataclasses.dataclass(frozen=True, slots=True)
class _Row:
    """One check from one minor version on, until a later row of the same name replaces it.

    `instead_of` names the baseline check that a restricted one makes needless.
    """

    name: str
    since: int
    check: Check
    instead_of: str = ""


# In the order in which they are told of: baseline first, each level by name.
_BASELINE = (
    _Row("appArmorProfile", 0, baseline.app_armor_profile),
    _Row("capabilities_baseline", 0, baseline.capabilities),
    _Row("hostNamespaces", 0, baseline.host_namespaces),
    _Row("hostPathVolumes", 0, baseline.host_path_volumes),
    _Row("hostPorts", 0, baseline.host_ports),
    _Row("hostProbesAndHostLifecycle", 34, baseline.host_probes),
    _Row("privileged", 0, baseline.privileged),
    _Row("procMount", 0, baseline.proc_mount),
    _Row(
        "seLinuxOptions",
        0,
        baseline.selinux_options("container_t", "container_init_t", "container_kvm_t"),
    ),
    _Row(
        "seLinuxOptions",
        31,
        baseline.selinux_options(
            "container_t", "container_init_t", "container_kvm_t", "container_engine_t"
        ),
    ),
    _Row("seccompProfile_baseline", 0, baseline.seccomp_annotations),
    _Row("seccompProfile_baseline", 19, baseline.seccomp_profile),
    *(_Row("sysctls", minor, baseline.sysctls(minor)) for minor in (0, 27, 29, 32)),
    _Row("windowsHostProcess", 0, baseline.windows_host_process),
)
_RESTRICTED = (
    _Row("allowPrivilegeEscalation", 8, restricted.allow_privilege_escalation),
    _Row(
        "allowPrivilegeEscalation",
        25,
        restricted.not_on_windows(restricted.allow_privilege_escalation),
    ),
    _Row("capabilities_restricted", 22, restricted.capabilities, "capabilities_baseline"),
    _Row(
        "capabilities_restricted",
        25,
        restricted.not_on_windows(restricted.capabilities),
        "capabilities_baseline",
    ),
    _Row("restrictedVolumes", 0, restricted.restricted_volumes, "hostPathVolumes"),
    _Row("runAsNonRoot", 0, restricted.run_as_non_root),
    _Row("runAsUser", 23, restricted.run_as_user),
    _Row("seccompProfile_restricted", 19, restricted.seccomp, "seccompProfile_baseline"),
    _Row(
        "seccompProfile_restricted",
        25,
        restricted.not_on_windows(restricted.seccomp),
        "seccompProfile_baseline",
    ),
)


@lru_cache(maxsize=128)
def _checks(level: Level) -> tuple[Check, ...]:
    rows: dict[str, _Row] = {}
    chosen = () if level.name == "privileged" else _BASELINE
    if level.name == "restricted":
        chosen = _BASELINE + _RESTRICTED
    for row in chosen:
        if row.since <= level.minor:
            rows[row.name] = row
    needless = {row.instead_of for row in rows.values()}
    return tuple(row.check for row in rows.values() if row.name not in needless)


def violations(level: Level, pod: Pod) -> list[Violation]:
    """What a pod does that a level does not allow, in the order of the checks."""
    return [found for check in _checks(level) if (found := check(pod)) is not None]


def in_words(found: list[Violation]) -> str:
    """Violations with their details, as errors and warnings tell of them."""
    return ", ".join(f"{v.reason} ({v.detail})" if v.detail else v.reason for v in found)
