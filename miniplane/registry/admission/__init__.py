"""What a cluster adds to objects, and what it refuses, before they are stored.

The plugins carry the names of kube-apiserver's and run in its order. A mutating one may change
`attributes.obj`; a validating one may only refuse.
"""

from collections.abc import Callable

from miniplane.registry.admission import (
    certificates,
    escalation,
    lifecycle,
    limits,
    pods,
    podsecurity,
    quota,
    storage,
)
from miniplane.registry.admission.attributes import Attributes

__all__ = ["Attributes", "complete", "mutate", "validate"]

Plugin = Callable[[Attributes], None]

MUTATING: tuple[tuple[str, Plugin], ...] = (
    ("NamespaceLifecycle", lifecycle.namespace_lifecycle),
    ("TaintNodesByCondition", lifecycle.taint_nodes_by_condition),
    ("LimitRanger", limits.set_defaults),
    ("ServiceAccount", pods.service_account),
    ("Priority", pods.priority),
    ("DefaultTolerationSeconds", pods.default_toleration_seconds),
    ("StorageObjectInUseProtection", storage.in_use_protection),
    ("DefaultStorageClass", storage.default_storage_class),
    ("DefaultIngressClass", lifecycle.default_ingress_class),
    ("RoleEscalation", escalation.role_escalation),
)

VALIDATING: tuple[tuple[str, Plugin], ...] = (
    ("NamespaceLifecycle", lifecycle.immortal_namespaces),
    ("LimitRanger", limits.limit_ranger),
    ("PodSecurity", podsecurity.pod_security),
    ("CertificateApproval", certificates.approval),
    ("CertificateSigning", certificates.signing),
    ("CertificateSubjectRestriction", certificates.subject_restriction),
    ("ResourceQuota", quota.resource_quota),
)


def complete(attributes: Attributes) -> None:
    """What plugins wanted to be done when the write has been made. Not for dry runs."""
    for act in attributes.afterwards:
        act()


def mutate(attributes: Attributes) -> None:
    for _, plugin in MUTATING:
        plugin(attributes)


def validate(attributes: Attributes) -> None:
    for _, plugin in VALIDATING:
        plugin(attributes)
