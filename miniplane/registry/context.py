"""What strategies and admission may see: time, chance, options, and other objects."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from miniplane.api.objects import Obj
from miniplane.api.options import User
from miniplane.api.resources import Resource
from miniplane.clock import Clock
from miniplane.config import Config
from miniplane.ids import Ids
from miniplane.registry import catalog
from miniplane.registry.asking import Session
from miniplane.registry.decisions import Decisions
from miniplane.registry.joined import JoinCache
from miniplane.registry.stored import Stored
from miniplane.registry.tokens import Tokens
from miniplane.store.mvcc import Store

if TYPE_CHECKING:
    from miniplane.registry.admission import Chain
    from miniplane.registry.admission.extensions import Extensions
    from miniplane.registry.allocators import Allocators
    from miniplane.registry.customresources import CustomResources
    from miniplane.registry.watching import Watch


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    store: Store[Stored]
    clock: Clock
    ids: Ids
    config: Config
    allocators: "Allocators"
    tokens: Tokens
    chain: "Chain"
    """The admission plugins."""
    custom: "CustomResources"
    extensions: "Extensions"
    session: Session | None = None
    """What the write that is being made knows of webhooks' answers."""
    exempt: bool = False
    """Whether policies and webhooks have no say: in what the API server makes by itself."""
    users: Mapping[str, User] = dataclasses.field(default_factory=dict)
    """Those of the static token file, by token."""
    joined: JoinCache = dataclasses.field(default_factory=JoinCache)
    decisions: Decisions = dataclasses.field(default_factory=Decisions)
    watches: "dict[str, dict[Watch, None]]" = dataclasses.field(default_factory=dict)
    """The open watches of custom resources, by the names of their definitions."""

    def find(self, resource: Resource, namespace: str, name: str) -> Obj | None:
        """Another object, or None where there is none."""
        stored = self.store.find(catalog.key(resource, namespace, name))
        return None if stored is None else stored.obj

    def all(self, resource: Resource, namespace: str = "") -> list[Obj]:
        """All objects of a resource, or those of one namespace."""
        return [s.obj for s in self.store.range(catalog.prefix(resource, namespace))]

    def feature(self, gate: str) -> bool:
        """Whether a feature gate is on. Gates that nobody set are off."""
        return bool(self.config.feature_gates.get(gate, False))
