"""The pod that a DaemonSet makes for a node.

It is the template's pod with a few things more: labels that tell of which template it is, the
tolerations of daemon pods, and a required node affinity on the field `metadata.name`, which takes
the place of the template's own and leaves the scheduler a single choice.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import objects
from miniplane.api.objects import Obj
from miniplane.controllers import pods
from miniplane.controllers.daemonset import placement
from miniplane.controllers.pods import PodView

GENERATION_ANNOTATION = "deprecated.daemonset.template.generation"
GENERATION_LABEL = "pod-template-generation"


def generation_of(annotations: Mapping[str, str]) -> str:
    """How often the set's template was changed, counted from 1, in digits; `""` if unknown."""
    text = annotations.get(GENERATION_ANNOTATION, "")
    digits = text.removeprefix("-")
    return str(int(text)) if digits.isascii() and digits.isdigit() else ""


def is_updated(pod: PodView, *, hash_: str, generation: str) -> bool:
    """Whether the pod is of the present template, by its hash or by its generation."""
    if hash_ and pod.labels.get(pods.REVISION_LABEL) == hash_:
        return True
    return bool(generation) and pod.labels.get(GENERATION_LABEL) == generation


class PodMaker:
    """Makes pods of one template. What all of them have is prepared once."""

    def __init__(self, owner: str, template: Obj, *, owner_ref: Obj, hash_: str, generation: str):
        self._pod = pods.from_template(template, owner=owner, owner_ref=owner_ref)
        labels = self._pod["metadata"]["labels"]
        if generation:
            labels[GENERATION_LABEL] = generation
        if hash_:
            labels[pods.REVISION_LABEL] = hash_
        self._spec = self._pod["spec"]
        self._spec["tolerations"] = placement.tolerations(self._spec)

    def pod_for(self, node: str) -> Obj:
        """A pod for the node with this name."""
        affinity = pinned(self._spec.get("affinity"), node)
        return {**self._pod, "spec": {**self._spec, "affinity": affinity}}


def pinned(affinity: Mapping[str, Any] | None, node: str) -> Obj:
    """An affinity whose required node terms say: this node. Preferences and pod terms stay."""
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = {"nodeSelectorTerms": [term]}
    found: Obj = dict(affinity or {})
    found["nodeAffinity"] = {
        **objects.get_path(found, "nodeAffinity", default={}),
        "requiredDuringSchedulingIgnoredDuringExecution": required,
    }
    return found
