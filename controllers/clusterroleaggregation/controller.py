"""Keeps the rules of aggregated cluster roles.

After `pkg/controller/clusterroleaggregation`. Keys are the names of cluster roles with an
aggregation rule; all of them have their turn when any cluster role changes.
"""

from typing import ClassVar

from miniplane.api import resources
from miniplane.api.objects import Obj, labels_of
from miniplane.api.options import MERGE_PATCH
from miniplane.api.selectors import labels as label_selectors
from miniplane.runtime.controller import Controller, Result

CLUSTER_ROLES = resources.resource("clusterroles", "rbac.authorization.k8s.io")


def gathered(role: Obj, roles: list[Obj]) -> list[Obj]:
    """The rules of an aggregated role: those of each role that it selects, in the order of their
    names, without repetitions and without its own."""
    rules: list[Obj] = []
    own = role["metadata"]["name"]
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        wanted = label_selectors.from_obj(selector)
        for other in sorted(roles, key=lambda r: r["metadata"]["name"]):
            if other["metadata"]["name"] != own and wanted.matches(labels_of(other)):
                rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules


class ClusterRoleAggregation(Controller):
    name: ClassVar[str] = "clusterrole-aggregation-controller"

    def setup(self) -> None:
        self.roles = self.informer(CLUSTER_ROLES)
        self.roles.on_change(self._changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        for role in self.roles.list():
            if role.get("aggregationRule"):
                self.queue.add(role["metadata"]["name"])

    async def reconcile(self, key: str) -> Result | None:
        role = self.roles.get("", key)
        if role is None or not role.get("aggregationRule"):
            return None
        rules = gathered(role, self.roles.list())
        if rules == (role.get("rules") or []):
            return None
        # Nobody else's change to the role is lost: where there is one, this comes round again.
        metadata = {"resourceVersion": role["metadata"]["resourceVersion"]}
        patch = {"metadata": metadata, "rules": rules}
        await self.client.patch(CLUSTER_ROLES, key, patch, patch_type=MERGE_PATCH)
        return None
