"""The pods of each budget, kept beside the informer.

Each revision of a pod is looked at once, and only in namespaces that have a budget; a sync of a
budget then goes by counts.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from miniplane.api.objects import Obj, controller_of, labels_of
from miniplane.api.selectors import labels as label_selectors
from miniplane.controllers import pods
from miniplane.runtime.informer import Informer


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A pod as a budget looks at it. While two are equal, its budgets need no sync."""

    name: str
    labels: Mapping[str, str]
    owners: Sequence[Obj] | None
    ready: bool
    terminating: bool
    controller: Obj | None = dataclasses.field(compare=False)

    @classmethod
    def of(cls, pod: Mapping[str, Any]) -> "Member":
        return cls(
            name=pod["metadata"]["name"],
            labels=labels_of(pod),
            owners=pod["metadata"].get("ownerReferences"),
            ready=pods.is_ready(pod),
            terminating=pods.is_terminating(pod),
            controller=controller_of(pod),
        )

    @property
    def healthy(self) -> bool:
        return self.ready and not self.terminating


class Members:
    """The pods that a budget selects, in order of appearance.

    `healthy` is how many of them are ready and not on their way out; `by_controller` are the names
    of the pods under the uid of their controller, `""` for those that have none.
    """

    def __init__(self, selector: Obj | None):
        self.selector = selector
        self._matches = None if selector is None else label_selectors.from_obj(selector).matches
        self.pods: dict[str, Member] = {}
        self.healthy = 0
        self.by_controller: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self.pods)

    def selects(self, pod: Member) -> bool:
        return self._matches is not None and self._matches(pod.labels)

    def firsts(self) -> Iterator[Member]:
        """One pod of each controller, and one of those that have none."""
        for names in self.by_controller.values():
            yield self.pods[next(iter(names))]

    def put(self, pod: Member) -> None:
        before = self.pods.get(pod.name)
        self.pods[pod.name] = pod
        self.healthy += pod.healthy
        uid = _uid(pod)
        if before is not None:
            self.healthy -= before.healthy
            if _uid(before) == uid:
                return
            self._leave(before)
        self.by_controller.setdefault(uid, {})[pod.name] = None

    def drop(self, name: str) -> None:
        pod = self.pods.pop(name, None)
        if pod is not None:
            self.healthy -= pod.healthy
            self._leave(pod)

    def _leave(self, pod: Member) -> None:
        names = self.by_controller[_uid(pod)]
        del names[pod.name]
        if not names:
            del self.by_controller[_uid(pod)]

    def _check(self) -> None:
        """Walk every invariant."""
        assert self.healthy == sum(pod.healthy for pod in self.pods.values())
        found = {(uid, name) for uid, names in self.by_controller.items() for name in names}
        assert found == {(_uid(pod), pod.name) for pod in self.pods.values()}
        assert all(self.by_controller.values())


def _uid(pod: Member) -> str:
    return "" if pod.controller is None else str(pod.controller["uid"])


_NOBODY = Members(None)


class BudgetPods:
    """Which pods the budgets select."""

    def __init__(self, informer: Informer):
        self._informer = informer
        self._pods: dict[str, dict[str, Member]] = {}
        self._budgets: dict[str, dict[str, Members]] = {}

    def of(self, budget: Obj) -> Members:
        meta = budget["metadata"]
        return self._budgets.get(meta["namespace"], {}).get(meta["name"], _NOBODY)

    def budget_changed(self, old: Obj | None, new: Obj | None) -> None:
        meta = (new or old or {})["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        if new is None:
            budgets = self._budgets[namespace]
            del budgets[name]
            if not budgets:
                del self._budgets[namespace]
                del self._pods[namespace]
            return
        if namespace not in self._budgets:
            found = map(Member.of, self._informer.list(namespace))
            self._pods[namespace] = {pod.name: pod for pod in found}
        budgets = self._budgets.setdefault(namespace, {})
        selector = new["spec"].get("selector")
        known = budgets.get(name)
        if known is None or known.selector != selector:
            known = budgets[name] = Members(selector)
            for pod in self._pods[namespace].values():
                if known.selects(pod):
                    known.put(pod)

    def pod_changed(self, old: Obj | None, new: Obj | None) -> tuple[list[str], list[str]]:
        """The keys of the budgets that selected the pod before, and of those that do now. None,
        where it makes no difference to them."""
        obj = new or old or {}
        namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        budgets = self._budgets.get(namespace)
        if budgets is None:
            return [], []
        before = self._pods[namespace].get(name)
        after = Member.of(new) if new is not None else None
        if before == after:
            return [], []
        if after is None:
            del self._pods[namespace][name]
        else:
            self._pods[namespace][name] = after
        was: list[str] = []
        now: list[str] = []
        for budget, members in budgets.items():
            if name in members.pods:
                was.append(f"{namespace}/{budget}")
            if after is not None and members.selects(after):
                members.put(after)
                now.append(f"{namespace}/{budget}")
            else:
                members.drop(name)
        return was, now
