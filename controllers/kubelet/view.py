"""What the table of stages is given to look at."""

from collections.abc import Callable, Container, Mapping, Sequence

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import containers, duties
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.admission import Refusal
from miniplane.controllers.kubelet.blockers import Blocker
from miniplane.controllers.kubelet.faults import IMAGE_PULL, Fault

NOTHING_HELD: Mapping[str, Blocker] = {}
CLEANUP = 0.1
"""How many seconds an ended pod stays at most, until its kubelet removes it."""


class View:
    """A pod as its kubelet sees it. Durations are in seconds, `now` is an RFC 3339 time."""

    __slots__ = (
        "accepted",
        "acknowledged",
        "address",
        "blocker",
        "blocker_told",
        "complaint",
        "containers",
        "deleted",
        "due",
        "ending",
        "faults",
        "generation",
        "grace",
        "has_image",
        "held",
        "host_ip",
        "init",
        "killed_with",
        "missing_secrets",
        "now",
        "phase",
        "pod",
        "refusal",
        "spec",
        "startup",
        "status",
        "terminal",
        "uid",
        "unfit",
    )

    def __init__(
        self,
        pod: Obj,
        *,
        host_ip: str,
        address: Callable[[], str],
        has_image: Callable[[str], bool],
        now: str,
        startup: float,
        blocker: Blocker | None = None,
        blocker_told: bool = False,
        due: duties.Due = duties.NOTHING,
        killed_with: int = 0,
        ending: Container[str] = (),
        faults: Mapping[str, Fault] = containers.NO_FAULTS,
        complaint: str = "",
        held: Mapping[str, Blocker] = NOTHING_HELD,
        missing_secrets: Sequence[str] = (),
        refusal: Refusal | None = None,
        unfit: Callable[[], Refusal | None] = lambda: None,
    ):
        """`address` gives the pod its address, the same one each time; `startup` is how long pods
        take to start, and at most to stop; `blocker` is what keeps it from starting; `due` is what
        is to happen to its containers; `ending` names those that end by themselves; `killed_with`
        is the exit code of those that are stopped; `faults` are what its containers suffer from,
        `complaint` is what is yet to be said of annotations that cannot be meant; `held` are
        the containers that cannot be created, `missing_secrets` image pull secrets; `refusal` is
        why the pod is not taken at all; `unfit` says why it cannot have what it asks for now."""
        self.pod = pod
        self.host_ip = host_ip
        self.address = address
        self.has_image = has_image
        self.now = now
        self.startup = startup
        self.blocker = blocker
        self.blocker_told = blocker_told
        self.due = due
        self.killed_with = killed_with
        self.ending = ending
        self.faults = faults
        self.complaint = complaint
        self.held = held
        self.missing_secrets = missing_secrets
        self.refusal = refusal
        self.unfit = unfit
        meta = pod["metadata"]
        self.spec: Obj = pod["spec"]
        self.status: Obj = pod.get("status") or {}
        self.uid: str = meta["uid"]
        self.generation: int = meta.get("generation", 0)
        self.deleted = "deletionTimestamp" in meta
        self.grace: int = meta.get("deletionGracePeriodSeconds") or 0
        self.phase: str = self.status.get("phase", "")
        self.terminal = self.phase in ("Succeeded", "Failed")
        self.accepted = "startTime" in self.status
        self.acknowledged = self.status.get("observedGeneration") == self.generation
        self.init = reports.by_name(self.status.get("initContainerStatuses"))
        self.containers = reports.by_name(self.status.get("containerStatuses"))

    @property
    def at_rest(self) -> bool:
        """Whether nothing of the pod runs, nor is said to be ready."""
        alive = any(
            reports.state_of(s) == "running"
            for s in (*self.init.values(), *self.containers.values())
        )
        return not alive and not any(
            c["type"] == "Ready" and c["status"] == "True"
            for c in self.status.get("conditions") or ()
        )

    @property
    def stop_seconds(self) -> float:
        return min(float(self.grace), self._sleep_before_stop + self.startup)

    @property
    def _sleep_before_stop(self) -> float:
        """For how long the containers sleep before they are told to stop."""
        asleep = 0.0
        for container in self.spec["containers"]:
            before = (container.get("lifecycle") or {}).get("preStop") or {}
            if (
                "sleep" in before
                and reports.state_of(self.status_of(container["name"])) == "running"
            ):
                asleep = max(asleep, float(before["sleep"].get("seconds") or 0))
        return asleep

    @property
    def cleanup_seconds(self) -> float:
        """From the end of the containers to the removal of the pod: its volumes are unmounted
        first. Who has a successor made for a pod that has ended (a DaemonSet) does so meanwhile."""
        return min(CLEANUP, self.startup / 2)

    @property
    def started(self) -> bool:
        """Whether every container has run."""
        return all(reports.has_run(self.containers.get(c["name"])) for c in self.spec["containers"])

    def has_condition(self, kind: str) -> bool:
        return any(c["type"] == kind for c in self.status.get("conditions") or ())

    def status_of(self, name: str) -> Obj | None:
        """The status of a container, or of an init container."""
        return self.containers.get(name) or self.init.get(name)

    def path(self, name: str) -> str:
        """Where the container stands, for events: `spec.containers{NAME}`."""
        kind = "initContainers" if name in self.init else "containers"
        return f"spec.{kind}{{{name}}}"

    def is_held(self, name: str) -> bool:
        """Whether the container's image cannot be pulled."""
        fault = self.faults.get(name)
        return fault is not None and fault.kind == IMAGE_PULL

    def _may_start(self, name: str) -> bool:
        """Whether a container is to be started for the first time, or at least to be tried."""
        status = self.status_of(name)
        if reports.has_run(status):
            return False
        if self.is_held(name):
            return not (status and duties.waits_for_image(status))
        if name in self.held and status and duties.waits_for_config(status):
            told: str = status["state"]["waiting"].get("message", "")
            return told != self.held[name].message
        return True

    @property
    def to_start(self) -> list[Obj]:
        """The containers that are to be started for the first time."""
        return [c for c in self.spec["containers"] if self._may_start(c["name"])]

    @property
    def next_init(self) -> Obj | None:
        """The init container whose turn it is."""
        for container in self.spec.get("initContainers") or ():
            if not reports.is_initialized(container, self.init.get(container["name"])):
                return container
        return None

    @property
    def next_init_is_new(self) -> bool:
        """Whether there is one, and it is yet to be started for the first time."""
        turn = self.next_init
        return turn is not None and self._may_start(turn["name"])

    @property
    def start_seconds(self) -> float:
        """The share of one step in the start of the pod: a step for each init container that
        ends, and one for the others together."""
        ending = [c for c in self.spec.get("initContainers") or () if not reports.is_sidecar(c)]
        return self.startup / (len(ending) + 1)

    @property
    def initial_ip(self) -> str:
        """A pod in the host's network has its address from the beginning."""
        return self.host_ip if self.spec.get("hostNetwork") else self.status.get("podIP", "")
