"""Reset fields: what an endpoint ignores in the objects that it is sent, and so never tracks.

Facts of the strategies' GetResetFields in the real registries: a kind's main endpoint resets its
status, its status endpoint everything else that it leaves alone.
"""

from typing import TypeAlias

Paths: TypeAlias = tuple[tuple[str, ...], ...]

_STATUS: Paths = (("status",),)
_SPEC: Paths = (("spec",),)
_SPEC_AND_METADATA: Paths = (("spec",), ("metadata",))

_API = "io.k8s.api."
_RESETS: dict[tuple[str, str], Paths] = {
    (_API + "core.v1.Pod", "status"): (
        ("spec",),
        ("metadata", "deletionTimestamp"),
        ("metadata", "ownerReferences"),
    ),
    (_API + "apps.v1.Deployment", "status"): (("spec",), ("metadata", "labels")),
    (_API + "certificates.v1.CertificateSigningRequest", ""): (("spec",), ("status",)),
    (_API + "certificates.v1.CertificateSigningRequest", "status"): (
        ("spec",),
        ("status", "conditions"),
    ),
    (_API + "certificates.v1.CertificateSigningRequest", "approval"): (
        ("spec",),
        ("status", "certificate"),
    ),
    (_API + "storage.v1.VolumeAttachment", "status"): _SPEC_AND_METADATA,
    (_API + "flowcontrol.v1.FlowSchema", "status"): _SPEC_AND_METADATA,
    (_API + "flowcontrol.v1.PriorityLevelConfiguration", "status"): _SPEC_AND_METADATA,
    (_API + "admissionregistration.v1.ValidatingAdmissionPolicy", "status"): _SPEC_AND_METADATA,
    (
        "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
        "status",
    ): _SPEC_AND_METADATA,
    ("", "status"): _SPEC_AND_METADATA,
}

_KEPT: dict[str, Paths] = {
    "ephemeralcontainers": (("f:spec", "f:ephemeralContainers"),),
    "resize": (
        ("f:spec", "f:containers", "*", "f:resources"),
        ("f:spec", "f:containers", "*", "f:resizePolicy"),
        ("f:spec", "f:initContainers", "*", "f:resources"),
        ("f:spec", "f:initContainers", "*", "f:resizePolicy"),
    ),
}


def reset_fields(definition: str, subresource: str) -> Paths:
    """The paths that an endpoint resets. The definition is `""` for custom resources."""
    found = _RESETS.get((definition, subresource))
    if found is not None:
        return found
    return _SPEC if subresource == "status" else _STATUS


def kept_fields(subresource: str) -> Paths:
    """The only paths (as elements, `*` is any) that an endpoint tracks; empty for all."""
    return _KEPT.get(subresource, ())
