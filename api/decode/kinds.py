"""Whether a body is of the kind that its URL asks for.

Follows the first steps of apimachinery's JSON serializer and of apiserver's create handler: find
out version and kind, fill in what is missing from the URL, look the kind up, convert, compare.
"""

import functools
from typing import Any

from miniplane.api import errors, field
from miniplane.api.decode import parse
from miniplane.api.resources import Resource
from miniplane.api.schema import compact

_TYPE_META = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)

_SCHEMES = {
    "apiextensions.k8s.io": "pkg/apiserver/apiserver.go:55",
    "apiregistration.k8s.io": "pkg/apiserver/scheme/scheme.go:28",
}
_LEGACY_SCHEME = "pkg/api/legacyscheme/scheme.go:30"

_RETIRED = {
    "admissionregistration.k8s.io/v1alpha1": "ValidatingAdmissionPolicy MutatingAdmissionPolicy "
    "ValidatingAdmissionPolicyBinding MutatingAdmissionPolicyBinding",
    "admissionregistration.k8s.io/v1beta1": "ValidatingWebhookConfiguration "
    "MutatingWebhookConfiguration ValidatingAdmissionPolicy MutatingAdmissionPolicy "
    "ValidatingAdmissionPolicyBinding MutatingAdmissionPolicyBinding",
    "apiextensions.k8s.io/v1beta1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1beta1": "APIService",
    "apps/v1beta1": "Deployment Scale StatefulSet ControllerRevision",
    "apps/v1beta2": "Deployment Scale StatefulSet DaemonSet ReplicaSet ControllerRevision",
    "authentication.k8s.io/v1alpha1": "SelfSubjectReview",
    "authentication.k8s.io/v1beta1": "SelfSubjectReview TokenReview",
    "authorization.k8s.io/v1beta1": "SelfSubjectRulesReview SelfSubjectAccessReview "
    "SubjectAccessReview LocalSubjectAccessReview",
    "batch/v1beta1": "CronJob",
    "certificates.k8s.io/v1beta1": "CertificateSigningRequest",
    "coordination.k8s.io/v1beta1": "Lease",
    "discovery.k8s.io/v1beta1": "EndpointSlice",
    "events.k8s.io/v1beta1": "Event",
    "extensions/v1beta1": "Deployment Scale DaemonSet Ingress ReplicaSet NetworkPolicy",
    "flowcontrol.apiserver.k8s.io/v1beta1": "FlowSchema PriorityLevelConfiguration",
    "flowcontrol.apiserver.k8s.io/v1beta2": "FlowSchema PriorityLevelConfiguration",
    "flowcontrol.apiserver.k8s.io/v1beta3": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io/v1beta1": "Ingress IngressClass IPAddress ServiceCIDR",
    "node.k8s.io/v1alpha1": "RuntimeClass",
    "node.k8s.io/v1beta1": "RuntimeClass",
    "policy/v1beta1": "PodDisruptionBudget Eviction",
    "rbac.authorization.k8s.io/v1alpha1": "Role RoleBinding ClusterRole ClusterRoleBinding",
    "rbac.authorization.k8s.io/v1beta1": "Role RoleBinding ClusterRole ClusterRoleBinding",
    "resource.k8s.io/v1beta1": "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice",
    "resource.k8s.io/v1beta2": "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice",
    "scheduling.k8s.io/v1beta1": "PriorityClass",
    "storage.k8s.io/v1alpha1": "VolumeAttachment CSIStorageCapacity VolumeAttributesClass",
    "storage.k8s.io/v1beta1": "StorageClass VolumeAttachment CSIDriver CSINode "
    "CSIStorageCapacity VolumeAttributesClass",
}
"""Kinds of versions that are no longer served, which a server still knows how to read."""

_MOVED = {
    "DaemonSet": "apps",
    "Deployment": "apps",
    "ReplicaSet": "apps",
    "Ingress": "networking",
    "NetworkPolicy": "networking",
}
"""Where the kinds of the old extensions group live."""


@functools.cache
def _registered() -> frozenset[tuple[str, str]]:
    """Every (apiVersion, kind) that a server can read."""
    found = {
        (api_version, kind) for api_version, kinds in _RETIRED.items() for kind in kinds.split()
    }
    for definition, line in compact.lines().items():
        if b'"gk"' in line:
            for gvk in compact.compact(definition)["gk"]:
                found.add((_join(gvk["group"], gvk["version"]), gvk["kind"]))
    return frozenset(found)


