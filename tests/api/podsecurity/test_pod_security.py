"""Levels of the Pod Security Standards, and what each says of a pod."""

import pytest

from miniplane.api.podsecurity.checks import in_words, violations
from miniplane.api.podsecurity.levels import LATEST, PREFIX, Level, policy_of
from miniplane.api.podsecurity.parts import Pod

BASELINE, RESTRICTED = Level("baseline"), Level("restricted")
SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(annotations=None, *, containers=None, **spec):
    containers = containers or [{"name": "a"}]
    return Pod({"annotations": annotations or {}}, {"containers": containers, **spec})


def secured(name="a", **context):
    return {"name": name, "securityContext": context}


def labels(**given):
    return {PREFIX + key.replace("_", "-"): value for key, value in given.items()}


def test_a_plain_pod_is_baseline():
    assert violations(BASELINE, pod()) == []
    assert violations(Level("privileged"), pod(hostPID=True)) == []


def test_what_a_plain_pod_lacks():
    assert in_words(violations(RESTRICTED, pod())) == (
        'allowPrivilegeEscalation != false (container "a" must set '
        "securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "
        '"a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or '
        'container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or '
        'container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
        '"Localhost")'
    )


def test_a_restricted_pod():
    assert violations(RESTRICTED, pod(containers=[secured(**SAFE)])) == []
    context = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}
    rest = {k: SAFE[k] for k in ("allowPrivilegeEscalation", "capabilities")}
    assert violations(RESTRICTED, pod(containers=[secured(**rest)], securityContext=context)) == []


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (pod(hostNetwork=True, hostIPC=True), "host namespaces (hostNetwork=true, hostIPC=true)"),
        (
            pod(containers=[secured(privileged=True), secured("b", privileged=True)]),
            'privileged (containers "a", "b" must not set securityContext.privileged=true)',
        ),
        (
            pod(containers=[secured(capabilities={"add": ["SYS_ADMIN", "CHOWN"]})]),
            'non-default capabilities (container "a" must not include "SYS_ADMIN" in '
            "securityContext.capabilities.add)",
        ),
        (
            pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
            'hostPath volumes (volume "v")',
        ),
        (
            pod(containers=[{"name": "a", "ports": [{"hostPort": 80}, {"hostPort": 9}]}]),
            'hostPort (container "a" uses hostPorts 80, 9)',
        ),
        (
            pod(containers=[{"name": "a", "livenessProbe": {"httpGet": {"host": "h"}}}]),
            'probe or lifecycle host (container "a" uses probe or lifecycle host "h")',
        ),
        (
            pod(containers=[secured(procMount="Unmasked")]),
            'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
        ),
        (
            pod(securityContext={"seLinuxOptions": {"type": "t", "user": "u"}}),
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may '
            "not be set)",
        ),
        (
            pod(
                securityContext={"seccompProfile": {"type": "Unconfined"}},
                containers=[secured(seccompProfile={"type": "Unconfined"})],
            ),
            'seccompProfile (pod and container "a" must not set '
            'securityContext.seccompProfile.type to "Unconfined")',
        ),
        (
            pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}, {"name": "x"}]}),
            "forbidden sysctls (x)",
        ),
        (
            pod(securityContext={"windowsOptions": {"hostProcess": True}}),
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            pod(containers=[secured(appArmorProfile={"type": "Unconfined"})]),
            'forbidden AppArmor profile (container "a" must not set AppArmor profile type to '
            '"Unconfined")',
        ),
    ],
)
def test_what_baseline_forbids(found, text):
    assert in_words(violations(BASELINE, found)) == text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            pod(containers=[secured(**SAFE)], volumes=[{"name": "v", "nfs": {}}, {"name": "w"}]),
            'restricted volume types (volumes "v", "w" use restricted volume types "nfs", '
            '"unknown")',
        ),
        (
            pod(containers=[secured(**SAFE)], volumes=[{"name": "v", "hostPath": {}}]),
            'restricted volume types (volume "v" uses restricted volume type "hostPath")',
        ),
        (
            pod(containers=[secured(**{**SAFE, "runAsNonRoot": False})]),
            'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)',
        ),
        (
            pod(containers=[secured(**SAFE, runAsUser=0)], securityContext={"runAsUser": 0}),
            'runAsUser=0 (pod and container "a" must not set runAsUser=0)',
        ),
        (
            pod(containers=[secured(**{**SAFE, "capabilities": {"add": ["NET_RAW"]}})]),
            'unrestricted capabilities (container "a" must set '
            'securityContext.capabilities.drop=["ALL"]; container "a" must not include "NET_RAW" '
            "in securityContext.capabilities.add)",
        ),
    ],
)
def test_what_restricted_forbids(found, text):
    assert in_words(violations(RESTRICTED, found)) == text


def test_older_versions_know_less():
    rmem = pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]})
    assert [bool(violations(Level("baseline", minor), rmem)) for minor in (31, 32)] == [True, False]
    probe = pod(containers=[{"name": "a", "livenessProbe": {"tcpSocket": {"host": "h"}}}])
    assert [bool(violations(Level("baseline", minor), probe)) for minor in (33, 34)] == [
        False,
        True,
    ]
    old = pod({"seccomp.security.alpha.kubernetes.io/pod": "unconfined"})
    assert in_words(violations(Level("baseline", 18), old)) == (
        "seccompProfile (forbidden annotation "
        'seccomp.security.alpha.kubernetes.io/pod="unconfined")'
    )
    windows = pod(os={"name": "windows"}, securityContext={"runAsNonRoot": True})
    assert len(violations(Level("restricted", 24), windows)) == 3
    assert violations(RESTRICTED, windows) == []


def test_labels():
    policy, problems = policy_of(labels(enforce="baseline", enforce_version="v1.30"))
    assert (policy.enforce, policy.warn) == (Level("baseline", 30), Level("baseline", 30))
    assert problems == []
    policy, _ = policy_of(labels(enforce="restricted", warn="privileged", warn_version="v1.2"))
    assert policy.warn == Level("privileged", 2)
    policy, _ = policy_of({"app": "x"})
    assert policy.is_open
    policy, _ = policy_of(labels(enforce_version="latest"))
    assert policy.enforce == Level("privileged", LATEST)


def test_bad_labels():
    policy, problems = policy_of(labels(enforce="strict", warn="x", audit_version="v2"))
    assert (policy.enforce.name, policy.warn.name) == ("restricted", "privileged")
    assert [str(problem) for problem in problems] == [
        'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one '
        "of privileged, baseline, restricted",
        'metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: "v2": must be '
        '"latest" or "v1.x"',
        'metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "x": must be one of '
        "privileged, baseline, restricted",
    ]
