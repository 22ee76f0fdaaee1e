"""The policies, bindings and webhooks that a cluster has now.

They are read again after each write of their kinds, by the first write that they may concern. As
long as there are none, `idle` is true and nobody looks any further.
"""

import dataclasses
from typing import Any

from miniplane.api import resources
from miniplane.api.objects import Obj
from miniplane.registry import catalog
from miniplane.registry.stored import Stored
from miniplane.store.mvcc import Store

GROUP = "admissionregistration.k8s.io"
VALIDATING_POLICIES = resources.resource("validatingadmissionpolicies", GROUP)
VALIDATING_BINDINGS = resources.resource("validatingadmissionpolicybindings", GROUP)
MUTATING_POLICIES = resources.resource("mutatingadmissionpolicies", GROUP)
MUTATING_BINDINGS = resources.resource("mutatingadmissionpolicybindings", GROUP)
VALIDATING_WEBHOOKS = resources.resource("validatingwebhookconfigurations", GROUP)
MUTATING_WEBHOOKS = resources.resource("mutatingwebhookconfigurations", GROUP)


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """A policy with its bindings, by name. `compiled` is what was made of its expressions."""

    obj: Obj
    bindings: tuple[Obj, ...]
    compiled: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        name: str = self.obj["metadata"]["name"]
        return name

    @property
    def failure_policy(self) -> str:
        return self.obj["spec"].get("failurePolicy") or "Fail"


@dataclasses.dataclass(frozen=True, slots=True)
class Hook:
    """One webhook of a configuration. `uid` tells it from all others: configuration, name, and how
    many of that name came before it."""

    configuration: str
    uid: str
    obj: Obj
    compiled: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        name: str = self.obj["name"]
        return name

    @property
    def failure_policy(self) -> str:
        return self.obj.get("failurePolicy") or "Fail"


class Extensions:
    """What extends admission in one cluster."""

    def __init__(self, store: Store[Stored]):
        self._store = store
        self._stale = True
        self.idle = False
        """Whether there is nothing at all, and was nothing the last time that anybody looked."""
        self._validating_policies: tuple[Policy, ...] = ()
        self._mutating_policies: tuple[Policy, ...] = ()
        self._validating_hooks: tuple[Hook, ...] = ()
        self._mutating_hooks: tuple[Hook, ...] = ()

    def changed(self) -> None:
        """Something of these kinds has been written."""
        self._stale = True
        self.idle = False

    @property
    def asks(self) -> bool:
        """Whether there are webhooks, so that a write may have to wait for an answer."""
        if self.idle:
            return False
        self._read()
        return bool(self._validating_hooks or self._mutating_hooks)

    @property
    def validating_policies(self) -> tuple[Policy, ...]:
        self._read()
        return self._validating_policies

    @property
    def mutating_policies(self) -> tuple[Policy, ...]:
        self._read()
        return self._mutating_policies

    @property
    def validating_hooks(self) -> tuple[Hook, ...]:
        """In the order of their configurations' names."""
        self._read()
        return self._validating_hooks

    @property
    def mutating_hooks(self) -> tuple[Hook, ...]:
        self._read()
        return self._mutating_hooks

    def _read(self) -> None:
        if not self._stale:
            return
        self._stale = False
        self._validating_policies = self._policies(VALIDATING_POLICIES, VALIDATING_BINDINGS)
        self._mutating_policies = self._policies(MUTATING_POLICIES, MUTATING_BINDINGS)
        self._validating_hooks = self._hooks(VALIDATING_WEBHOOKS)
        self._mutating_hooks = self._hooks(MUTATING_WEBHOOKS)
        self.idle = not (
            self._validating_policies
            or self._mutating_policies
            or self._validating_hooks
            or self._mutating_hooks
        )

    def _objects(self, resource: resources.Resource) -> list[Obj]:
        return [stored.obj for stored in self._store.range(catalog.prefix(resource))]

    def _policies(
        self, kind: resources.Resource, binding_kind: resources.Resource
    ) -> tuple[Policy, ...]:
        """Those that are bound: the others concern nobody."""
        bound: dict[str, list[Obj]] = {}
        for binding in self._objects(binding_kind):
            bound.setdefault(binding["spec"]["policyName"], []).append(binding)
        found = []
        for obj in self._objects(kind):
            bindings = bound.get(obj["metadata"]["name"])
            if bindings:
                found.append(Policy(obj, tuple(bindings)))
        return tuple(found)

    def _hooks(self, kind: resources.Resource) -> tuple[Hook, ...]:
        found = []
        for obj in self._objects(kind):
            configuration = obj["metadata"]["name"]
            counts: dict[str, int] = {}
            for hook in obj.get("webhooks") or ():
                name = hook["name"]
                nth = counts[name] = counts.get(name, -1) + 1
                found.append(Hook(configuration, f"{configuration}/{name}/{nth}", hook))
        return tuple(found)
