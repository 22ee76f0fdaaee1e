"""What the kubelets' controller remembers of each simulated machine."""

from miniplane.api import identities
from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import addresses, faults, node, steps
from miniplane.runtime.controller import ControllerContext


class Machine:
    """A simulated machine: its addresses, its images, its lease."""

    __slots__ = (
        "_pool",
        "away",
        "beating",
        "client",
        "complained",
        "deferred",
        "fault",
        "gone",
        "healthy",
        "host_ip",
        "images",
        "lease",
        "name",
        "recorder",
        "reported",
        "schedulable",
    )

    def __init__(self, name: str, ctx: ControllerContext):
        self.name = name
        self.client = ctx.client.with_manager("kubelet", user=identities.kubelet(name))
        """Writes as the kubelet of this machine."""
        self.recorder = ctx.recorder("kubelet", host=name, client=self.client)
        self.host_ip = ""
        self.gone = False
        """Whether its Node has been deleted."""
        self.beating = False
        """Whether somebody renews its lease from time to time."""
        self.healthy = False
        """Whether its Node says what the kubelet reported last."""
        self.fault = faults.WELL
        """What it suffers from."""
        self.away = False
        """Whether it was out of reach, and has not been back since."""
        self.complained = ""
        """What has been said of its Node's annotations."""
        self.deferred: dict[str, None] = {}
        """Pods that wait for resources."""
        self.schedulable = True
        """Whether its Node could be scheduled to when that was told of last."""
        self.images: dict[str, None] = {}
        self.lease: Obj | None = None
        """The Lease as it was written last."""
        self.reported = 0.0
        """When the node's status was written last, in Unix seconds."""
        self._pool: addresses.Pool | None = None

    def see(self, found: Obj) -> bool:
        """Take over what the Node says. Whether its pods need another look because of that."""
        host_ip = node.internal_ip(found)
        cidr = (found.get("spec") or {}).get("podCIDR", "")
        changed = host_ip != self.host_ip
        self.host_ip = host_ip
        if cidr and (self._pool is None or self._pool.cidr != cidr):
            self._pool = addresses.Pool(cidr)
            changed = True
        return changed

    def is_out(self, now: float) -> bool:
        """Whether the machine is out of reach, so that its kubelet does nothing."""
        return now < self.fault.out_until

    def take(self) -> str | None:
        """A free address for a pod; None when the node has none left."""
        return self._pool.take() if self._pool is not None else None

    def claim(self, address: str) -> None:
        if self._pool is not None and address:
            self._pool.claim(address)

    def release(self, address: str) -> None:
        if self._pool is not None:
            self._pool.release(address)

    async def tell(self, pod: Obj, told: steps.Told) -> None:
        """Write an event about a pod; an image that was pulled is there from now on."""
        if told.image:
            self.images[told.image] = None
        await self.recorder.event(
            pod,
            told.type,
            told.reason,
            told.message,
            field_path=told.field_path,
            times=told.times,
            annotations=told.annotations,
        )
