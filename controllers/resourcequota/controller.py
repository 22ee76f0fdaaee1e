"""Keys are quotas: a quota has its turn when its limits change, and when something is freed.

After `pkg/controller/resourcequota`. What is created is added by the server's admission, in the
same breath; here the sums are made anew when something goes away, and every five minutes.
"""

from collections.abc import Mapping
from typing import ClassVar

from miniplane.api import resources
from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj, key_of, split_key
from miniplane.api.quotas import kinds
from miniplane.api.resources import Resource
from miniplane.controllers.resourcequota import plan
from miniplane.runtime.controller import Controller, ControllerContext, Result

RESYNC_SECONDS = 300.0


class ResourceQuotaController(Controller):
    name: ClassVar[str] = "resourcequota-controller"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._followed: dict[Resource, None] = {}
        self._tallies: dict[str, tuple[Obj, dict[Resource, plan.Tally]]] = {}
        """What the objects of each quota use, and the quota's spec that this is for."""

    def setup(self) -> None:
        self.quotas = self.informer(resources.RESOURCE_QUOTAS)
        self.quotas.on_change(self._quota_changed)
        self._resyncs = self.rounds(RESYNC_SECONDS, self._all)

    def _quota_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            self._tallies.pop(key_of(old or {}), None)
        elif old is None or old["spec"].get("hard") != new["spec"].get("hard"):
            self.queue.add(key_of(new))
            self._resyncs.ask()

    def _all(self) -> float | None:
        found = self.quotas.list()
        for quota in found:
            self.queue.add(key_of(quota))
        return self.clock.time() if found else None

    def _follow(self, row: Resource) -> None:
        """Hear of what is freed. Only kinds that some quota counts are followed."""
        if row not in self._followed:
            self._followed[row] = None
            self.informer(row).on_change(lambda old, new: self._changed(row, old, new))

    def _changed(self, row: Resource, old: Obj | None, new: Obj | None) -> None:
        if old is None or not plan.gives_back(row, old, new):
            return
        for quota in self.quotas.list(old["metadata"].get("namespace", "")):
            if any(kinds.belongs(name, row) for name in quota["spec"].get("hard") or ()):
                self.queue.add(key_of(quota))

    def _tallies_of(
        self, key: str, spec: Obj, counted: Mapping[Resource, list[str]]
    ) -> dict[Resource, plan.Tally]:
        """The tallies of a quota, new ones where it has changed."""
        known = self._tallies.get(key)
        if known is None or known[0] != spec or list(known[1]) != list(counted):
            tallies = {row: plan.Tally(spec, row, names) for row, names in counted.items()}
            known = self._tallies[key] = spec, tallies
        return known[1]

    async def reconcile(self, key: str) -> Result | None:
        namespace, name = split_key(key)
        try:
            quota = await self.client.get(resources.RESOURCE_QUOTAS, name, namespace)
        except StatusError as error:
            if is_not_found(error):
                return None
            raise
        counted = kinds.counted(quota["spec"].get("hard") or (), self.ctx.served())
        tallies = self._tallies_of(key, quota["spec"], counted)
        totals = []
        for row, tally in tallies.items():
            self._follow(row)
            # The present state, not our copy of it: the sums must not fall behind what admission
            # has added. Where it adds something meanwhile, the update meets a conflict.
            found = await self.client.list(row, namespace)
            totals.append(tally.total(found.items, self.clock.time()))
        status = plan.status(quota, totals)
        if status is not None:
            changed = {**quota, "status": status}
            await self.client.update(resources.RESOURCE_QUOTAS, changed, subresource="status")
        return None
