"""The order of versions: `v2` before `v1` before `v2beta1` before `v1alpha1` before all others.

See https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority.
"""

import re
from collections.abc import Mapping
from typing import Any

from miniplane.api.objects import Obj

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?", re.ASCII)
_STAGES = {None: 2, "beta": 1, "alpha": 0}


def order(version: str) -> tuple[Any, ...]:
    """Sorts versions, the preferred one first.

    >>> sorted(["foo", "v1alpha1", "v1", "v10", "v2beta1"], key=order)
    ['v10', 'v1', 'v2beta1', 'v1alpha1', 'foo']
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        return (1, version)
    return (0, -_STAGES[found[2]], -int(found[1]), -int(found[3] or 0))


def deprecation(spec: Obj, version: Mapping[str, Any]) -> str:
    """The warning that comes with every answer of a version, `""` where it is not deprecated."""
    if not version.get("deprecated"):
        return ""
    if version.get("deprecationWarning") is not None:
        return version["deprecationWarning"]
    group, kind, name = spec["group"], spec["names"]["kind"], version["name"]
    text = f"{group}/{name} {kind} is deprecated"
    better = [
        v["name"]
        for v in spec["versions"]
        if v.get("served") and not v.get("deprecated") and order(v["name"]) < order(name)
    ]
    return f"{text}; use {group}/{min(better, key=order)} {kind}" if better else text
