"""CustomResourceDefinitions (`apiextensions-apiserver/pkg/apis/apiextensions/validation`).

The server keeps what is the same in all versions in one place, and that is where the errors point:
a schema that all versions share is `spec.validation`, not `spec.versions[0].schema`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, govalues, structural, webhooks
from miniplane.api.validation.checks import Errors

_COLUMN_TYPES = "boolean,date,integer,number,string"
_COLUMN_FORMATS = "byte,date,date-time,double,float,int32,int64,password"
_APPROVED = "api-approved.kubernetes.io"
_SELECTABLE_LIMIT = 8
_REVIEWS = ("v1", "v1beta1")
_VERSION = (
    ("name", "Name", ""),
    ("served", "Served", False),
    ("storage", "Storage", False),
    ("deprecated", "Deprecated", False),
    ("deprecationWarning", "DeprecationWarning", None),
    ("schema", "Schema", None),
    ("subresources", "Subresources", None),
    ("additionalPrinterColumns", "AdditionalPrinterColumns", None),
    ("selectableFields", "SelectableFields", None),
)
_SHARED = {
    "schema": "validation",
    "subresources": "subresources",
    "additionalPrinterColumns": "additionalPrinterColumns",
    "selectableFields": "selectableFields",
}
"""What moves to the top where all versions have the same, and its name there."""

Object = Mapping[str, Any]


def create(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    name = (obj.get("metadata") or {}).get("name") or ""
    plural = (spec.get("names") or {}).get("plural") or ""
    if name and name != f"{plural}.{spec.get('group') or ''}":
        text = 'must be spec.names.plural+"."+spec.group'
        errors.append(field.invalid("metadata.name", name, text))
    _whole(errors, obj)
    _approval(errors, obj, None)
    _preserve(errors, spec)


def update(errors: Errors, obj: Object, old: Object) -> None:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    _spec(errors, spec)
    _fixed(errors, spec, before, established=_is_established(old))
    _status(errors, obj)
    _stored_versions(errors, obj)
    _approval(errors, obj, old)
    if not before.get("preserveUnknownFields"):
        _preserve(errors, spec)


def update_status(errors: Errors, obj: Object, old: Object) -> None:
    _status(errors, obj)


def _whole(errors: Errors, obj: Object) -> None:
    _spec(errors, obj.get("spec") or {})
    _status(errors, obj)
    _stored_versions(errors, obj)


def _is_established(obj: Object) -> bool:
    return any(
        condition.get("type") == "Established" and condition.get("status") == "True"
        for condition in (obj.get("status") or {}).get("conditions") or ()
    )


def _fixed(errors: Errors, spec: Object, before: Object, *, established: bool) -> None:
    now, was = spec.get("names") or {}, before.get("names") or {}
    if established:
        scope, old_scope = spec.get("scope") or "", before.get("scope") or ""
        checks.immutable(errors, "spec.scope", scope, old_scope)
        kind, old_kind = now.get("kind") or "", was.get("kind") or ""
        checks.immutable(errors, "spec.names.kind", kind, old_kind)
    group, old_group = spec.get("group") or "", before.get("group") or ""
    checks.immutable(errors, "spec.group", group, old_group)
    plural, old_plural = now.get("plural") or "", was.get("plural") or ""
    checks.immutable(errors, "spec.names.plural", plural, old_plural)


def _shared_parts(versions: list[dict[str, Any]]) -> dict[str, Any]:
    """The parts that are the same in all versions, by their names there."""
    if not versions:
        return {}
    first = versions[0]
    return {
        key: first.get(key)
        for key in _SHARED
        if all(checks.equal(version.get(key), first.get(key)) for version in versions)
    }


def _spec(errors: Errors, spec: Object) -> None:
    group = spec.get("group") or ""
    if not group:
        errors.append(field.required("spec.group"))
    elif complaints := names.dns1123_subdomain(group):
        errors.append(field.invalid("spec.group", group, ",".join(complaints)))
    elif "." not in group:
        text = "should be a domain with at least one dot"
        errors.append(field.invalid("spec.group", group, text))
    checks.one_of(errors, "spec.scope", spec.get("scope"), ("Cluster", "Namespaced"))
    versions = spec.get("versions") or []
    for i, version in enumerate(versions):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            errors.append(field.required(f"spec.versions[{i}].schema.openAPIV3Schema"))
    shared = _shared_parts(versions)
    own = [{k: v for k, v in version.items() if k not in shared} for version in versions]
    status_in_all = _has_status(shared.get("subresources"))
    for i, version in enumerate(own):
        path = f"spec.versions[{i}]"
        name = version.get("name") or ""
        if complaints := names.dns1035_label(name):
            errors.append(field.invalid(f"{path}.name", name, ",".join(complaints)))
        _deprecation(errors, f"{path}.deprecationWarning", version)
        has_status = status_in_all or _has_status(version.get("subresources"))
        _parts(errors, path, version, "schema", has_status=has_status)
    _version_list(errors, own)
    given = spec.get("names") or {}
    checks.required(errors, given, "spec.names", "plural", "singular", "kind", "listKind")
    _names(errors, "spec.names", given)
    any_status = status_in_all or any(_has_status(v.get("subresources")) for v in own)
    _parts(errors, "spec", shared, "validation", has_status=any_status)
    _conversion(errors, "spec.conversion", spec.get("conversion"))


def _has_status(subresources: Object | None) -> bool:
    return (subresources or {}).get("status") is not None


def _parts(errors: Errors, path: str, part: Object, schema_name: str, *, has_status: bool) -> None:
    """What a version has of its own, or all versions have in common."""
    schema = (part.get("schema") or {}).get("openAPIV3Schema")
    if schema is not None:
        where = f"{path}.{schema_name}.openAPIV3Schema"
        structural.root(errors, where, schema, has_status=has_status)
    scale = (part.get("subresources") or {}).get("scale")
    if scale is not None:
        _scale(errors, f"{path}.subresources.scale", scale)
    for i, column in enumerate(part.get("additionalPrinterColumns") or ()):
        _column(errors, f"{path}.additionalPrinterColumns[{i}]", column)
    fields = part.get("selectableFields") or ()
    where = f"{path}.selectableFields"
    if len(fields) > _SELECTABLE_LIMIT:
        errors.append(field.too_many(where, len(fields), _SELECTABLE_LIMIT))
    for i, entry in enumerate(fields):
        target = entry.get("jsonPath") or ""
        spot = f"{where}[{i}].jsonPath"
        if not target:
            errors.append(field.required(spot))
        elif target.startswith(".metadata"):
            text = "must not point to fields in metadata"
            errors.append(field.invalid(spot, target, text))


def _version_list(errors: Errors, versions: list[dict[str, Any]]) -> None:
    path = "spec.versions"
    shown = [govalues.struct(version, *_VERSION) for version in versions]
    named = [version.get("name") or "" for version in versions]
    if len(set(named)) != len(named):
        errors.append(field.invalid(path, shown, "must contain unique version names"))
    if sum(1 for version in versions if version.get("storage")) != 1:
        text = "must have exactly one version marked as storage version"
        errors.append(field.invalid(path, shown or None, text))


def _deprecation(errors: Errors, path: str, version: Object) -> None:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    if not version.get("deprecated"):
        text = "can only be set for deprecated versions"
        errors.append(field.invalid(path, warning, text))
        return
    if names.size(warning) > 256:
        errors.append(field.invalid(path, warning, "must be <= 256 characters long"))
    if not warning:
        errors.append(field.invalid(path, warning, "must not be an empty string"))
    if not warning.isprintable():
        index = next(i for i, char in enumerate(warning) if not char.isprintable())
        text = (
            "must only contain printable UTF-8 characters; non-printable character found at "
            f"index {index}"
        )
        errors.append(field.invalid(path, warning, text))


def _names(errors: Errors, path: str, given: Object) -> None:
    for key in ("plural", "singular"):
        name = given.get(key)
        if name and (complaints := names.dns1035_label(name)):
            errors.append(field.invalid(f"{path}.{key}", name, ",".join(complaints)))
    for key in ("kind", "listKind"):
        name = given.get(key)
        if name and (complaints := names.dns1035_label(name.lower())):
            text = f"may have mixed case, but should otherwise match: {','.join(complaints)}"
            errors.append(field.invalid(f"{path}.{key}", name, text))
    for i, name in enumerate(given.get("shortNames") or ()):
        if complaints := names.dns1035_label(name):
            errors.append(field.invalid(f"{path}.shortNames[{i}]", name, ",".join(complaints)))
    kind = given.get("kind")
    if kind and kind == given.get("listKind"):
        text = "kind and listKind may not be the same"
        errors.append(field.invalid(f"{path}.listKind", kind, text))
    for i, name in enumerate(given.get("categories") or ()):
        if complaints := names.dns1035_label(name):
            errors.append(field.invalid(f"{path}.categories[{i}]", name, ",".join(complaints)))


def _column(errors: Errors, path: str, column: Object) -> None:
    checks.required(errors, column, path, "name")
    kind, form = column.get("type") or "", column.get("format") or ""
    text = f"must be one of {_COLUMN_TYPES}"
    if not kind:
        errors.append(field.required(f"{path}.type", text))
    elif kind not in _COLUMN_TYPES.split(","):
        errors.append(field.invalid(f"{path}.type", kind, text))
    if form and form not in _COLUMN_FORMATS.split(","):
        text = f"must be one of {_COLUMN_FORMATS}"
        errors.append(field.invalid(f"{path}.format", form, text))
    target = column.get("jsonPath") or ""
    if not target:
        errors.append(field.required(f"{path}.JSONPath"))
    else:
        _simple_path(errors, f"{path}.JSONPath", target)


def _simple_path(errors: Errors, path: str, target: str) -> bool:
    if target.startswith("."):
        return True
    text = "must be a simple json path starting with ."
    errors.append(field.invalid(path, target, text))
    return False


def _scale(errors: Errors, path: str, scale: Object) -> None:
    for key, below in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        target = scale.get(key) or ""
        where = f"{path}.{key}"
        if not target:
            errors.append(field.required(where))
        elif _simple_path(errors, where, target) and not target.startswith(f"{below}."):
            text = f"should be a json path under {below}"
            errors.append(field.invalid(where, target, text))
    target = scale.get("labelSelectorPath")
    where = f"{path}.labelSelectorPath"
    if (
        target
        and _simple_path(errors, where, target)
        and not target.startswith((".spec.", ".status."))
    ):
        text = "should be a json path under either .spec or .status"
        errors.append(field.invalid(where, target, text))


def _conversion(errors: Errors, path: str, conversion: Object | None) -> None:
    if conversion is None:
        return
    strategy, webhook = conversion.get("strategy"), conversion.get("webhook") or {}
    checks.one_of(errors, f"{path}.strategy", strategy, ("None", "Webhook"))
    client, reviews = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    where = f"{path}.webhookClientConfig"
    if strategy != "Webhook":
        text = "should not be set when strategy is not set to Webhook"
        if client is not None:
            errors.append(field.forbidden(where, text))
        if reviews:
            errors.append(field.forbidden(f"{path}.conversionReviewVersions", text))
        return
    if client is None:
        errors.append(field.required(where, "required when strategy is set to Webhook"))
    else:
        webhooks.client_config(errors, where, client)
    where = f"{path}.conversionReviewVersions"
    if not reviews:
        errors.append(field.required(where))
    else:
        webhooks.review_versions(errors, where, reviews)


def _status(errors: Errors, obj: Object) -> None:
    accepted = (obj.get("status") or {}).get("acceptedNames") or {}
    _names(errors, "status.acceptedNames", accepted)


def _stored_versions(errors: Errors, obj: Object) -> None:
    path = "status.storedVersions"
    stored = (obj.get("status") or {}).get("storedVersions") or []
    if not stored:
        text = "must have at least one stored version"
        errors.append(field.invalid(path, stored, text))
        return
    versions = (obj.get("spec") or {}).get("versions") or ()
    for version in versions:
        name = version.get("name") or ""
        if version.get("storage") and name not in stored:
            text = f"must have the storage version {name}"
            errors.append(field.invalid(path, stored, text))
    known = [version.get("name") for version in versions]
    for i, name in enumerate(stored):
        if name not in known:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must "
                "remain in spec.versions until a storage migration ensures no data remains "
                f"persisted in {name} and removes {name} from status.storedVersions"
            )
            errors.append(field.invalid(f"{path}[{i}]", name, text))


def _approval(errors: Errors, obj: Object, old: Object | None) -> None:
    """Groups of the community need the word of its reviewers."""
    if not _is_protected(obj):
        return
    state, reason = _approval_state(obj)
    if old is not None and _approval_state(old)[0] == state:
        return
    path = f"metadata.annotations[{_APPROVED}]"
    if state == "missing":
        errors.append(field.required(path, reason))
    elif state == "invalid":
        value = ((obj.get("metadata") or {}).get("annotations") or {}).get(_APPROVED)
        errors.append(field.invalid(path, value, reason))


def _is_protected(obj: Object) -> bool:
    group = (obj.get("spec") or {}).get("group") or ""
    return group in ("k8s.io", "kubernetes.io") or group.endswith((".k8s.io", ".kubernetes.io"))


def approval(obj: Object) -> tuple[str, str] | None:
    """Whether the reviewers have approved a definition (`missing`, `bypassed`, `approved` or
    `invalid`), with the reason; None for groups that they have no say in."""
    return _approval_state(obj) if _is_protected(obj) else None


def _approval_state(obj: Object) -> tuple[str, str]:
    value = ((obj.get("metadata") or {}).get("annotations") or {}).get(_APPROVED) or ""
    where = "see https://github.com/kubernetes/enhancements/pull/1111"
    if not value:
        return "missing", f'protected groups must have approval annotation "{_APPROVED}", {where}'
    if value.startswith("unapproved"):
        return "bypassed", f'not approved: "{value}"'
    scheme, found, rest = value.partition("://")
    if found and scheme and rest.partition("/")[0]:
        return "approved", f"approved in {value}"
    text = (
        f'protected groups must have approval annotation "{_APPROVED}" with either a URL or a '
        f'reason starting with "unapproved", {where}'
    )
    return "invalid", text


def _preserve(errors: Errors, spec: Object) -> None:
    if spec.get("preserveUnknownFields"):
        text = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
            "spec.versions[*].schema instead"
        )
        errors.append(field.invalid("spec.preserveUnknownFields", True, text))
