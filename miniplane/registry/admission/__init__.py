"""What a cluster adds to objects, and what it refuses, before they are stored.

The plugins carry the names of kube-apiserver's and run in its order; `names` tells which of them a
cluster runs. A mutating one may change `attributes.obj`; a validating one may only refuse.
"""

import dataclasses
from collections.abc import Callable

from miniplane.config import Config
from miniplane.registry.admission import (
    certificates,
    escalation,
    lifecycle,
    limits,
    mutations,
    names,
    nodes,
    owners,
    pods,
    podsecurity,
    policies,
    quota,
    runtimeclass,
    services,
    storage,
    webhooks,
)
from miniplane.registry.admission.attributes import Attributes

__all__ = [
    "Attributes",
    "Chain",
    "ask",
    "chain_of",
    "complete",
    "mutate",
    "mutate_deleted",
    "validate",
]

Plugin = Callable[[Attributes], None]

MUTATING: tuple[tuple[str, Plugin], ...] = (
    ("NamespaceAutoProvision", lifecycle.auto_provision),
    ("NamespaceLifecycle", lifecycle.namespace_lifecycle),
    ("LimitRanger", limits.set_defaults),
    ("ServiceAccount", pods.service_account),
    ("TaintNodesByCondition", lifecycle.taint_nodes_by_condition),
    ("AlwaysPullImages", pods.always_pull_images),
    ("PodNodeSelector", nodes.pod_node_selector),
    ("Priority", pods.priority),
    ("DefaultTolerationSeconds", pods.default_toleration_seconds),
    ("ExtendedResourceToleration", nodes.extended_resource_toleration),
    ("DefaultStorageClass", storage.default_storage_class),
    ("StorageObjectInUseProtection", storage.in_use_protection),
    ("RuntimeClass", runtimeclass.set_overhead_and_place),
    ("DefaultIngressClass", lifecycle.default_ingress_class),
    ("PodTopologyLabels", nodes.pod_topology_labels),
    ("MutatingAdmissionPolicy", mutations.mutating_admission_policy),
    ("MutatingAdmissionWebhook", webhooks.mutating_webhooks),
)

VALIDATING: tuple[tuple[str, Plugin], ...] = (
    ("NamespaceLifecycle", lifecycle.immortal_namespaces),
    ("NamespaceExists", lifecycle.namespace_exists),
    ("LimitPodHardAntiAffinityTopology", nodes.hard_anti_affinity_topology),
    ("LimitRanger", limits.limit_ranger),
    ("AlwaysPullImages", pods.check_pull_policies),
    ("PodSecurity", podsecurity.pod_security),
    ("PodNodeSelector", nodes.check_node_selector),
    ("OwnerReferencesPermissionEnforcement", owners.permission_enforcement),
    ("PersistentVolumeClaimResize", storage.claim_resize),
    ("RuntimeClass", runtimeclass.check_overhead),
    ("CertificateApproval", certificates.approval),
    ("CertificateSigning", certificates.signing),
    ("CertificateSubjectRestriction", certificates.subject_restriction),
    ("DenyServiceExternalIPs", services.deny_external_ips),
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


@dataclasses.dataclass(frozen=True, slots=True)
class Chain:
    """The plugins that a cluster runs."""

    names: dict[str, None]
    mutating: tuple[Plugin, ...]
    validating: tuple[Plugin, ...]
    mutating_extensions: tuple[Plugin, ...]
    extensions: tuple[Plugin, ...]
    """Policies and webhooks."""


def chain_of(config: Config) -> Chain:
    """The plugins that a configuration asks for. ValueError, see `names.enabled`.

    Whose rights suffice to hand out rights is no plugin's business, and is always checked.
    """
    found = names.enabled(config.enable_admission_plugins, config.disable_admission_plugins)
    mutating = tuple(plugin for name, plugin in MUTATING if name in found)
    validating = tuple(plugin for name, plugin in VALIDATING if name in found)
    first = tuple(plugin for name, plugin in MUTATING if name in found and name in EXTENSIONS)
    last = tuple(plugin for name, plugin in VALIDATING if name in found and name in EXTENSIONS)
    escalated = (*mutating, escalation.role_escalation)
    return Chain(found, escalated, validating, first, (*first, *last))


def complete(attributes: Attributes) -> None:
    """What plugins wanted to be done when the write has been made. Not for dry runs."""
    for act in attributes.afterwards:
        act()


def mutate(attributes: Attributes) -> None:
    for plugin in attributes.context.chain.mutating:
        plugin(attributes)
    # What an extension changed, the plugins that came before it have not seen.
    if attributes.reinvocation is not None and attributes.reinvocation.again:
        attributes.reinvocation.begin_second(attributes.obj)
        for plugin in attributes.context.chain.mutating:
            plugin(attributes)


def ask(attributes: Attributes) -> None:
    """Only policies and webhooks: for what is sent to a subresource that is no part of an object
    (a Binding, an Eviction)."""
    for plugin in attributes.context.chain.extensions:
        plugin(attributes)


def mutate_deleted(attributes: Attributes) -> None:
    """Mutating policies and webhooks on a deletion, to which the other plugins have no say."""
    for plugin in attributes.context.chain.mutating_extensions:
        plugin(attributes)


def validate(attributes: Attributes) -> None:
    for plugin in attributes.context.chain.validating:
        plugin(attributes)
