"""What keeps a pod's containers from being created: objects that it names and that are not there.

A missing volume holds up the whole pod (`FailedMount`); what a container cannot be configured with
holds up that container only (`CreateContainerConfigError`): a missing source of environment
variables, a user who may not run it; or an image whose name is none (`InvalidImageName`).

After `makeEnvironmentVariables` in `pkg/kubelet/kubelet_pods.go`, `verifyRunAsNonRoot` in
`pkg/kubelet/kuberuntime` and `pkg/kubelet/images`; with which user an image runs cannot be known
here.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import images

Lookup = Callable[[str, str], Obj | None]
"""An object by kind (`configmap`, `secret`, `persistentvolumeclaim`) and name, in the pod's
namespace."""

CONFIG_ERROR = "CreateContainerConfigError"
INVALID_IMAGE = "InvalidImageName"
CLUSTER_CA = "kube-root-ca.crt"
"""In every service account's volume; never waited for, so that pods run without the controller
that publishes it."""

_TITLES = {"configmap": "ConfigMap", "secret": "Secret"}
_NO_KEY = {
    "configmap": "configmap references non-existent config key",
    "secret": "references non-existent secret key",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Blocker:
    """What is missing. `container` is `""` where it holds up the whole pod; `needs` names the
    objects whose change is worth another look, as (kind, name)."""

    reason: str
    message: str
    needs: tuple[tuple[str, str], ...] = ()
    container: str = ""


def of_volumes(pod: Obj, lookup: Lookup) -> Blocker | None:
    """The first volume of which something is missing, None if nothing is."""
    for volume in pod["spec"].get("volumes") or ():
        texts, needs = [], []
        for kind, source in _volume_sources(pod, volume):
            if found := _missing(pod, kind, source, lookup, in_volume=True):
                texts.append(found)
                needs.append((kind, source.get("name", "")))
        if texts:
            why = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {why}'
            return Blocker("FailedMount", text, tuple(needs))
    return None


def of_containers(pod: Obj, lookup: Lookup) -> Mapping[str, Blocker]:
    """By container, init containers among them, the first thing that it cannot be created for."""
    spec = pod["spec"]
    found = {}
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        if blocker := _of_container(pod, container, lookup):
            found[container["name"]] = blocker
    return found


def missing_pull_secrets(pod: Obj, lookup: Lookup) -> tuple[str, ...]:
    """The names of the pod's image pull secrets that are not there: it is started all the same."""
    named = [ref.get("name", "") for ref in pod["spec"].get("imagePullSecrets") or ()]
    return tuple(name for name in named if name and lookup("secret", name) is None)


def _of_container(pod: Obj, container: Obj, lookup: Lookup) -> Blocker | None:
    name, image = container["name"], container.get("image", "")
    if found := images.complaint(image):
        text = f'Failed to apply default image tag "{image}": '
        text += f'couldn\'t parse image name "{image}": {found}'
        return Blocker(INVALID_IMAGE, text, (), name)
    for kind, source in _environment(container):
        if found := _missing(pod, kind, source, lookup):
            return Blocker(CONFIG_ERROR, found, ((kind, source.get("name", "")),), name)
    if found := _unknown_container(pod, container) or _root(pod, container):
        return Blocker(CONFIG_ERROR, found, (), name)
    return None


def _unknown_container(pod: Obj, container: Obj) -> str:
    """A variable may tell of another container's resources, if there is one of that name."""
    spec = pod["spec"]
    for variable in container.get("env") or ():
        ref = (variable.get("valueFrom") or {}).get("resourceFieldRef") or {}
        other = ref.get("containerName")
        if other and other != container["name"]:
            every = (*spec["containers"], *(spec.get("initContainers") or ()))
            if not any(c["name"] == other for c in every):
                return f"container {other} not found"
    return ""


def _root(pod: Obj, container: Obj) -> str:
    of_pod, own = pod["spec"].get("securityContext") or {}, container.get("securityContext") or {}
    if own.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is not True:
        return ""
    if own.get("runAsUser", of_pod.get("runAsUser")) != 0:
        return ""
    meta = pod["metadata"]
    where = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
    name = container["name"]
    return f'container\'s runAsUser breaks non-root policy (pod: "{where}", container: {name})'


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
    keys = found.get("data") or {}
    if in_volume:
        keys = {**keys, **(found.get("binaryData") or {})}
        absent = [i["key"] for i in source.get("items") or () if i["key"] not in keys]
        return f"{_NO_KEY[kind]}: {absent[0]}" if absent else ""
    if "key" in source and source["key"] not in keys:
        namespace = pod["metadata"]["namespace"]
        return f"couldn't find key {source['key']} in {_TITLES[kind]} {namespace}/{name}"
    return ""
