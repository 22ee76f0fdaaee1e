"""Checks the expressions of ValidatingAdmissionPolicies against the types that they are about.

After `pkg/controller/validatingadmissionpolicystatus`. Keys are the names of policies.
"""

from typing import ClassVar

from miniplane.api import resources
from miniplane.api.admission import typechecking
from miniplane.api.objects import Obj
from miniplane.api.options import APPLY_PATCH
from miniplane.runtime.controller import Controller, ControllerContext, Result

POLICIES = resources.resource("validatingadmissionpolicies", "admissionregistration.k8s.io")


class PolicyStatusController(Controller):
    name: ClassVar[str] = "validatingadmissionpolicy-status-controller"
    manager: ClassVar[str] = "validatingadmissionpolicy-status"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._served = ctx.served

    def setup(self) -> None:
        self.policies = self.informer(POLICIES)
        self.policies.on_change(self._changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    async def reconcile(self, key: str) -> Result | None:
        policy = self.policies.get("", key)
        if policy is None:
            return None
        generation = policy["metadata"].get("generation", 0)
        if generation <= (policy.get("status") or {}).get("observedGeneration", 0):
            return None
        found = typechecking.warnings(policy, self._served())
        checked = {"expressionWarnings": found} if found else {}
        configuration = {
            "apiVersion": POLICIES.api_version,
            "kind": POLICIES.kind,
            "metadata": {"name": key},
            "status": {"observedGeneration": generation, "typeChecking": checked},
        }
        await self.client.patch(
            POLICIES, key, configuration, patch_type=APPLY_PATCH, subresource="status"
        )
        return None
