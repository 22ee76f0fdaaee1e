"""What the conditions of a namespace on its way out say (pure).

After `pkg/controller/namespace/deletion/status_condition_utils.go`.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from miniplane.api.objects import Obj
from miniplane.api.resources import Resource

_DISCOVERY_FAILURE = "NamespaceDeletionDiscoveryFailure"
_CONTENT_FAILURE = "NamespaceDeletionContentFailure"
_CONTENT_REMAINING = "NamespaceContentRemaining"
_FINALIZERS_REMAINING = "NamespaceFinalizersRemaining"

_FINE = {
    _DISCOVERY_FAILURE: (
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    _CONTENT_FAILURE: (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    _CONTENT_REMAINING: ("ContentRemoved", "All content successfully removed"),
    _FINALIZERS_REMAINING: (
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
}
"""The conditions in their order, with what they say when all is well. Their status is False then:
each tells of something that holds the deletion up."""


@dataclasses.dataclass(frozen=True, slots=True)
class Remaining:
    """What a sweep has left behind: counts by resource, counts by finalizer, and failures."""

    counts: Mapping[Resource, int]
    finalizers: Mapping[str, int]
    failures: Sequence[str] = ()
    unknown: Sequence[str] = ()
    """Group versions, `example.com/v1`, of which nobody can tell whether anything is left."""

    @property
    def empty(self) -> bool:
        return not self.counts and not self.failures and not self.unknown

    @classmethod
    def of(
        cls, found: Sequence[tuple[Resource, Sequence[Obj]]], failures: Sequence[str] = ()
    ) -> "Remaining":
        counts: dict[Resource, int] = {}
        finalizers: dict[str, int] = {}
        for resource, objs in found:
            if objs:
                counts[resource] = len(objs)
            for obj in objs:
                for finalizer in obj["metadata"].get("finalizers") or ():
                    finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
        return cls(counts, finalizers, tuple(failures))


def unexpected(namespace: str, resource: Resource) -> str:
    """The failure that objects are left that nothing should hold back any longer."""
    where = f"{resource.group}/{resource.version}, Resource={resource.plural}"
    return f"unexpected items still remain in namespace: {namespace} for gvr: {where}"


def longest_grace(pods: Sequence[Obj]) -> int:
    """Seconds that the pods may take to stop."""
    running = [p for p in pods if (p.get("status") or {}).get("phase") not in _FINAL]
    graces = (p["spec"].get("terminationGracePeriodSeconds", 0) for p in running)
    return max(graces, default=0)


_FINAL = ("Succeeded", "Failed")


def conditions(present: Sequence[Obj], remaining: Remaining, now: str) -> list[Obj]:
    """The namespace's conditions; one whose status stays keeps its time."""
    texts = {kind: ("False", *words) for kind, words in _FINE.items()}
    if remaining.unknown:
        listed = ", ".join(
            f"{group}: stale GroupVersion discovery: {group}" for group in sorted(remaining.unknown)
        )
        message = (
            f"Discovery failed for some groups, {len(remaining.unknown)} failing: "
            f"unable to retrieve the complete list of server APIs: {listed}"
        )
        texts[_DISCOVERY_FAILURE] = ("True", "DiscoveryFailed", message)
    if remaining.failures:
        listed = ", ".join(sorted(remaining.failures))
        count = len(remaining.failures)
        message = f"Failed to delete all resource types, {count} remaining: {listed}"
        texts[_CONTENT_FAILURE] = ("True", "ContentDeletionFailed", message)
    if remaining.counts:
        # A core resource is named with the dot of its empty group, as the real controller does.
        listed = ", ".join(
            sorted(
                f"{resource.plural}.{resource.group} has {count} resource instances"
                for resource, count in remaining.counts.items()
            )
        )
        message = f"Some resources are remaining: {listed}"
        texts[_CONTENT_REMAINING] = ("True", "SomeResourcesRemain", message)
    if remaining.finalizers:
        listed = ", ".join(
            f"{finalizer} in {count} resource instances"
            for finalizer, count in sorted(remaining.finalizers.items())
        )
        message = f"Some content in the namespace has finalizers remaining: {listed}"
        texts[_FINALIZERS_REMAINING] = ("True", "SomeFinalizersRemain", message)
    out = []
    for old in present:
        words = texts.pop(old["type"], None)
        if words is not None:
            since = old["lastTransitionTime"] if old["status"] == words[0] else now
            old = _condition(old["type"], words, since)
        out.append(old)
    out += (_condition(kind, words, now) for kind, words in texts.items())
    return out


def _condition(kind: str, words: tuple[str, str, str], since: str) -> Obj:
    status, reason, message = words
    return {
        "type": kind,
        "status": status,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
