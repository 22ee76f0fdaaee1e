"""Who owns what: controller references, and the adoption and release of dependents.

After `metav1.NewControllerRef` and `pkg/controller/controller_ref_manager.go`. A controller owns
the objects that point to its uid and match its selector. It adopts matching objects without a
controller, and releases its own that match no more.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from miniplane.api import objects
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource

T = TypeVar("T")


def controller_ref(resource: Resource, owner: Mapping[str, Any]) -> Obj:
    """The owner reference of a managing controller."""
    meta = owner["metadata"]
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_uid(obj: Mapping[str, Any]) -> str:
    """The uid of the object's controller, `""` for an orphan. An index key for informers."""
    ref = objects.controller_of(obj)
    return ref["uid"] if ref else ""


def owner_references(obj: Mapping[str, Any]) -> list[Obj]:
    return obj["metadata"].get("ownerReferences") or []


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed(Generic[T]):
    """What becomes of the candidates: kept, to be adopted, to be released."""

    owned: tuple[T, ...]
    adopt: tuple[T, ...]
    release: tuple[T, ...]


def claim(
    candidates: Iterable[T],
    *,
    owner_uid: str,
    owner_terminating: bool,
    controller: Callable[[T], Mapping[str, Any] | None],
    terminating: Callable[[T], bool],
    matches: Callable[[T], bool],
) -> Claimed[T]:
    """Sorts the candidates of one namespace. `controller` gives a candidate's controller reference.

    An owner that is being deleted adopts and releases nothing; an orphan that is being deleted is
    left alone.
    """
    owned: list[T] = []
    adopt: list[T] = []
    release: list[T] = []
    for candidate in candidates:
        ref = controller(candidate)
        if ref is not None:
            if ref["uid"] != owner_uid:
                continue
            if matches(candidate):
                owned.append(candidate)
            elif not owner_terminating:
                release.append(candidate)
        elif not owner_terminating and not terminating(candidate) and matches(candidate):
            adopt.append(candidate)
    return Claimed(tuple(owned), tuple(adopt), tuple(release))


def adopt_patch(ref: Obj, uid: str, *, finalizer: str = "") -> Obj:
    """A strategic merge patch that makes `ref` the controller of the object with this uid, which
    gets the finalizer with it."""
    metadata: Obj = {"ownerReferences": [ref], "uid": uid}
    if finalizer:
        metadata["finalizers"] = [finalizer]
    return {"metadata": metadata}


def release_patch(owner_uid: str, uid: str, *, finalizer: str = "") -> Obj:
    """A strategic merge patch that takes the owner off the object with this uid, and the finalizer
    with it."""
    owner = {"$patch": "delete", "uid": owner_uid}
    metadata: Obj = {"ownerReferences": [owner], "uid": uid}
    if finalizer:
        metadata["$deleteFromPrimitiveList/finalizers"] = [finalizer]
    return {"metadata": metadata}
