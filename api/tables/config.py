"""Rows of configuration, accounts, bindings, quotas and certificate requests."""

from typing import Any

from miniplane.api import durations
from miniplane.api.objects import Obj
from miniplane.api.tables.model import AGE, NAME, Column, Printer, doc, printer
from miniplane.api.tables.parts import NONE, age, name, part, parts, text, value


def _config_map(obj: Obj, now: float) -> list[Any]:
    return [name(obj), len(part(obj, "data")) + len(part(obj, "binaryData")), age(obj, now)]


def _secret(obj: Obj, now: float) -> list[Any]:
    return [name(obj), text(obj, "type"), len(part(obj, "data")), age(obj, now)]


def _service_account(obj: Obj, now: float) -> list[Any]:
    return [name(obj), age(obj, now)]


def _resource_quota(obj: Obj, now: float) -> list[Any]:
    hard, used = part(obj, "status", "hard"), part(obj, "status", "used")
    requests: list[str] = []
    limits: list[str] = []
    for resource in sorted(hard):
        column = limits if resource.startswith("limits.") else requests
        column.append(f"{resource}: {text(used, resource) or '0'}/{text(hard, resource) or '0'}")
    return [name(obj), ", ".join(requests), ", ".join(limits), age(obj, now)]


def _binding(obj: Obj, now: float) -> list[Any]:
    subjects = parts(obj, "subjects")
    named = {
        kind: ", ".join(text(s, "name") for s in subjects if s.get("kind") == kind)
        for kind in ("User", "Group")
    }
    accounts = ", ".join(
        f"{text(s, 'namespace')}/{text(s, 'name')}"
        for s in subjects
        if s.get("kind") == "ServiceAccount"
    )
    role = f"{text(obj, 'roleRef', 'kind')}/{text(obj, 'roleRef', 'name')}"
    return [name(obj), role, age(obj, now), named["User"], named["Group"], accounts]


def _certificate_state(obj: Obj) -> str:
    found = {text(condition, "type") for condition in parts(obj, "status", "conditions")}
    state = "Denied" if "Denied" in found else "Approved" if "Approved" in found else "Pending"
    if "Failed" in found:
        state += ",Failed"
    if value(obj, "status", "certificate"):
        state += ",Issued"
    return state


def _certificate_signing_request(obj: Obj, now: float) -> list[Any]:
    seconds = value(obj, "spec", "expirationSeconds")
    wanted = durations.human(seconds) if isinstance(seconds, (int, float)) else NONE
    return [
        name(obj),
        age(obj, now),
        text(obj, "spec", "signerName") or NONE,
        text(obj, "spec", "username"),
        wanted if seconds is not None else NONE,
        _certificate_state(obj),
    ]


def _binding_columns(kind: str, spoken: str) -> tuple[Column, ...]:
    return (
        NAME,
        Column("Role", "string", doc(f"rbac.v1.{kind}", "roleRef")),
        AGE,
        Column("Users", "string", f"Users in the {spoken}", 1),
        Column("Groups", "string", f"Groups in the {spoken}", 1),
        Column("ServiceAccounts", "string", f"ServiceAccounts in the {spoken}", 1),
    )


_CSR = "certificates.v1.CertificateSigningRequestSpec"
_RBAC = "rbac.authorization.k8s.io"

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "ConfigMap"): printer(
        _config_map, NAME, Column("Data", "string", doc("core.v1.ConfigMap", "data")), AGE
    ),
    ("", "Secret"): printer(
        _secret,
        NAME,
        Column("Type", "string", doc("core.v1.Secret", "type")),
        Column("Data", "string", doc("core.v1.Secret", "data")),
        AGE,
    ),
    ("", "ServiceAccount"): printer(_service_account, NAME, AGE),
    ("", "ResourceQuota"): printer(
        _resource_quota,
        NAME,
        Column(
            "Request",
            "string",
            "Request represents a minimum amount of cpu/memory that a container may consume.",
        ),
        Column(
            "Limit",
            "string",
            "Limits control the maximum amount of cpu/memory that a container may use "
            "independent of contention on the node.",
        ),
        AGE,
    ),
    (_RBAC, "RoleBinding"): printer(_binding, *_binding_columns("RoleBinding", "roleBinding")),
    (_RBAC, "ClusterRoleBinding"): printer(
        _binding, *_binding_columns("ClusterRoleBinding", "clusterRoleBinding")
    ),
    ("certificates.k8s.io", "CertificateSigningRequest"): printer(
        _certificate_signing_request,
        NAME,
        AGE,
        Column("SignerName", "string", doc(_CSR, "signerName")),
        Column("Requestor", "string", doc(_CSR, "request")),
        Column("RequestedDuration", "string", doc(_CSR, "expirationSeconds")),
        Column(
            "Condition",
            "string",
            doc("certificates.v1.CertificateSigningRequestStatus", "conditions"),
        ),
    ),
}
