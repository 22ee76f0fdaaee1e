"""Which admission plugins there are, and which of them a cluster runs.

Follows `pkg/kubeapiserver/options/plugins.go` and `apiserver/pkg/server/options/admission.go`. The
names are kube-apiserver's, in its order, which is the order in which they act.

>>> "AlwaysPullImages" in enabled(("AlwaysPullImages",), ())
True
>>> enabled(("Bogus",), ())
Traceback (most recent call last):
ValueError: enable-admission-plugins plugin "Bogus" is unknown
"""

from collections.abc import Sequence

_OFF, _ON = False, True

DEFAULTS: dict[str, bool] = {
    "AlwaysAdmit": _OFF,
    "NamespaceAutoProvision": _OFF,
    "NamespaceLifecycle": _ON,
    "NamespaceExists": _OFF,
    "LimitPodHardAntiAffinityTopology": _OFF,
    "LimitRanger": _ON,
    "ServiceAccount": _ON,
    "NodeRestriction": _OFF,
    "TaintNodesByCondition": _ON,
    "AlwaysPullImages": _OFF,
    "ImagePolicyWebhook": _OFF,
    "PodSecurity": _ON,
    "PodNodeSelector": _OFF,
    "Priority": _ON,
    "DefaultTolerationSeconds": _ON,
    "PodTolerationRestriction": _OFF,
    "EventRateLimit": _OFF,
    "ExtendedResourceToleration": _OFF,
    "DefaultStorageClass": _ON,
    "StorageObjectInUseProtection": _ON,
    "OwnerReferencesPermissionEnforcement": _OFF,
    "PersistentVolumeClaimResize": _ON,
    "RuntimeClass": _ON,
    "CertificateApproval": _ON,
    "CertificateSigning": _ON,
    "ClusterTrustBundleAttest": _ON,
    "CertificateSubjectRestriction": _ON,
    "DefaultIngressClass": _ON,
    "DenyServiceExternalIPs": _OFF,
    "PodTopologyLabels": _ON,
    "PodGroupWorkloadExists": _ON,
    "NodeDeclaredFeatureValidator": _ON,
    "JobValidation": _ON,
    "PodResizeValidator": _ON,
    "MutatingAdmissionPolicy": _ON,
    "MutatingAdmissionWebhook": _ON,
    "ValidatingAdmissionPolicy": _ON,
    "ValidatingAdmissionWebhook": _ON,
    "ResourceQuota": _ON,
    "AlwaysDeny": _OFF,
}
"""Every plugin, and whether it runs unless told otherwise."""

_NOT_EMULATED = {
    "NodeRestriction": "kubelets are simulated and do not log in",
    "ImagePolicyWebhook": "it needs a configuration file",
    "PodTolerationRestriction": "",
    "EventRateLimit": "it needs a configuration file",
    "AlwaysDeny": "a control plane that may not write its first objects does not start",
}


def enabled(enable: Sequence[str], disable: Sequence[str]) -> dict[str, None]:
    """The plugins that run, in order.

    ValueError, in kube-apiserver's words where it has some, for an unknown name, one that is in
    both lists, and one whose behaviour is not there to be switched on.
    """
    problems = [
        f'{flag}-admission-plugins plugin "{name}" is unknown'
        for flag, names in (("enable", enable), ("disable", disable))
        for name in names
        if name not in DEFAULTS
    ]
    both = sorted({*enable} & {*disable})
    if both:
        problems.append(
            f"[{' '.join(both)}] in enable-admission-plugins and disable-admission-plugins "
            "overlapped"
        )
    for name in enable:
        if name in _NOT_EMULATED:
            why = _NOT_EMULATED[name]
            told = f'enable-admission-plugins plugin "{name}" is not emulated'
            problems.append(f"{told}: {why}" if why else told)
    if problems:
        text = ", ".join(problems)
        raise ValueError(text if len(problems) == 1 else f"[{text}]")
    return {
        name: None
        for name, default in DEFAULTS.items()
        if name in enable or (default and name not in disable)
    }
