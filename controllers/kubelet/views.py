"""How the loop comes by what the table of stages looks at."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from miniplane.api.objects import Obj
from miniplane.controllers import pods
from miniplane.controllers.kubelet import (
    addresses,
    admission,
    blockers,
    containers,
    duties,
    faults,
    probes,
    resizing,
    steps,
)
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.machine import Machine
from miniplane.controllers.kubelet.needs import Needs
from miniplane.controllers.kubelet.view import NOTHING_HELD, View

if TYPE_CHECKING:
    from miniplane.controllers.kubelet.controller import Kubelet


class Views:
    """Makes views of pods, and remembers what objects do not tell."""

    def __init__(self, kubelet: "Kubelet"):
        self._kubelet = kubelet
        self.needs = Needs(kubelet)
        self.overflow = addresses.Pool(addresses.OVERFLOW)
        self.lives: dict[str, containers.Life] = {}
        """By pod: what is remembered of its containers. Only of pods that end by themselves."""
        self.taken: dict[str, tuple[str, str]] = {}
        """By pod: uid and an address that its status does not show yet."""

    def forget(self, key: str, pod: Obj, machine: Machine) -> None:
        """A pod is gone: its address is free."""
        address = (pod.get("status") or {}).get("podIP", "")
        _, taken = self.taken.pop(key, ("", ""))
        for each in dict.fromkeys((address, taken)):
            if each:
                machine.release(each)
                self.overflow.release(each)
        self.lives.pop(key, None)
        self.needs.drop(key)

    def remember(self, key: str, view: View, step: steps.Step) -> None:
        """What a step has done to the containers."""
        life = self.lives.get(key)
        if life is not None and life.uid == view.uid:
            now = self._kubelet.clock.time()
            for name, run in step.begins:
                life.begin(name, run, now)
            for name, run in step.ends:
                life.end(name, run, now)
            for name in step.pulls:
                life.pull(name, now)
            for name, (_, at) in step.failed.items():
                life.fail(name, at)
            for name in step.reminds:
                life.remind(name, now)
            if step.unmounted is not None:
                life.mount(step.unmounted, now)
            if step.complained:
                life.complained = step.complained

    def make(self, key: str, pod: Obj, machine: Machine) -> View:
        """The pod as the kubelet of `machine` sees it now."""
        now = self._kubelet.clock.time()
        status = pod.get("status") or {}
        blocker, held = None, NOTHING_HELD
        secrets: tuple[str, ...] = ()
        refusal = None
        if "startTime" not in status:
            refusal = self._refusal(pod, machine)
            if pod["spec"].get("imagePullSecrets"):
                secrets = blockers.missing_pull_secrets(pod, self.needs.lookup(pod))
        elif not pods.is_terminal(pod) and not all(
            reports.state_of(s) == "running" for s in status.get("containerStatuses") or ()
        ):
            lookup = self.needs.lookup(pod)
            if status["phase"] == "Pending":
                blocker = blockers.of_volumes(pod, lookup)
            held = blockers.of_containers(pod, lookup)
        self.needs.note(key, pod, blocker, held)
        asked = faults.of_pod(pod)
        if bad := containers.complaint(pod):
            bad = f"{asked.complaint}; {bad}" if asked.complaint else bad
            asked = faults.Asked(asked.faults, bad)
        ending = containers.behaviours(
            pod, job_duration=self._kubelet.config.job_duration, faults=asked.faults
        )
        due = duties.NOTHING
        complaint = ""
        if (
            ending
            or blocker is not None
            or held
            or key in self.lives
            or asked is not faults.NOTHING
            or _has_own_time(pod)
        ):
            due, complaint = self._due(key, pod, ending, asked, blocker=blocker, held=held)
        life = self.lives.get(key)
        told = blocker is not None and life is not None and now < sum(life.mounted(blocker))
        return View(
            pod=pod,
            host_ip=machine.host_ip,
            address=lambda: self._address(key, pod, machine),
            has_image=machine.images.__contains__,
            now=self._kubelet.clock.rfc3339(),
            startup=self._kubelet.config.pod_startup,
            blocker=blocker,
            blocker_told=told,
            due=due,
            ending=ending,
            faults=asked.faults,
            complaint=complaint,
            held=held,
            missing_secrets=secrets,
            refusal=refusal,
            unfit=lambda: self._unfit(key, pod, machine),
            killed_with=containers.TERMINATED if containers.is_of_job(pod) else 0,
        )

    def _due(
        self,
        key: str,
        pod: Obj,
        ending: Mapping[str, containers.Behaviour],
        asked: faults.Asked,
        *,
        blocker: blockers.Blocker | None,
        held: Mapping[str, blockers.Blocker],
    ) -> tuple[duties.Due, str]:
        """What is due for a pod whose containers do something by themselves, and what is to be
        said of its annotations."""
        status = pod.get("status") or {}
        if "startTime" not in status or pods.is_terminal(pod) or pods.is_terminating(pod):
            return duties.NOTHING, ""
        uid = pod["metadata"]["uid"]
        life = self.lives.get(key)
        if life is None or life.uid != uid:
            life = self.lives[key] = containers.Life(uid, self._kubelet.clock.time())
        life.learn(asked.faults, self._kubelet.clock.time())
        complaint = asked.complaint if asked.complaint != life.complained else ""
        if not asked.complaint:
            life.complained = ""
        known = {
            s["name"]: s
            for kind in ("initContainerStatuses", "containerStatuses")
            for s in status.get(kind) or ()
        }
        now = self._kubelet.clock.time()
        due = duties.due(pod, known, ending, life, now=now, held=held, unmounted=blocker)
        return due, complaint

    def _refusal(self, pod: Obj, machine: Machine) -> admission.Refusal | None:
        """Why the machine does not take a pod that is new to it."""
        if pods.is_terminal(pod) or pods.is_terminating(pod):
            return None
        pressures = (
            machine.fault.pressed(self._kubelet.clock.time()) if machine.fault.pressures else ()
        )
        if not pressures and admission.is_scheduled(pod):
            return None
        found = self._kubelet.nodes.get("", machine.name)
        if found is None:
            return None
        others = self._others(pod, machine)
        return admission.refusal(pod, found, others, pressures=pressures)

    def _others(self, pod: Obj, machine: Machine) -> list[Obj]:
        """Those beside a pod that have been taken by its machine and have not ended."""
        return [
            other
            for other in self._kubelet.pods_of(machine)
            if "startTime" in (other.get("status") or {})
            and not pods.is_terminal(other)
            and other["metadata"]["uid"] != pod["metadata"]["uid"]
        ]

    def _unfit(self, key: str, pod: Obj, machine: Machine) -> admission.Refusal | None:
        """Why a pod cannot have the resources that it asks for now. If that may change, it will be
        looked at again when another pod of the machine ends or shrinks."""
        found = self._kubelet.nodes.get("", machine.name)
        refusal = resizing.unfit(pod, found, self._others(pod, machine)) if found else None
        if refusal is not None and refusal.reason == resizing.DEFERRED:
            machine.deferred[key] = None
        return refusal

    def _address(self, key: str, pod: Obj, machine: Machine) -> str:
        if pod["spec"].get("hostNetwork"):
            return machine.host_ip
        if shown := (pod.get("status") or {}).get("podIP"):
            return shown
        uid = pod["metadata"]["uid"]
        taken = self.taken.get(key)
        if taken is None or taken[0] != uid:
            address = machine.take() or self.overflow.take() or ""
            taken = self.taken[key] = (uid, address)
        return taken[1]


def _has_own_time(pod: Obj) -> bool:
    """Whether something happens to the pod at a certain time: its deadline, or a probe that does
    not succeed at once."""
    spec = pod["spec"]
    if "activeDeadlineSeconds" in spec:
        return True
    return any(
        probes.take_time(c) for c in (*(spec.get("initContainers") or ()), *spec["containers"])
    )