def _join(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def check_type(
    raw: Any, resource: Resource, *, data: bytes = b"", kind: str = "", api_version: str = ""
) -> None:
    """Raises the 400 that a server answers where `raw` is not an object of the resource's kind.

    A missing kind or apiVersion is fine. `kind` and `api_version` say what is wanted where that is
    not the resource's own kind (`Scale`, `Eviction`, `Binding`); `data` is the body, of which some
    messages show the beginning.
    """
    wanted_kind = kind or resource.kind
    wanted_version = api_version or resource.api_version
    try:
        found_version, found_kind = _type_meta(raw)
    except ValueError as error:
        message = parse.unrecognized(str(error), data, kind=wanted_kind)
        raise errors.bad_request(message) from None
    found_kind = found_kind or wanted_kind
    found_version = found_version or wanted_version
    if found_kind == wanted_kind and found_version == wanted_version:
        return
    if resource.custom is not None and not kind:
        _refuse_custom(raw, resource, found_version, found_kind)
    problem = _conversion_problem(found_version, found_kind, wanted_version, wanted_kind)
    if problem:
        version = found_version.rpartition("/")[2]
        raise errors.bad_request(
            f'{found_kind} in version "{version}" cannot be handled as a {wanted_kind}: {problem}'
        )
    raise errors.bad_request(
        f"the API version in the data ({found_version}) does not match the expected API version "
        f"({wanted_version})"
    )


def _refuse_custom(raw: Any, resource: Resource, version: str, kind: str) -> None:
    """Custom resources are decoded whatever their kind, which is looked at later."""
    if version == resource.api_version:
        problem = field.invalid("kind", kind, f"must be {resource.kind}")
        metadata = raw.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else ""
        raise errors.invalid(resource.group, resource.kind, name or "", [problem])
    raise errors.bad_request(
        f"the API version in the data ({version}) does not match the expected API version "
        f"({resource.api_version})"
    )


def _type_meta(raw: Any) -> tuple[str, str]:
    """apiVersion and kind, `""` where they are missing. ValueError with the serializer's text."""
    prefix = "couldn't get version/kind; json parse error: json: cannot unmarshal"
    if raw is None:
        return "", ""
    if not isinstance(raw, dict):
        raise ValueError(f"{prefix} {_json_kind(raw)} into Go value of type {_TYPE_META}")
    # Only here does Go's own decoder read the body, which does not mind the case of names.
    found = {"apiVersion": "", "kind": ""}
    for key, value in raw.items():
        name = {"apiversion": "apiVersion", "kind": "kind"}.get(key.lower())
        if name is None or value is None:
            continue
        if not isinstance(value, str):
            where = f"Go struct field .{name} of type string"
            raise ValueError(f"{prefix} {_json_kind(value)} into {where}")
        found[name] = value
    if found["apiVersion"].count("/") > 1:
        raise ValueError(f"unexpected GroupVersion string: {found['apiVersion']}")
    return found["apiVersion"], found["kind"]


def _json_kind(value: Any) -> str:
    kinds: dict[type, str] = {bool: "bool", str: "string", int: "number", float: "number"}
    return kinds.get(type(value), "array" if isinstance(value, list) else "object")


def _conversion_problem(found_version: str, found: str, wanted_version: str, wanted: str) -> str:
    """Why a body of one kind cannot become another one; `""` where only the version differs."""
    group = wanted_version.rpartition("/")[0]
    scheme = _SCHEMES.get(group, _LEGACY_SCHEME)
    found_group = found_version.rpartition("/")[0]
    known = (found_version, found) in _registered()
    if not known or _SCHEMES.get(found_group, _LEGACY_SCHEME) != scheme:
        return f'no kind "{found}" is registered for version "{found_version}" in scheme "{scheme}"'
    if found == wanted and _home(found_group, found) == _home(group, wanted):
        return ""
    package = found_version.rpartition("/")[2]
    target = f"{_home(group, wanted)}.{wanted}"
    return f"converting ({package}.{found}) to ({target}): unknown conversion"


def _home(group: str, kind: str) -> str:
    """The package of a kind's internal version: `core`, `apps`, `networking`."""
    if kind == "Scale":
        return "autoscaling"
    if group == "extensions":
        return _MOVED.get(kind, "extensions")
    if group in ("", "events.k8s.io"):
        return "core"
    return group.partition(".")[0]
