"""What a container is told of its pod: environment variables, and how commands refer to them.

https://kubernetes.io/docs/concepts/workloads/pods/downward-api/,
`pkg/fieldpath` and `third_party/forked/golang/expansion`. Values from ConfigMaps and Secrets are
not known here, and neither is what depends on the node.

>>> pod = {"metadata": {"name": "web-0", "namespace": "default"}, "spec": {}, "status": {}}
>>> name = {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
>>> env = environment(pod, {"env": [name, {"name": "URL", "value": "http://$(POD)/$$(POD)"}]})
>>> env["URL"], expand("$(POD) $(NOBODY)", env)
('http://web-0/$(POD)', 'web-0 $(NOBODY)')
"""

import re
from collections.abc import Mapping

from miniplane.api import quantity
from miniplane.api.objects import Obj

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_SUBSCRIPT = re.compile(r"metadata\.(annotations|labels)\['(.*)'\]")


def expand(text: str, env: Mapping[str, str]) -> str:
    """A text in which `$(NAME)` stands for a variable, as in commands, and `$$` for a dollar. What
    is not known stays as it is."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else env.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def environment(pod: Obj, container: Obj) -> dict[str, str]:
    """The variables of a container whose values can be told, in the order in which it has them."""
    env: dict[str, str] = {}
    for variable in container.get("env") or ():
        name, source = variable["name"], variable.get("valueFrom") or {}
        if "fieldRef" in source:
            value = field(pod, source["fieldRef"].get("fieldPath", ""))
        elif "resourceFieldRef" in source:
            value = _resource(pod, container, source["resourceFieldRef"])
        elif source:
            value = None
        else:
            value = expand(variable.get("value") or "", env)
        if value is not None:
            env[name] = value
    return env


def field(pod: Obj, path: str) -> str | None:
    """A field of the pod that variables may have; None for any other path."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    if found := _SUBSCRIPT.fullmatch(path):
        text: str = (meta.get(found[1]) or {}).get(found[2], "")
        return text
    known = {
        "metadata.name": meta.get("name", ""),
        "metadata.namespace": meta.get("namespace", ""),
        "metadata.uid": meta.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": status.get("hostIP", ""),
        "status.hostIPs": ",".join(each["ip"] for each in status.get("hostIPs") or ()),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": ",".join(each["ip"] for each in status.get("podIPs") or ()),
    }
    return known.get(path)


def _resource(pod: Obj, container: Obj, ref: Obj) -> str | None:
    """An amount in units of the divisor, rounded up; None where it is the node's."""
    spec = pod["spec"]
    if name := ref.get("containerName"):
        every = (*spec.get("containers", ()), *(spec.get("initContainers") or ()))
        container = next((c for c in every if c["name"] == name), container)
    part, _, resource = str(ref.get("resource", "")).partition(".")
    given = ((container.get("resources") or {}).get(part) or {}).get(resource)
    if given is None:
        return None if part == "limits" else "0"
    divisor = ref.get("divisor") or "1"
    if divisor == "0":
        divisor = "1"
    if resource == "cpu":
        return str(-(-quantity.to_milli(given) // quantity.to_milli(divisor)))
    return str(-(-quantity.value(given) // quantity.value(divisor)))
