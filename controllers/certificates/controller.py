"""kube-controller-manager's three controllers of CertificateSigningRequests.

After `pkg/controller/certificates`. Keys are the names of requests.
"""

import base64
from typing import ClassVar

from miniplane.api import errors, resources
from miniplane.api.certificates.signers import GROUP
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.controllers.certificates import plan
from miniplane.runtime.controller import Controller, Result

REQUESTS: Resource = resources.resource("certificatesigningrequests", GROUP)
_REVIEWS = resources.resource("subjectaccessreviews", "authorization.k8s.io")


class _Requests(Controller):
    retry_delays = (0.2, 1000.0)

    def setup(self) -> None:
        self.requests = self.informer(REQUESTS)
        self.requests.on_change(self._changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and not plan.certificate(new):
            self.queue.add(new["metadata"]["name"])

    async def _note(self, csr: Obj, condition: Obj, subresource: str) -> None:
        status = csr.get("status") or {}
        conditions = [*(status.get("conditions") or ()), {**condition, "status": "True"}]
        changed = {**csr, "status": {**status, "conditions": conditions}}
        await self.client.update(REQUESTS, changed, subresource=subresource)


class Approver(_Requests):
    """Approves what kubelets want for themselves, if whoever asks has the right to that."""

    name: ClassVar[str] = "certificatesigningrequest-approving-controller"

    async def reconcile(self, key: str) -> Result | None:
        csr = self.requests.get("", key)
        if csr is None:
            return None
        for subresource, message in plan.approvals(csr):
            if await self._may(csr["spec"], subresource):
                approved = {"type": "Approved", "reason": "AutoApproved", "message": message}
                await self._note(csr, approved, "approval")
                return None
        return None

    async def _may(self, spec: Obj, subresource: str) -> bool:
        asker = {"user": "username", "uid": "uid", "groups": "groups", "extra": "extra"}
        asked = {
            "group": GROUP,
            "version": "*",
            "resource": REQUESTS.plural,
            "subresource": subresource,
            "verb": "create",
        }
        review = {key: spec[field] for key, field in asker.items() if field in spec}
        review["resourceAttributes"] = asked
        answer = await self.client.create(_REVIEWS, {"spec": review})
        return bool(answer["status"]["allowed"])


class Signer(_Requests):
    """Signs what has been approved, for the signers of Kubernetes."""

    name: ClassVar[str] = "certificatesigningrequest-signing-controller"

    async def reconcile(self, key: str) -> Result | None:
        csr = self.requests.get("", key)
        wanted = None if csr is None else plan.sign(csr)
        if csr is None or wanted is None:
            return None
        if isinstance(wanted, plan.Fail):
            failed = {"type": "Failed", "reason": "SignerValidationFailure"}
            failed |= {"message": wanted.message, "lastUpdateTime": self.clock.rfc3339()}
            await self._note(csr, failed, "status")
            return None
        pem = self.ctx.authority.sign(wanted.request, wanted.usages, wanted.seconds)
        certificate = base64.b64encode(pem.encode()).decode()
        signed = {**csr, "status": {**csr["status"], "certificate": certificate}}
        await self.client.update(REQUESTS, signed, subresource="status")
        return None


class Cleaner(Controller):
    """Removes requests that nobody needs any more."""

    name: ClassVar[str] = "certificatesigningrequest-cleaner-controller"

    def setup(self) -> None:
        self.requests = self.informer(REQUESTS)
        self._rounds = self.rounds(plan.HOUR, self._round)
        self.requests.on_change(lambda old, new: self._rounds.ask())

    def _round(self) -> float | None:
        if not len(self.requests):
            return None
        self.spawn(self._clean())
        return self.clock.time()

    async def _clean(self) -> None:
        now = self.clock.time()
        for csr in self.requests.list():
            if plan.outdated(csr, now):
                try:
                    await self.client.delete(REQUESTS, csr["metadata"]["name"])
                except errors.StatusError as error:
                    if not errors.is_not_found(error):
                        raise
