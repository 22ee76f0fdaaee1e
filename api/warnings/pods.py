"""Pods and pod templates (`pkg/api/pod/warnings.go`)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from miniplane.api.warnings import nodes, overlaps, storage

Obj = Mapping[str, Any]

_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
    "security.alpha.kubernetes.io/unsafe-sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
}
_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_APPARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead'
_APPARMOR_CONTAINER = "container.apparmor.security.beta.kubernetes.io/"
_NO_SELECTOR = "a null labelSelector results in matching no pod"
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def pod(obj: Obj) -> list[str]:
    """Warnings for a new pod, but for its name."""
    return list(_warnings("", obj["spec"], obj["metadata"].get("annotations") or {}))


def template(path: str, value: Obj) -> list[str]:
    """Warnings for the PodTemplateSpec at `path`."""
    annotations = (value.get("metadata") or {}).get("annotations") or {}
    return list(_warnings(f"{path}.", value.get("spec") or {}, annotations))


def _warnings(base: str, spec: Obj, annotations: Obj) -> Iterator[str]:
    """Sections of which nothing is there are not entered: most pods have few."""
    path = f"{base}spec"
    for key in spec.get("nodeSelector") or ():
        if text := nodes.label(key):
            yield f"{path}.nodeSelector[{key}]: {text}"
    affinity = spec.get("affinity")
    if affinity:
        yield from _node_affinity(f"{path}.affinity.nodeAffinity", affinity.get("nodeAffinity"))
    if "topologySpreadConstraints" in spec:
        yield from _spread(f"{path}.topologySpreadConstraints", spec["topologySpreadConstraints"])
    if annotations:
        for key, text in _ANNOTATIONS.items():
            if key in annotations:
                yield f"{base}metadata.annotations[{key}]: {text}"
    if "volumes" in spec:
        yield from _volumes(f"{path}.volumes", spec["volumes"] or ())
    if "hostAliases" in spec:
        yield from _repeated(f"{path}.hostAliases", spec["hostAliases"] or (), "ip")
    if "imagePullSecrets" in spec:
        secrets = spec["imagePullSecrets"] or ()
        yield from _repeated(f"{path}.imagePullSecrets", secrets, "name")
        for i, secret in enumerate(secrets):
            if not secret.get("name"):
                yield f'{path}.imagePullSecrets[{i}].name: invalid empty name ""'
    if spec.get("overhead"):
        yield from storage.fractional(
            f"{path}.overhead", spec["overhead"], "memory", "ephemeral-storage"
        )
    if annotations:
        yield from _profiles(base, spec, annotations)
    ports = False
    for kind in _CONTAINERS:
        for i, container in enumerate(spec.get(kind) or ()):
            ports = ports or "ports" in container
            if "env" in container or container.get("resources"):
                yield from _container(f"{path}.{kind}[{i}]", container)
    if ports:
        yield from _ports(path, spec)
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        yield (
            f"{path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and "
            "will be treated as 1"
        )
    if affinity:
        for kind in ("podAffinity", "podAntiAffinity"):
            yield from _pod_affinity(f"{path}.affinity.{kind}", affinity.get(kind))


def _spread(path: str, constraints: Sequence[Obj] | None) -> Iterator[str]:
    for i, constraint in enumerate(constraints or ()):
        key = constraint.get("topologyKey", "")
        if text := nodes.label(key):
            yield f"{path}[{i}].topologyKey: {key} is {text}"
        if constraint.get("labelSelector") is None:
            yield f"{path}[{i}].labelSelector: {_NO_SELECTOR}"


def _containers(path: str, spec: Obj) -> Iterator[tuple[str, Obj]]:
    for kind in _CONTAINERS:
        for i, container in enumerate(spec.get(kind) or ()):
            yield f"{path}.{kind}[{i}]", container


def _node_affinity(path: str, affinity: Obj | None) -> Iterator[str]:
    required, preferred = (
        f"{kind}DuringSchedulingIgnoredDuringExecution" for kind in ("required", "preferred")
    )
    affinity = affinity or {}
    terms = (affinity.get(required) or {}).get("nodeSelectorTerms") or ()
    yield from nodes.selector_terms(f"{path}.{required}.nodeSelectorTerms", terms)
    for i, term in enumerate(affinity.get(preferred) or ()):
        found = (term.get("preference") or {}).get("matchExpressions") or ()
        where = f"{path}.{preferred}[{i}].preference.matchExpressions"
        yield from nodes.expressions(where, found)


def _pod_affinity(path: str, affinity: Obj | None) -> Iterator[str]:
    required, preferred = (
        f"{kind}DuringSchedulingIgnoredDuringExecution" for kind in ("required", "preferred")
    )
    affinity = affinity or {}
    for i, term in enumerate(affinity.get(required) or ()):
        if term.get("labelSelector") is None:
            yield f"{path}.{required}[{i}].labelSelector: {_NO_SELECTOR}"
    for i, weighted in enumerate(affinity.get(preferred) or ()):
        if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
            yield f"{path}.{preferred}[{i}].podAffinityTerm.labelSelector: {_NO_SELECTOR}"


def _volumes(path: str, volumes: Sequence[Obj]) -> Iterator[str]:
    for i, volume in enumerate(volumes):
        for kind in volume:
            if kind in storage.REMOVED:
                yield from storage.removed(f"{path}[{i}]", {kind: volume[kind]})
            elif kind == "gitRepo":
                yield f"{path}[{i}].gitRepo: deprecated in v1.11"
            elif kind == "ephemeral":
                claim = (volume[kind].get("volumeClaimTemplate") or {}).get("spec")
                where = f"{path}[{i}].ephemeral.volumeClaimTemplate.spec"
                yield from storage.claim_spec(where, claim or {})
    for volume in volumes:
        for kind in overlaps.KINDS:
            if kind in volume:
                yield from overlaps.of_volume(volume)


def _repeated(path: str, items: Sequence[Obj], key: str) -> Iterator[str]:
    if len(items) < 2:
        return
    seen: dict[str, None] = {}
    for i, item in enumerate(items):
        value = item.get(key, "")
        if value in seen:
            yield f'{path}[{i}].{key}: duplicate {key} "{value}"'
        seen[value] = None


def _profiles(base: str, spec: Obj, annotations: Obj) -> Iterator[str]:
    """Annotations that have become fields."""
    path = f"{base}metadata.annotations"
    own = spec.get("securityContext") or {}
    if "seccompProfile" not in own and _SECCOMP_POD in annotations:
        yield f"{path}[{_SECCOMP_POD}]: {_SECCOMP}"
    for _, container in _containers("", spec):
        context = container.get("securityContext") or {}
        key = _SECCOMP_CONTAINER + container.get("name", "")
        if "seccompProfile" not in context and key in annotations:
            yield f"{path}[{key}]: {_SECCOMP}"
        key = _APPARMOR_CONTAINER + container.get("name", "")
        if key in annotations and "appArmorProfile" not in {**own, **context}:
            yield f"{path}[{key}]: {_APPARMOR}"


def _container(path: str, container: Obj) -> Iterator[str]:
    resources = container.get("resources")
    if resources:
        for name in ("memory", "ephemeral-storage"):
            for kind in ("limits", "requests"):
                yield from storage.fractional(f"{path}.resources.{kind}", resources.get(kind), name)
    env = container.get("env") or ()
    seen: dict[str, None] = {}
    for i, variable in enumerate(env) if len(env) > 1 else ():
        name = variable.get("name", "")
        if name in seen:
            value, ref = variable.get("value", ""), f"$({name})"
            if "valueFrom" in variable or value == ref or ref not in value:
                yield (
                    f'{path}.env[{i}]: hides previous definition of "{name}", which may be dropped '
                    "when using apply"
                )
        seen[name] = None


def _ports(path: str, spec: Obj) -> Iterator[str]:
    known: dict[tuple[int, str], list[tuple[str, Obj]]] = {}
    for where, container in _containers(path, spec):
        for i, port in enumerate(container.get("ports") or ()):
            here = f"{where}.ports[{i}]"
            ip, host = port.get("hostIP", ""), port.get("hostPort", 0)
            if ip and not host:
                yield f"{here}: hostIP set without hostPort: {_go_port(port)}"
            others = known.setdefault(
                (port.get("containerPort", 0), port.get("protocol", "TCP")), []
            )
            for there, other in others:
                other_ip, other_host = other.get("hostIP", ""), other.get("hostPort", 0)
                if (ip, host) == (other_ip, other_host):
                    yield f"{here}: duplicate port definition with {there}"
                elif not host or not other_host:
                    yield f"{here}: overlapping port definition with {there}"
                elif host == other_host and bool(ip) != bool(other_ip):
                    yield f"{here}: dangerously ambiguous port definition with {there}"
            others.append((here, port))


def _go_port(port: Obj) -> str:
    """A ContainerPort as Go's `%+v` prints it."""
    return (
        f"{{Name:{port.get('name', '')} HostPort:{port.get('hostPort', 0)} "
        f"ContainerPort:{port.get('containerPort', 0)} Protocol:{port.get('protocol', 'TCP')} "
        f"HostIP:{port.get('hostIP', '')}}}"
    )
