"""ObjectMeta: what holds for the metadata of every kind.

Follows apimachinery's `pkg/api/validation/objectmeta.go`, and core's additional word on finalizers.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, govalues
from miniplane.api.validation.checks import Errors

_ANNOTATIONS_LIMIT = 256 * 1024
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_MANAGER_LIMIT = 128
_SUBRESOURCE_LIMIT = 256

Meta = Mapping[str, Any]


def on_create(
    errors: Errors, meta: Meta, *, namespaced: bool, rule: names.NameRule, own: bool = True
) -> None:
    """`rule` checks the name; `own` adds what core says of finalizers without a slash."""
    path = "metadata"
    if generate := meta.get("generateName"):
        if rule is names.path_segment:
            complaints = names.path_segment_prefix(generate)
        else:
            complaints = rule(names.mask_trailing_dash(generate))
        checks.each(errors, "metadata.generateName", generate, complaints)
    if name := meta.get("name"):
        if complaints := rule(name):
            checks.each(errors, "metadata.name", name, complaints)
    else:
        errors.append(field.required("metadata.name", "name or generateName is required"))
    namespace = meta.get("namespace")
    if namespaced:
        if not namespace:
            errors.append(field.required("metadata.namespace"))
        elif complaints := names.dns1123_label(namespace):
            checks.each(errors, "metadata.namespace", namespace, complaints)
    elif namespace:
        errors.append(field.forbidden("metadata.namespace", "not allowed on this type"))
    checks.nonnegative(errors, meta, path, "generation")
    _maps(errors, meta)
    finalizers = meta.get("finalizers")
    if finalizers:
        _finalizers(errors, finalizers)
    _managed_fields(errors, meta)
    if own and finalizers:
        kube_finalizers(errors, finalizers)


def on_update(errors: Errors, meta: Meta, old: Meta, *, own: bool = True) -> None:
    if old.get("deletionTimestamp"):
        _no_new_finalizers(errors, meta, old)
    if not meta.get("resourceVersion"):
        text = "must be specified for an update"
        errors.append(field.invalid("metadata.resourceVersion", "", text))
    if (meta.get("generation") or 0) < (old.get("generation") or 0):
        text = "must not be decremented"
        errors.append(field.invalid("metadata.generation", meta.get("generation") or 0, text))
    for name in ("name", "namespace", "uid"):
        checks.immutable(errors, f"metadata.{name}", meta.get(name) or "", old.get(name) or "")
    for name in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        checks.immutable(errors, f"metadata.{name}", meta.get(name), old.get(name))
    _maps(errors, meta)
    _managed_fields(errors, meta)
    if own and meta.get("finalizers"):
        kube_finalizers(errors, meta["finalizers"])


def template(errors: Errors, path: str, meta: Meta) -> None:
    """The metadata of a claim template: labels and annotations, and nothing else."""
    annotations(errors, f"{path}.annotations", meta.get("annotations"))
    checks.labels(errors, f"{path}.labels", meta.get("labels"))
    for name, value in meta.items():
        if name not in ("annotations", "labels") and value not in (None, "", [], {}, 0):
            errors.append(field.forbidden(f"{path}.{name}", "cannot be set"))


def annotations(errors: Errors, path: str, values: Mapping[str, str] | None) -> None:
    if not values:
        return
    total = 0
    for key, value in values.items():
        if complaints := names.qualified_name(key.lower()):
            checks.each(errors, path, key, complaints)
        total += names.size(key) + names.size(value)
    if total > _ANNOTATIONS_LIMIT:
        errors.append(field.too_long(path, "", _ANNOTATIONS_LIMIT))


def finalizer(errors: Errors, path: str, name: str) -> None:
    """A namespace's finalizer."""
    checks.qualified_name(errors, path, name)
    _kube_finalizer(errors, path, name)


def kube_finalizers(errors: Errors, finalizers: list[str]) -> None:
    for i, name in enumerate(finalizers):
        _kube_finalizer(errors, f"metadata.finalizers[{i}]", name)


def _kube_finalizer(errors: Errors, path: str, name: str) -> None:
    if "/" not in name and name not in _STANDARD_FINALIZERS:
        text = "name is neither a standard finalizer name nor is it fully qualified"
        errors.append(field.invalid(path, name, text))


def _maps(errors: Errors, meta: Meta) -> None:
    if labels := meta.get("labels"):
        checks.labels(errors, "metadata.labels", labels)
    if values := meta.get("annotations"):
        annotations(errors, "metadata.annotations", values)
    if references := meta.get("ownerReferences"):
        _owner_references(errors, references)


def _owner_references(errors: Errors, references: list[dict[str, Any]]) -> None:
    path = "metadata.ownerReferences"
    controller = ""
    for reference in references:
        api_version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
        name = reference.get("name", "")
        if not api_version.rpartition("/")[2] or api_version.count("/") > 1:
            text = "version must not be empty"
            errors.append(field.invalid(f"{path}.apiVersion", api_version, text))
        for part, value in (("kind", kind), ("name", name), ("uid", reference.get("uid", ""))):
            if not value:
                errors.append(field.invalid(f"{path}.{part}", value, "must not be empty"))
        if (api_version, kind) == ("v1", "Event"):
            text = "/v1, Kind=Event is disallowed from being an owner"
            errors.append(field.invalid(path, govalues.owner_reference(reference), text))
        if reference.get("controller"):
            if controller:
                shown = [govalues.owner_reference(r) for r in references]
                text = (
                    "Only one reference can have Controller set to true. "
                    f'Found "true" in references for {controller} and {kind}/{name}'
                )
                errors.append(field.invalid(path, shown, text))
            else:
                controller = f"{kind}/{name}"


def _finalizers(errors: Errors, finalizers: list[str]) -> None:
    path = "metadata.finalizers"
    for name in finalizers:
        checks.qualified_name(errors, path, name)
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        text = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(field.invalid(path, finalizers, text))


def _no_new_finalizers(errors: Errors, meta: Meta, old: Meta) -> None:
    known = old.get("finalizers") or ()
    extra = [name for name in meta.get("finalizers") or () if name not in known]
    if extra:
        text = (
            "no new finalizers can be added if the object is being deleted, found new finalizers "
            f"{govalues.strings(sorted(dict.fromkeys(extra)))}"
        )
        errors.append(field.forbidden("metadata.finalizers", text))


def _managed_fields(errors: Errors, meta: Meta) -> None:
    for i, entry in enumerate(meta.get("managedFields") or ()):
        path = f"metadata.managedFields[{i}]"
        operation = entry.get("operation", "")
        if operation not in ("Apply", "Update"):
            text = "must be `Apply` or `Update`"
            errors.append(field.invalid(f"{path}.operation", operation, text))
        fields_type = entry.get("fieldsType", "")
        if fields_type and fields_type != "FieldsV1":
            errors.append(field.invalid(f"{path}.fieldsType", fields_type, "must be `FieldsV1`"))
        manager(errors, f"{path}.manager", entry.get("manager", ""))
        if names.size(entry.get("subresource", "")) > _SUBRESOURCE_LIMIT:
            errors.append(field.too_long(f"{path}.subresource", "", _SUBRESOURCE_LIMIT))


def manager(errors: Errors, path: str, name: str) -> None:
    """A field manager's name."""
    if names.size(name) > _MANAGER_LIMIT:
        errors.append(field.too_long(path, "", _MANAGER_LIMIT))
    if name.isprintable():
        return
    offset = 0
    for char in name:
        if not char.isprintable():
            text = f"invalid character U+{ord(char):04X} (at position {offset})"
            errors.append(field.invalid(path, name, text))
        offset += names.size(char)
