"""What keeps a pod's containers from being created: objects that it names and that are not there.

A missing volume holds up the whole pod (`FailedMount`), a missing source of environment variables
one container (`CreateContainerConfigError`).
"""

import dataclasses
from collections.abc import Callable, Iterator

from miniplane.api.objects import Obj

Lookup = Callable[[str, str], Obj | None]
"""An object by kind (`configmap`, `secret`, `persistentvolumeclaim`) and name, in the pod's
namespace."""

CLUSTER_CA = "kube-root-ca.crt"
"""In every service account's volume; never waited for, so that pods run without the controller
that publishes it."""

_TITLES = {"configmap": "ConfigMap", "secret": "Secret"}


@dataclasses.dataclass(frozen=True, slots=True)
class Blocker:
    """What is missing. `container` is `""` where it holds up the whole pod; `needs` names the
    objects whose change is worth another look, as (kind, name)."""

    reason: str
    message: str
    needs: tuple[tuple[str, str], ...]
    container: str = ""


def find(pod: Obj, lookup: Lookup) -> Blocker | None:
    """The first thing that is missing, None if nothing is."""
    spec = pod["spec"]
    for volume in spec.get("volumes") or ():
        for kind, source in _volume_sources(pod, volume):
            if found := _missing(pod, kind, source, lookup, in_volume=True):
                text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {found}'
                return Blocker("FailedMount", text, ((kind, source["name"]),))
    for container in spec["containers"]:
        for kind, source in _environment(container):
            if found := _missing(pod, kind, source, lookup):
                needs = ((kind, source["name"]),)
                return Blocker("CreateContainerConfigError", found, needs, container["name"])
    return None


def _volume_sources(pod: Obj, volume: Obj) -> Iterator[tuple[str, Obj]]:
    """(kind, {name, optional, items}) of what a volume is made of."""
    if source := volume.get("configMap"):
        yield "configmap", source
    elif source := volume.get("secret"):
        yield "secret", {**source, "name": source.get("secretName", "")}
    elif source := volume.get("persistentVolumeClaim"):
        yield "persistentvolumeclaim", {"name": source["claimName"]}
    elif "ephemeral" in volume:
        name = f"{pod['metadata']['name']}-{volume['name']}"
        yield "persistentvolumeclaim", {"name": name}
    elif projected := volume.get("projected"):
        for source in projected.get("sources") or ():
            if (found := source.get("configMap")) and found.get("name") != CLUSTER_CA:
                yield "configmap", found
            elif found := source.get("secret"):
                yield "secret", found


def _environment(container: Obj) -> Iterator[tuple[str, Obj]]:
    for source in container.get("envFrom") or ():
        if found := source.get("configMapRef"):
            yield "configmap", found
        if found := source.get("secretRef"):
            yield "secret", found
    for variable in container.get("env") or ():
        value_from = variable.get("valueFrom") or {}
        if found := value_from.get("configMapKeyRef"):
            yield "configmap", found
        if found := value_from.get("secretKeyRef"):
            yield "secret", found


def _missing(pod: Obj, kind: str, source: Obj, lookup: Lookup, *, in_volume: bool = False) -> str:
    """What is said when it is not there, `""` if it is, or need not be."""
    name = source.get("name", "")
    if source.get("optional"):
        return ""
    found = lookup(kind, name)
    if kind == "persistentvolumeclaim":
        if found is None:
            return f'persistentvolumeclaim "{name}" not found'
        bound = (found.get("status") or {}).get("phase") == "Bound"
        return "" if bound else f"PVC {pod['metadata']['namespace']}/{name} is not bound"
    if found is None:
        return f'{kind} "{name}" not found'
    keys = {**(found.get("data") or {}), **(found.get("binaryData") or {})}
    if in_volume:
        absent = [i["key"] for i in source.get("items") or () if i["key"] not in keys]
        return f"{kind} references non-existent config key: {absent[0]}" if absent else ""
    if "key" in source and source["key"] not in keys:
        namespace = pod["metadata"]["namespace"]
        return f"couldn't find key {source['key']} in {_TITLES[kind]} {namespace}/{name}"
    return ""
