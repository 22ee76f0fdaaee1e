"""What may change in a pod once it is there (`pkg/apis/core/validation/validation.go`).

Each function gets the new pod and the old one; the metadata is checked elsewhere.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, govalues, placement, pods
from miniplane.api.validation.checks import Errors

_MIRROR = "kubernetes.io/config.mirror"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_MAX_INT32 = 2147483647
_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_SCALABLE = ("cpu", "memory")

Pod = Mapping[str, Any]


def update(errors: Errors, obj: Pod, old: Pod) -> None:
    new_spec, old_spec = obj.get("spec") or {}, old.get("spec") or {}
    if new_spec == old_spec:
        pods.unchanged(errors, obj)
        guarded_annotations(errors, obj, old)
        return
    pods.whole(errors, obj)
    guarded_annotations(errors, obj, old)
    for kind in ("containers", "initContainers"):
        if not _containers(errors, f"spec.{kind}", new_spec.get(kind), old_spec.get(kind)):
            return
    if not _deadline(errors, new_spec, old_spec):
        return
    _tolerations(errors, new_spec.get("tolerations") or [], old_spec.get("tolerations") or [])
    _gates(errors, new_spec.get("schedulingGates") or (), old_spec.get("schedulingGates") or ())
    if checks.equal(new_spec, old_spec):
        return
    munged = _munged(new_spec, old_spec)
    if old_spec.get("schedulingGates"):
        _gated(errors, munged, old_spec)
    if not checks.equal(munged, old_spec):
        changes = govalues.diff(old_spec, munged, "spec")
        text = f"pod updates may not change fields other than {_UPDATABLE}\n{changes}"
        errors.append(field.forbidden("spec", text))


def guarded_annotations(errors: Errors, obj: Pod, old: Pod) -> None:
    new_ones = (obj.get("metadata") or {}).get("annotations") or {}
    old_ones = (old.get("metadata") or {}).get("annotations") or {}
    if new_ones == old_ones and not new_ones:
        return
    path = "metadata.annotations"
    if new_ones != old_ones:
        for key, value in old_ones.items():
            if new_ones.get(key) != value:
                _guarded(errors, f"{path}[{key}]", key, "remove or update")
        for key in new_ones:
            if key not in old_ones:
                _guarded(errors, f"{path}[{key}]", key, "add")
    pods.pod_annotations(errors, path, new_ones, obj.get("spec") or {})


def _guarded(errors: Errors, path: str, key: str, verb: str) -> None:
    if key.startswith(_APP_ARMOR):
        errors.append(field.forbidden(path, f"may not {verb} AppArmor annotations"))
    if key == _MIRROR:
        errors.append(field.forbidden(path, f"may not {verb} mirror pod annotation"))


def _containers(
    errors: Errors,
    path: str,
    new: list[dict[str, Any]] | None,
    old: list[dict[str, Any]] | None,
) -> bool:
    """Whether there are as many as before; if not, nothing else is worth saying."""
    new, old = new or [], old or []
    if len(new) != len(old):
        text = "pod updates may not add or remove containers"
        errors.append(field.forbidden(path, text))
        return False
    for i, container in enumerate(new):
        image = container.get("image") or ""
        if not image:
            errors.append(field.required(f"{path}[{i}].image"))
        elif image != image.strip():
            text = "must not have leading or trailing whitespace"
            errors.append(field.invalid(f"{path}[{i}].image", image, text))
    return True


def _deadline(errors: Errors, new_spec: Pod, old_spec: Pod) -> bool:
    """The deadline may only come nearer."""
    path = "spec.activeDeadlineSeconds"
    new, old = new_spec.get("activeDeadlineSeconds"), old_spec.get("activeDeadlineSeconds")
    if new is None:
        if old is not None:
            text = "must not update from a positive integer to nil value"
            errors.append(field.invalid(path, None, text))
        return True
    if not 0 <= new <= _MAX_INT32:
        errors.append(field.invalid(path, new, names.between(0, _MAX_INT32)))
        return False
    if old is not None and old < new:
        text = "must be less than or equal to previous value"
        errors.append(field.invalid(path, new, text))
        return False
    return True


def _tolerations(errors: Errors, new: list[dict[str, Any]], old: list[dict[str, Any]]) -> None:
    if new == old:
        # The whole spec has just been checked, and these with it.
        return
    without_time = [_without(toleration, "tolerationSeconds") for toleration in new]
    for toleration in old:
        if _without(toleration, "tolerationSeconds") not in without_time:
            text = "existing toleration can not be modified except its tolerationSeconds"
            errors.append(field.forbidden("spec.tolerations", text))
            return
    placement.tolerations(errors, "spec.tolerations", new)


def _gates(errors: Errors, new: Any, old: Any) -> None:
    known = [gate.get("name") for gate in old]
    for i, gate in enumerate(new):
        name = gate.get("name") or ""
        if name not in known:
            text = f"only deletion is allowed, but found new scheduling gate '{name}'"
            errors.append(field.forbidden(f"spec.schedulingGates[{i}].name", text))


def _without(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name != key}


def _munged(new_spec: Pod, old_spec: Pod) -> dict[str, Any]:
    """The new spec with everything that may change put back."""
    munged = dict(new_spec)
    for kind in ("containers", "initContainers"):
        pairs = zip(munged.get(kind) or (), old_spec.get(kind) or (), strict=False)
        images = [
            new if new.get("image") == old.get("image") else new | {"image": old.get("image")}
            for new, old in pairs
        ]
        if images:
            munged[kind] = images
    for key in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _restore(munged, old_spec, key)
    grace = old_spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0 and munged.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = grace
    return munged


def _restore(munged: dict[str, Any], old_spec: Pod, key: str) -> None:
    if old_spec.get(key) is None:
        munged.pop(key, None)
    else:
        munged[key] = old_spec[key]


def _gated(errors: Errors, munged: dict[str, Any], old_spec: Pod) -> None:
    """While gates hold it, a pod's choice of nodes may be narrowed."""
    new, old = munged.get("nodeSelector") or {}, old_spec.get("nodeSelector") or {}
    if new != old:
        if any(new.get(key) != value for key, value in old.items()):
            text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            errors.append(field.invalid("spec.nodeSelector", dict(sorted(new.items())), text))
        _restore(munged, old_spec, "nodeSelector")
    affinity, old_affinity = munged.get("affinity"), old_spec.get("affinity")
    on_nodes = (affinity or {}).get("nodeAffinity")
    old_on_nodes = (old_affinity or {}).get("nodeAffinity")
    if checks.equal(on_nodes, old_on_nodes):
        return
    _narrowed(errors, on_nodes or {}, old_on_nodes or {})
    rest = _without(affinity or {}, "nodeAffinity")
    if old_on_nodes is not None:
        rest["nodeAffinity"] = old_on_nodes
    if rest or old_affinity is not None:
        munged["affinity"] = rest
    else:
        munged.pop("affinity", None)


