"""Events of both groups (`pkg/apis/core/validation/events.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_PART_LIMIT = 128
_NOTE_LIMIT = 1024
_WRONG_NAMESPACE = "does not match event.namespace"

Object = Mapping[str, Any]


def core(errors: Errors, obj: Object) -> None:
    """`v1`: the old form is checked loosely, the new one (with `eventTime`) as it should be."""
    _common(errors, obj, obj.get("involvedObject") or {}, "reportingComponent", obj.get("message"))


def events_v1(errors: Errors, obj: Object) -> None:
    _common(errors, obj, obj.get("regarding") or {}, "reportingController", obj.get("note"))
    _new_form(errors, obj)


def _common(
    errors: Errors, obj: Object, regarding: Object, controller_key: str, note: str | None
) -> None:
    namespace = (obj.get("metadata") or {}).get("namespace") or ""
    about = regarding.get("namespace") or ""
    path = "involvedObject.namespace"
    if not obj.get("eventTime"):
        if about:
            agrees = about == namespace
        else:
            agrees = namespace in ("", "default")
        if not agrees:
            errors.append(field.invalid(path, about, _WRONG_NAMESPACE))
    else:
        if not about and namespace not in ("default", "kube-system"):
            errors.append(field.invalid(path, about, _WRONG_NAMESPACE))
        controller = obj.get(controller_key) or ""
        if not controller:
            errors.append(field.required(controller_key))
        checks.qualified_name(errors, controller_key, controller)
        for key in ("reportingInstance", "action", "reason"):
            value = obj.get(key) or ""
            if not value:
                errors.append(field.required(key))
            if names.size(value) > _PART_LIMIT:
                text = f"can have at most {_PART_LIMIT} characters"
                errors.append(field.invalid(key, "", text))
        if names.size(note or "") > _NOTE_LIMIT:
            text = f"can have at most {_NOTE_LIMIT} characters"
            errors.append(field.invalid("message", "", text))
    checks.each(errors, "namespace", namespace, names.dns1123_subdomain(namespace))


def _new_form(errors: Errors, obj: Object) -> None:
    series = obj.get("series")
    if series is not None:
        if (series.get("count") or 0) < 2:
            errors.append(field.invalid("series.count", "", "should be at least 2"))
        if not series.get("lastObservedTime"):
            errors.append(field.required("series.lastObservedTime"))
    if not obj.get("eventTime"):
        errors.append(field.required("eventTime"))
    kind = obj.get("type") or ""
    if kind not in ("Normal", "Warning"):
        errors.append(field.invalid("type", "", f"has invalid value: {kind}"))
    source = obj.get("deprecatedSource") or {}
    for key, value in (
        ("firstTimestamp", obj.get("deprecatedFirstTimestamp")),
        ("lastTimestamp", obj.get("deprecatedLastTimestamp")),
        ("count", obj.get("deprecatedCount")),
        ("source", source.get("component") or source.get("host")),
    ):
        if value:
            errors.append(field.invalid(key, "", "needs to be unset"))


def events_v1_update(errors: Errors, obj: Object, old: Object) -> None:
    """Of an event in the new form only its series may change."""
    events_v1(errors, obj)
    for key, shown in (
        ("regarding", "involvedObject"),
        ("reason", "reason"),
        ("note", "message"),
        ("deprecatedSource", "source"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
        ("type", "type"),
        ("action", "action"),
        ("related", "related"),
        ("reportingController", "reportingController"),
        ("reportingInstance", "reportingInstance"),
        ("eventTime", "eventTime"),
    ):
        checks.immutable(errors, shown, obj.get(key), old.get(key))
