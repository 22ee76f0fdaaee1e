"""Subresources of pods that change one part and keep the rest as it is."""

from typing import Any

from miniplane.api.objects import Obj
from miniplane.registry.context import Context
from miniplane.registry.strategy import restore


def keep_all(obj: Obj, old: Obj) -> None:
    for key in [*obj, *old]:
        if key not in ("metadata", "kind", "apiVersion"):
            restore(obj, old, key)


def keep_status(obj: Obj, old: Obj, context: Context) -> None:
    """namespaces/finalize: the one way to change a namespace's spec.finalizers."""
    restore(obj, old, "status")


def keep_ephemeral_containers(obj: Obj, old: Obj, context: Context) -> None:
    """pods/ephemeralcontainers: only the list of ephemeral containers may change."""
    given = obj.get("spec", {}).get("ephemeralContainers")
    keep_all(obj, old)
    spec = dict(old["spec"])
    spec.pop("ephemeralContainers", None)
    if given:
        spec["ephemeralContainers"] = given
    obj["spec"] = spec


def keep_resources(obj: Obj, old: Obj, context: Context) -> None:
    """pods/resize: only the containers' resources and resize policies may change."""
    given: dict[str, dict[str, Any]] = {
        c["name"]: c
        for key in ("containers", "initContainers")
        for c in obj.get("spec", {}).get(key) or ()
        if "name" in c
    }
    keep_all(obj, old)
    spec = dict(old["spec"])
    for key in ("containers", "initContainers"):
        if key not in spec:
            continue
        containers = []
        for container in spec[key]:
            container = dict(container)
            asked = given.get(container["name"])
            if asked is not None:
                for part in ("resources", "resizePolicy"):
                    if part in asked:
                        container[part] = asked[part]
            containers.append(container)
        spec[key] = containers
    obj["spec"] = spec
