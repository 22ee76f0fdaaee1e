"""What a cluster adds to objects, and what it refuses, before they are stored.

The plugins carry the names of kube-apiserver's and run in its order. A mutating one may change
`attributes.obj`; a validating one may only refuse.
"""

from collections.abc import Callable

from miniplane.registry.admission import (
    escalation,
    lifecycle,
    limits,
    mutations,
    pods,
    podsecurity,
    policies,
    quota,
    storage,
    webhooks,
)
from miniplane.registry.admission.attributes import Attributes

__all__ = ["Attributes", "ask", "complete", "mutate", "mutate_deleted", "validate"]

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
    ("MutatingAdmissionPolicy", mutations.mutating_admission_policy),
    ("MutatingAdmissionWebhook", webhooks.mutating_webhooks),
)

VALIDATING: tuple[tuple[str, Plugin], ...] = (
    ("NamespaceLifecycle", lifecycle.immortal_namespaces),
    ("LimitRanger", limits.limit_ranger),
    ("PodSecurity", podsecurity.pod_security),
    ("ValidatingAdmissionPolicy", policies.validating_admission_policy),
    ("ValidatingAdmissionWebhook", webhooks.validating_webhooks),
    ("ResourceQuota", quota.resource_quota),
)

EXTENSIONS = (
    "MutatingAdmissionPolicy",
    "MutatingAdmissionWebhook",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
)


def complete(attributes: Attributes) -> None:
    """What plugins wanted to be done when the write has been made. Not for dry runs."""
    for act in attributes.afterwards:
        act()


def mutate(attributes: Attributes) -> None:
    for _, plugin in MUTATING:
        plugin(attributes)
    # What an extension changed, the plugins that came before it have not seen.
    if attributes.reinvocation is not None and attributes.reinvocation.again:
        attributes.reinvocation.begin_second(attributes.obj)
        for _, plugin in MUTATING:
            plugin(attributes)


def ask(attributes: Attributes) -> None:
    """Only policies and webhooks: for what is sent to a subresource that is no part of an object
    (a Binding, an Eviction)."""
    for name, plugin in (*MUTATING, *VALIDATING):
        if name in EXTENSIONS:
            plugin(attributes)


def mutate_deleted(attributes: Attributes) -> None:
    """Mutating policies and webhooks on a deletion, to which the other plugins have no say."""
    for name, plugin in MUTATING:
        if name in EXTENSIONS:
            plugin(attributes)


def validate(attributes: Attributes) -> None:
    for _, plugin in VALIDATING:
        plugin(attributes)
