"""The horizontal pod autoscaler. Keys are `namespace/name`; each comes round every 15 seconds."""

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from miniplane.api import quantity, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, annotations_of, key_of, split_key
from miniplane.api.resources import PODS, Resource
from miniplane.api.selectors import labels
from miniplane.api.selectors.labels import LabelSelector
from miniplane.controllers.podautoscaler import custom
from miniplane.controllers.podautoscaler.behavior import Condition, History
from miniplane.controllers.podautoscaler.metrics import Event, Observed
from miniplane.controllers.podautoscaler.plan import (
    INTERVAL,
    Decision,
    needs_metrics,
    plan,
    with_conditions,
)
from miniplane.controllers.podautoscaler.replicas import Tolerances
from miniplane.runtime.controller import Controller, ControllerContext, Result

AUTOSCALERS = resources.resource("horizontalpodautoscalers", "autoscaling", "v2")


class _Stopped(Exception):
    """Nothing more can be done this time: a condition, and events that say why."""

    def __init__(self, condition: Condition, *events: Event):
        self.condition, self.events = condition, events


class HorizontalPodAutoscalerController(Controller):
    """Sizes what autoscalers point at by what its pods use."""

    name: ClassVar[str] = "horizontal-pod-autoscaler-controller"
    component: ClassVar[str] = "horizontal-pod-autoscaler"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._histories: dict[str, History] = {}
        self._selectors: dict[str, LabelSelector] = {}
        """The selector of each autoscaler's target, to see when two have the same pods."""

    def setup(self) -> None:
        self.autoscalers = self.informer(AUTOSCALERS)
        self.pods = self.informer(PODS)
        self.autoscalers.on_change(self._changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            assert old is not None
            key = key_of(old)
            self._histories.pop(key, None)
            self._selectors.pop(key, None)
        elif old is None or old["spec"] != new["spec"]:
            self.queue.add(key_of(new))

    async def reconcile(self, key: str) -> Result | None:
        autoscaler = self.autoscalers.get(*split_key(key))
        if autoscaler is None:
            return None
        await self._size(key, autoscaler)
        return Result(after=INTERVAL, background=True)

    async def _size(self, key: str, autoscaler: Obj) -> None:
        spec = autoscaler["spec"]
        try:
            resource, scale = await self._scale(autoscaler)
        except _Stopped as stopped:
            await self._tell(autoscaler, *stopped.events)
            await self._write(autoscaler, [stopped.condition])
            return
        text = "the HPA controller was able to get the target's current scale"
        able: Condition = ("AbleToScale", "True", "SucceededGetScale", text)
        current = (scale.get("spec") or {}).get("replicas", 0)
        observed = Observed((), (), current, self.clock.time(), _tolerances(spec))
        if needs_metrics(spec, current):
            try:
                pods, metrics = await self._observe(key, autoscaler, scale)
            except _Stopped as stopped:
                error = ("Warning", "FailedComputeMetricsReplicas", stopped.events[0][2])
                await self._tell(autoscaler, *stopped.events)
                await self._write(
                    autoscaler, [able, stopped.condition], current=current, statuses=[]
                )
                await self._tell(autoscaler, error)
                return
            present = (scale.get("status") or {}).get("replicas", 0)
            namespace = autoscaler["metadata"]["namespace"]
            noted = await self._noted(spec, namespace)
            observed = dataclasses.replace(
                observed,
                pods=pods,
                metrics=metrics,
                present=present,
                namespace=namespace,
                noted=noted,
            )
        history = self._histories.setdefault(key, History())
        decision = plan(spec, observed, history)
        decision.conditions.insert(0, able)
        await self._tell(autoscaler, *decision.events)
        await self._carry_out(autoscaler, decision, resource, scale, current, history)

    async def _scale(self, autoscaler: Obj) -> tuple[Resource, Obj]:
        """The target's resource and its scale. Raises _Stopped when it cannot be had."""
        ref, meta = autoscaler["spec"]["scaleTargetRef"], autoscaler["metadata"]
        group = _group(ref.get("apiVersion", ""))
        kinds = [r for r in self.ctx.served() if (r.group, r.kind) == (group, ref["kind"])]
        if not kinds:
            where = f' in group "{group}"' if group else ' in version ""'
            raise _no_scale(f'no matches for kind "{ref["kind"]}"{where}')
        for resource in kinds:
            if resource.subresource("scale") is not None:
                break
        else:
            raise _no_scale("the server could not find the requested resource")
        try:
            scale = await self.client.get(
                resource, ref["name"], meta["namespace"], subresource="scale"
            )
        except StatusError as error:
            raise _no_scale(error.message) from None
        return resource, scale

    async def _observe(
        self, key: str, autoscaler: Obj, scale: Obj
    ) -> tuple[list[Obj], list[Obj] | str]:
        """The target's pods and what they use. Raises _Stopped when the pods cannot be known."""
        selector = (scale.get("status") or {}).get("selector", "")
        if not selector:
            text = "the HPA target's scale is missing a selector"
            raise _inactive("InvalidSelector", text, "SelectorRequired", "selector is required")
        try:
            parsed = labels.parse(selector)
        except StatusError as error:
            text = (
                "couldn't convert selector into a corresponding internal selector object: "
                f"{error.message}"
            )
            raise _inactive("InvalidSelector", text, "InvalidSelector", text) from None
        self._selectors[key] = parsed
        namespace = autoscaler["metadata"]["namespace"]
        pods = [
            pod
            for pod in self.pods.list(namespace)
            if parsed.matches(pod["metadata"].get("labels") or {})
        ]
        rivals = [other for other in self._selectors if self._selects(other, namespace, pods)]
        if len(rivals) > 1:
            names = " ".join("{" + " ".join(split_key(rival)) + "}" for rival in sorted(rivals))
            text = f"pods by selector {selector} are controlled by multiple HPAs: [{names}]"
            raise _inactive("AmbiguousSelector", text, "AmbiguousSelector", text)
        return pods, await self._metrics(namespace, selector)

    def _selects(self, key: str, namespace: str, pods: list[Obj]) -> bool:
        if split_key(key)[0] != namespace:
            return False
        selector = self._selectors[key]
        return any(selector.matches(pod["metadata"].get("labels") or {}) for pod in pods)

    async def _metrics(self, namespace: str, selector: str) -> list[Obj] | str:
        for resource in self.ctx.served():
            if (resource.group, resource.plural) == ("metrics.k8s.io", "pods"):
                break
        else:
            return "the server could not find the requested resource (get pods.metrics.k8s.io)"
        try:
            found = await self.client.list(resource, namespace, label_selector=selector)
        except StatusError as error:
            return error.message
        return [handle.obj for handle in found.items]

    async def _noted(self, spec: Obj, namespace: str) -> custom.Noted:
        """The annotations that say what custom and external metrics of `spec` are."""
        found: dict[custom.Ref, Mapping[str, str]] = {}
        for api_version, kind, name in custom.needed(spec.get("metrics") or (), namespace):
            for resource in self.ctx.served():
                if (resource.group, resource.kind) == (_group(api_version), kind):
                    break
            else:
                continue
            where = namespace if resource.namespaced else ""
            # What is not there has no metrics: the plan says so.
            with contextlib.suppress(StatusError):
                found[kind, name] = annotations_of(await self.client.get(resource, name, where))
        return found

    async def _carry_out(
        self,
        autoscaler: Obj,
        decision: Decision,
        resource: Resource,
        scale: Obj,
        current: int,
        history: History,
    ) -> None:
        size = decision.replicas
        if size is None:
            await self._write(
                autoscaler,
                decision.conditions,
                current=current,
                desired=decision.desired,
                statuses=decision.statuses,
            )
            return
        try:
            spec = {**(scale.get("spec") or {}), "replicas": size}
            await self.client.update(resource, {**scale, "spec": spec}, subresource="scale")
        except StatusError as error:
            text = f"New size: {size}; reason: {decision.reason}; error: {error.message}"
            await self._tell(autoscaler, ("Warning", "FailedRescale", text))
            text = f"the HPA controller was unable to update the target scale: {error.message}"
            failed: Condition = ("AbleToScale", "False", "FailedUpdateScale", text)
            await self._write(
                autoscaler,
                [*decision.conditions, failed],
                current=current,
                statuses=decision.statuses,
            )
            return
        text = f"the HPA controller was able to update the target scale to {size}"
        able: Condition = ("AbleToScale", "True", "SucceededRescale", text)
        text = f"New size: {size}; reason: {decision.reason}"
        await self._tell(autoscaler, ("Normal", "SuccessfulRescale", text))
        history.scaled(self.clock.time(), current, size, autoscaler["spec"].get("behavior"))
        await self._write(
            autoscaler,
            [*decision.conditions, able],
            current=current,
            desired=size,
            statuses=decision.statuses,
            rescaled=True,
        )

    async def _tell(self, autoscaler: Obj, *events: Event) -> None:
        for kind, reason, message in events:
            await self.recorder.event(autoscaler, kind, reason, message)

    async def _write(
        self,
        autoscaler: Obj,
        conditions: list[Condition],
        *,
        current: int | None = None,
        desired: int | None = None,
        statuses: list[Obj] | None = None,
        rescaled: bool = False,
    ) -> None:
        """Write the status if it says anything new. What is None stays."""
        before = autoscaler.get("status") or {}
        now = self.clock.rfc3339()
        status: dict[str, Any] = dict(before)
        if current is not None:
            status["currentReplicas"] = current
        status["desiredReplicas"] = before.get("desiredReplicas", 0) if desired is None else desired
        if statuses is not None:
            status["currentMetrics"] = statuses
        if rescaled:
            status["lastScaleTime"] = now
        status["conditions"] = with_conditions(before.get("conditions") or (), conditions, now)
        if _plain(status) == _plain(before):
            return
        try:
            await self.client.update(
                AUTOSCALERS, {**autoscaler, "status": status}, subresource="status"
            )
        except StatusError as error:
            await self._tell(autoscaler, ("Warning", "FailedUpdateStatus", error.message))
            raise


def _plain(status: Obj) -> Obj:
    """A status without what says nothing: zeroes and empty lists."""
    return {key: value for key, value in status.items() if value not in (0, [], None)}


def _tolerances(spec: Obj) -> Tolerances:
    behavior = spec.get("behavior") or {}
    given = {
        direction: (behavior.get(rules) or {}).get("tolerance")
        for direction, rules in (("down", "scaleDown"), ("up", "scaleUp"))
    }
    return Tolerances(
        **{direction: _number(text) for direction, text in given.items() if text is not None}
    )


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _number(text: str) -> float:
    return quantity.to_milli(text) / 1000


def _no_scale(why: str) -> _Stopped:
    text = f"the HPA controller was unable to get the target's current scale: {why}"
    condition = ("AbleToScale", "False", "FailedGetScale", text)
    return _Stopped(condition, ("Warning", "FailedGetScale", why))


def _inactive(reason: str, text: str, event: str, message: str) -> _Stopped:
    return _Stopped(("ScalingActive", "False", reason, text), ("Warning", event, message))
