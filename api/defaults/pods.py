"""Defaults of pods and pod templates (`pkg/apis/core/v1/defaults.go`).

`pod` is for pods only: some defaults come when a template becomes a pod, not before.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import quantity
from miniplane.api.defaults.images import pull_policy
from miniplane.api.defaults.quantities import round_up, round_up_requirements
from miniplane.api.defaults.volumes import volume
from miniplane.api.objects import Obj

_POD_LEVEL_RESOURCES = ("cpu", "memory")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def pod(obj: Obj) -> None:
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    containers = spec.get("containers") or ()
    init_containers = spec.get("initContainers") or ()
    for container in (*containers, *init_containers):
        resources = container.get("resources")
        if resources and (limits := resources.get("limits")):
            resources["requests"] = {**limits, **(resources.get("requests") or {})}
    if spec.get("resources"):
        _pod_level_resources(spec)
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True
    if spec.get("hostNetwork"):
        for container in (*containers, *init_containers):
            for port in container.get("ports") or ():
                if not port.get("hostPort") and port.get("containerPort"):
                    port["hostPort"] = port["containerPort"]
    pod_spec(spec)
    status = obj.get("status")
    if status:
        pod_status(status)


def pod_template(template: Obj) -> None:
    """A PodTemplateSpec, wherever it is embedded."""
    spec = template.get("spec")
    if spec is None:
        spec = template["spec"] = {}
    pod_spec(spec)


def pod_spec(spec: Obj) -> None:
    if not spec.get("dnsPolicy"):
        spec["dnsPolicy"] = "ClusterFirst"
    if not spec.get("restartPolicy"):
        spec["restartPolicy"] = "Always"
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    if not spec.get("schedulerName"):
        spec["schedulerName"] = "default-scheduler"
    # The old field and the new one always say the same; the new one wins.
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    if volumes := spec.get("volumes"):
        for source in volumes:
            volume(source)
    for container in spec.get("containers") or ():
        _container(container)
    if init_containers := spec.get("initContainers"):
        for container in init_containers:
            _container(container)
    if ephemeral := spec.get("ephemeralContainers"):
        for container in ephemeral:
            _container(container)
    if overhead := spec.get("overhead"):
        round_up(overhead)
    if resources := spec.get("resources"):
        round_up_requirements(resources)


def pod_status(status: Obj) -> None:
    """The old single addresses and the lists: each fills the other in."""
    addresses = status.get("podIPs")
    address = status.get("podIP")
    if address and (not addresses or addresses[0].get("ip") != address):
        status["podIPs"] = [{"ip": address}]
    elif addresses and not address and addresses[0].get("ip"):
        status["podIP"] = addresses[0]["ip"]
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for container in status.get(key) or ():
            round_up(container.get("allocatedResources"))
            round_up_requirements(container.get("resources"))


def _container(container: Obj) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image") or "")
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    if ports := container.get("ports"):
        for port in ports:
            if not port.get("protocol"):
                port["protocol"] = "TCP"
    if env := container.get("env"):
        for variable in env:
            if source := variable.get("valueFrom"):
                _env_source(source)
    if resources := container.get("resources"):
        round_up_requirements(resources)
    for name in _PROBES:
        probe = container.get(name)
        if probe is not None:
            _probe(probe)
    if lifecycle := container.get("lifecycle"):
        for hook in ("postStart", "preStop"):
            handler = lifecycle.get(hook)
            if handler and handler.get("httpGet") is not None:
                _http_get(handler["httpGet"])


def _env_source(source: Obj) -> None:
    selector = source.get("fieldRef")
    if selector is not None and not selector.get("apiVersion"):
        selector["apiVersion"] = "v1"
    in_file = source.get("fileKeyRef")
    if in_file is not None and in_file.get("optional") is None:
        in_file["optional"] = False


def _probe(probe: Obj) -> None:
    if not probe.get("timeoutSeconds"):
        probe["timeoutSeconds"] = 1
    if not probe.get("periodSeconds"):
        probe["periodSeconds"] = 10
    if not probe.get("successThreshold"):
        probe["successThreshold"] = 1
    if not probe.get("failureThreshold"):
        probe["failureThreshold"] = 3
    if (action := probe.get("httpGet")) is not None:
        _http_get(action)
    if (action := probe.get("grpc")) is not None and action.get("service") is None:
        action["service"] = ""


def _http_get(action: Obj) -> None:
    if not action.get("path"):
        action["path"] = "/"
    if not action.get("scheme"):
        action["scheme"] = "HTTP"


def _pod_level_resources(spec: Obj) -> None:
    """Fills in the pod's own requests, once its limits are given.

    What the containers ask for together counts first, then the pod's limits.
    """
    resources = spec["resources"]
    limits = dict(resources.get("limits") or {})
    requests = dict(resources.get("requests") or {})
    if not limits and not requests:
        return
    totals = requests_of_containers(spec)
    for name, amount in totals.items():
        if name.startswith("hugepages-") and name not in requests:
            limits.setdefault(name, amount)
    if not limits:
        return
    resources["limits"] = limits
    for name in _POD_LEVEL_RESOURCES:
        if name in totals:
            requests.setdefault(name, totals[name])
    for name, amount in limits.items():
        if name in _POD_LEVEL_RESOURCES or name.startswith("hugepages-"):
            requests.setdefault(name, amount)
    if requests:
        resources["requests"] = requests


def requests_of_containers(spec: Mapping[str, Any]) -> dict[str, str]:
    """The effective requests of all containers: init containers run before the others."""
    together: dict[str, quantity.Quantity] = {}
    for container in spec.get("containers") or ():
        _sum(together, container)
    sidecars: dict[str, quantity.Quantity] = {}
    before: dict[str, quantity.Quantity] = {}
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            _sum(together, container)
            _sum(sidecars, container)
            needed = dict(sidecars)
        else:
            needed = dict(sidecars)
            _sum(needed, container)
        _largest(before, needed)
    _largest(together, before)
    return {name: str(amount) for name, amount in together.items()}


def _sum(totals: dict[str, quantity.Quantity], container: dict[str, Any]) -> None:
    requests = (container.get("resources") or {}).get("requests") or {}
    for name, amount in requests.items():
        totals[name] = totals.get(name, quantity.ZERO) + _parsed(amount)


def _largest(totals: dict[str, quantity.Quantity], other: dict[str, quantity.Quantity]) -> None:
    for name, amount in other.items():
        if name not in totals or amount > totals[name]:
            totals[name] = amount


def _parsed(amount: str) -> quantity.Quantity:
    try:
        return quantity.parse(amount)
    except ValueError:
        return quantity.ZERO