def _narrowed(errors: Errors, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    path = f"spec.affinity.nodeAffinity.{key}"
    old_terms = (old.get(key) or {}).get("nodeSelectorTerms") or []
    if not old_terms:
        return
    new_terms = (new.get(key) or {}).get("nodeSelectorTerms") or []
    if len(new_terms) != len(old_terms):
        text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        errors.append(field.invalid(f"{path}.nodeSelectorTerms", new_terms, text))
        return
    for i, (term, old_term) in enumerate(zip(new_terms, old_terms, strict=True)):
        if not (old_term.get("matchExpressions") or old_term.get("matchFields")):
            continue
        kept = all(
            (term.get(kind) or [])[: len(old_term.get(kind) or [])] == (old_term.get(kind) or [])
            for kind in ("matchExpressions", "matchFields")
        )
        if not kept:
            text = "only additions are allowed (no mutations or deletions)"
            errors.append(field.invalid(f"{path}.nodeSelectorTerms[{i}]", term, text))


def update_ephemeral(errors: Errors, obj: Pod, old: Pod) -> None:
    """The ephemeralcontainers subresource: containers come, and never change or go."""
    pods.whole(errors, obj)
    guarded_annotations(errors, obj, old)
    if _MIRROR in ((old.get("metadata") or {}).get("annotations") or {}):
        text = "static pods do not support ephemeral containers"
        errors[:] = [field.forbidden("", text)]
        return
    path = "spec.ephemeralContainers"
    new = {c.get("name"): c for c in (obj.get("spec") or {}).get("ephemeralContainers") or ()}
    for container in (old.get("spec") or {}).get("ephemeralContainers") or ():
        name = container.get("name")
        if name not in new:
            text = f'existing ephemeral containers "{name}" may not be removed\n'
            errors.append(field.forbidden(path, text))
        elif not checks.equal(new[name], container):
            changes = govalues.diff(container, new[name], "container")
            text = f'existing ephemeral containers "{name}" may not be changed\n{changes}'
            errors.append(field.forbidden(path, text))


def resize(errors: Errors, obj: Pod, old: Pod) -> None:
    """The resize subresource: what containers ask of cpu and memory."""
    pods.whole(errors, obj)
    new_spec, old_spec = obj.get("spec") or {}, old.get("spec") or {}
    for reason, applies in (
        ("static pods", _MIRROR in ((old.get("metadata") or {}).get("annotations") or {})),
        ("windows pods", (old_spec.get("os") or {}).get("name") == "windows"),
    ):
        if applies:
            errors[:] = [field.forbidden("", f"{reason} cannot be resized")]
            return
    if quality_of_service(new_spec) != quality_of_service(old_spec):
        shown = (obj.get("status") or {}).get("qosClass") or ""
        text = "Pod QOS Class may not change as a result of resizing"
        errors.append(field.invalid("spec", shown, text))
    for kind in ("initContainers", "containers"):
        pairs = zip(new_spec.get(kind) or (), old_spec.get(kind) or (), strict=False)
        for i, (new, before) in enumerate(pairs):
            if kind == "containers" or before.get("restartPolicy") == "Always":
                _resized(errors, f"spec.{kind}[{i}].resources", new, before)
    munged = dict(new_spec)
    for kind, text in (
        ("containers", "only cpu and memory resources are mutable"),
        ("initContainers", "only cpu and memory resources for sidecar containers are mutable"),
    ):
        restored = []
        pairs = zip(new_spec.get(kind) or (), old_spec.get(kind) or (), strict=False)
        for new, before in pairs:
            fixed = kind == "initContainers" and before.get("restartPolicy") != "Always"
            back = new if fixed else _resources_back(new, before)
            if not checks.equal(back, before):
                what = "resources for non-sidecar init containers are immutable"
                errors.append(field.forbidden("spec", what if fixed else text))
            restored.append(back)
        if restored:
            munged[kind] = restored
    if not errors and not checks.equal(munged, old_spec):
        text = "only cpu and memory resources are mutable"
        errors.append(field.forbidden("spec", text))


def _resized(errors: Errors, path: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    now, before = new.get("resources") or {}, old.get("resources") or {}
    for kind in ("requests", "limits"):
        if any(name not in (now.get(kind) or {}) for name in before.get(kind) or ()):
            text = f"resource {kind} cannot be removed"
            errors.append(field.forbidden(f"{path}.{kind}", text))


def _resources_back(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    now, before = new.get("resources") or {}, old.get("resources") or {}
    restored: dict[str, Any] = {k: v for k, v in now.items() if k not in ("limits", "requests")}
    for kind in ("limits", "requests"):
        if not before.get(kind):
            continue
        kept = {k: v for k, v in (now.get(kind) or {}).items() if k not in _SCALABLE}
        kept.update({k: v for k, v in before[kind].items() if k in _SCALABLE})
        restored[kind] = kept
    return {**new, "resources": restored}


def quality_of_service(spec: Mapping[str, Any]) -> str:
    """`Guaranteed`, `Burstable` or `BestEffort`, by what the containers ask for.

    Follows `pkg/apis/core/helper/qos`.
    """
    requests: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    guaranteed = True
    whole = spec.get("resources")
    holders = (
        [{"resources": whole}]
        if whole and (whole.get("limits") or whole.get("requests"))
        else [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    )
    for container in holders:
        resources = container.get("resources") or {}
        _collect(requests, resources.get("requests"))
        found = _collect(limits, resources.get("limits"))
        guaranteed = guaranteed and found == 2
    if not requests and not limits:
        return "BestEffort"
    if guaranteed and len(requests) == len(limits):
        same = all(limits.get(name) == amount for name, amount in requests.items())
        if same:
            return "Guaranteed"
    return "Burstable"


def _collect(totals: dict[str, Any], resources: Mapping[str, str] | None) -> int:
    """Adds what counts for the class to `totals`; answers how many of the two there were."""
    found = 0
    for name in _SCALABLE:
        amount = checks.parsed((resources or {}).get(name))
        if amount.sign > 0:
            found += 1
            totals[name] = totals[name] + amount if name in totals else amount
    return found
