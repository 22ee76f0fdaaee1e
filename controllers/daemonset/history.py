"""The revisions of a DaemonSet: where they differ from those of a StatefulSet.

A revision carries the hash of its name in the label `controller-revision-hash`, as the pods do. One
that was adopted without it gets its name for a hash; of two with the same contents the newer stays.
"""

from collections.abc import Iterable, Sequence

from miniplane.api import objects
from miniplane.api.objects import Obj
from miniplane.api.resources import PODS
from miniplane.client.protocol import Client
from miniplane.controllers import pods, revisions
from miniplane.controllers.history import History
from miniplane.controllers.pods import PodView


def hash_of(revision: Obj) -> str:
    return objects.labels_of(revision).get(pods.REVISION_LABEL, "")


async def labelled(history: History, found: Sequence[Obj]) -> list[Obj]:
    """The revisions, each with a hash label."""

    def label(revision: Obj) -> Obj:
        metadata = revision["metadata"]
        labels = {**objects.labels_of(revision), pods.REVISION_LABEL: metadata["name"]}
        return {**revision, "metadata": {**metadata, "labels": labels}}

    return [r if hash_of(r) else await history.rewrite(r, label) for r in found]


async def without_duplicates(
    client: Client,
    history: History,
    found: Sequence[Obj],
    template: Obj,
    owned: Iterable[PodView],
) -> list[Obj]:
    """The revisions with at most one of the present template: the newest. The pods of the set get
    its hash before the others are deleted."""
    data = revisions.data_of(template)
    same = [revision for revision in found if revision.get("data") == data]
    if len(same) < 2:
        return list(found)
    kept = same[-1]
    patch = {"metadata": {"labels": {pods.REVISION_LABEL: hash_of(kept)}}}
    for pod in owned:
        if pod.revision != hash_of(kept):
            await client.patch(PODS, pod.name, patch, pod.namespace)
    await history.delete(same[:-1])
    return [revision for revision in found if revision is kept or revision not in same]


def surplus(found: Iterable[Obj], *, present: Obj, live: Iterable[str], limit: int) -> list[Obj]:
    """The old revisions to delete so that at most `limit` stay; those that pods have stay anyway.

    `live` are the hashes of all pods. With old revisions a, b, c, of which pods have a, and a limit
    of 1: b and c.
    """
    used = dict.fromkeys(live)
    name = objects.name_of(present)
    old = [r for r in revisions.ordered(found) if objects.name_of(r) != name]
    unused = [r for r in old if hash_of(r) not in used]
    return unused[: max(0, len(old) - limit)]
