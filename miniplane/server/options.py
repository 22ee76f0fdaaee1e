"""Query parameters and delete bodies as the options of requests, checked as a real server does.

Follows apimachinery's `pkg/apis/meta/v1/validation` and `pkg/apis/meta/internalversion/validation`
for the checks, `pkg/apis/meta/internalversion/defaults.go` for the defaults, and
`pkg/runtime/conversion.go` for how strings become values.
"""

import dataclasses
from typing import Any

from miniplane.api import errors, field
from miniplane.api.field import FieldError
from miniplane.api.objects import Obj
from miniplane.api.options import APPLY_PATCH, DeleteOptions, ListOptions, WriteOptions
from miniplane.api.resources import Resource
from miniplane.api.selectors import fields
from miniplane.server.call import Call

MANAGER_LIMIT = 128
_GROUP = "meta.k8s.io"
_FIELD_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_PROPAGATION = ("Foreground", "Background", "Orphan")
_INT64 = 1 << 63


# -- values


def boolean(values: list[str]) -> bool:
    """Only "false" and "0" are false: an empty value is true."""
    return values[0].lower() not in ("false", "0")


def integer(values: list[str]) -> int:
    """A decimal int64. StatusError 400."""
    text = values[0]
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    number = int(text)
    if not -_INT64 <= number < _INT64:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def _optional_int(call: Call, name: str) -> int | None:
    values = call.query.get(name)
    return integer(values) if values else None


def _invalid(kind: str, problems: list[FieldError]) -> errors.StatusError:
    return errors.invalid(_GROUP, kind, "", problems)


# -- create, update, patch


def write_options(call: Call, kind: str, patch_type: str = "") -> WriteOptions:
    """Options of a write. `kind` is CreateOptions, UpdateOptions or PatchOptions, for errors.

    StatusError 422 for values that are none.
    """
    query = call.query
    if not query:
        if patch_type == APPLY_PATCH:
            raise _invalid(kind, [_manager_required()])
        return WriteOptions(field_manager=manager_of(call.user_agent), user=call.user)
    problems: list[FieldError] = []
    manager = call.param("fieldManager")
    force = query.get("force")
    if kind == "PatchOptions":
        if patch_type == APPLY_PATCH:
            if not manager:
                problems.append(_manager_required())
        elif force:
            problems.append(field.forbidden("force", "may not be specified for non-apply patch"))
    problems += _manager_problems(manager)
    dry_run = query.get("dryRun", [])
    problems += _dry_run_problems(dry_run)
    validation = call.param("fieldValidation")
    if validation not in _FIELD_VALIDATIONS:
        problems.append(field.not_supported("fieldValidation", validation, _FIELD_VALIDATIONS))
    if problems:
        raise _invalid(kind, problems)
    return WriteOptions(
        field_manager=manager or manager_of(call.user_agent),
        dry_run=bool(dry_run),
        field_validation=validation or "Warn",
        force=bool(force) and boolean(force or []),
        user=call.user,
    )


def manager_of(user_agent: str) -> str:
    """The field manager of a client that names none: its User-Agent up to the first slash."""
    name = "".join(c for c in user_agent.partition("/")[0] if c.isprintable())
    encoded = name.encode()
    if len(encoded) > MANAGER_LIMIT:
        name = encoded[:MANAGER_LIMIT].decode(errors="ignore")
    return name or "unknown"


def _manager_required() -> FieldError:
    return field.required("fieldManager", "is required for apply patch")


def _manager_problems(manager: str) -> list[FieldError]:
    problems = []
    if len(manager.encode()) > MANAGER_LIMIT:
        problems.append(field.too_long("fieldManager", manager, MANAGER_LIMIT))
    position = 0
    for char in manager:
        if not char.isprintable():
            why = f"invalid character U+{ord(char):04X} (at position {position})"
            problems.append(field.invalid("fieldManager", manager, why))
        position += len(char.encode())
    return problems


def _dry_run_problems(values: list[str]) -> list[FieldError]:
    if all(value == "All" for value in values):
        return []
    return [field.not_supported("dryRun", values, ["All"])]


# -- delete


def delete_options(call: Call, body: Obj | None) -> DeleteOptions:
    """Options of a delete: those of the body, or of the query where there is no body.

    StatusError 400 or 422.
    """
    raw = _delete_query(call) if body is None else body
    policy = raw.get("propagationPolicy")
    orphan = raw.get("orphanDependents")
    dry_run = raw.get("dryRun") or []
    problems: list[FieldError] = []
    if orphan is not None and policy is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        problems.append(field.invalid("propagationPolicy", policy, why))
    if policy is not None and policy not in _PROPAGATION:
        choices = (*_PROPAGATION, "nil")
        problems.append(field.not_supported("propagationPolicy", policy, choices))
    problems += _dry_run_problems(dry_run)
    if problems:
        raise _invalid("DeleteOptions", problems)
    if orphan is not None:
        policy = "Orphan" if orphan else "Background"
    preconditions = raw.get("preconditions") or {}
    return DeleteOptions(
        grace_period_seconds=raw.get("gracePeriodSeconds"),
        propagation_policy=policy,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        dry_run=bool(dry_run),
        user=call.user,
    )


def orphans(call: Call, body: Obj | None) -> bool | None:
    """The old `orphanDependents` of a delete, None where it is not given."""
    if body is not None:
        return body.get("orphanDependents")
    values = call.query.get("orphanDependents")
    return boolean(values) if values else None


def _delete_query(call: Call) -> dict[str, Any]:
    query = call.query
    raw: dict[str, Any] = {}
    if not query:
        return raw
    grace = _optional_int(call, "gracePeriodSeconds")
    if grace is not None:
        raw["gracePeriodSeconds"] = grace
    if "orphanDependents" in query:
        raw["orphanDependents"] = boolean(query["orphanDependents"])
    if "propagationPolicy" in query:
        raw["propagationPolicy"] = query["propagationPolicy"][0]
    if "dryRun" in query:
        raw["dryRun"] = query["dryRun"]
    return raw


# -- list, watch, deletecollection


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """ListOptions, and whether the query asked for a watch."""

    options: ListOptions
    watch: bool


def selection(call: Call, *, watch: bool | None = None) -> Selection:
    """Options of a list or watch. StatusError 400 or 422.

    `watch` says which of the two the path asks for, where the query has no say.
    """
    query = call.query
    if not query:
        return Selection(ListOptions(), bool(watch))
    watching = "watch" in query and boolean(query["watch"])
    initial = query.get("sendInitialEvents")
    send_initial = boolean(initial) if initial else None
    revision, match = call.param("resourceVersion"), call.param("resourceVersionMatch")
    if watching and send_initial is None and not match and revision in ("", "0"):
        # The old way to ask for the present state first: defaulted into the new one.
        send_initial, match = True, "NotOlderThan"
    options = ListOptions(
        label_selector=call.param("labelSelector"),
        field_selector=call.param("fieldSelector"),
        limit=max(0, _optional_int(call, "limit") or 0),
        continue_=call.param("continue"),
        resource_version=revision,
        resource_version_match=match,
        allow_watch_bookmarks="allowWatchBookmarks" in query
        and boolean(query["allowWatchBookmarks"]),
        send_initial_events=send_initial,
        timeout_seconds=_optional_int(call, "timeoutSeconds"),
    )
    problems = _watch_problems(options) if watching else _list_problems(options)
    if problems:
        raise _invalid("ListOptions", problems)
    return Selection(options, watching if watch is None else watch)


def _list_problems(options: ListOptions) -> list[FieldError]:
    problems = []
    path = "resourceVersionMatch"
    match = options.resource_version_match
    if match:
        if not options.resource_version:
            why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            problems.append(field.forbidden(path, why))
        if options.continue_:
            why = "resourceVersionMatch is forbidden when continue is provided"
            problems.append(field.forbidden(path, why))
        if match not in ("Exact", "NotOlderThan"):
            problems.append(field.not_supported(path, match, ("Exact", "NotOlderThan", "")))
        if match == "Exact" and options.resource_version == "0":
            why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            problems.append(field.forbidden(path, why))
    if options.send_initial_events is not None:
        why = "sendInitialEvents is forbidden for list"
        problems.append(field.forbidden("sendInitialEvents", why))
    return problems


def _watch_problems(options: ListOptions) -> list[FieldError]:
    problems = []
    path = "resourceVersionMatch"
    match = options.resource_version_match
    initial = options.send_initial_events is not None
    if initial and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        problems.append(field.forbidden(path, why))
    if match:
        if not initial:
            why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            problems.append(field.forbidden(path, why))
        if match != "NotOlderThan":
            problems.append(field.not_supported(path, match, ("NotOlderThan",)))
        if options.continue_:
            why = "resourceVersionMatch is forbidden when continue is provided"
            problems.append(field.forbidden(path, why))
    return problems


def for_name(options: ListOptions, resource: Resource, name: str) -> ListOptions:
    """The options narrowed to one object, whose name the path gives. StatusError 400."""
    if options.field_selector:
        chosen = fields.parse(options.field_selector, resource)
        if chosen.exact("metadata.name") != name:
            raise errors.bad_request("fieldSelector metadata.name doesn't match requested name")
    return dataclasses.replace(options, field_selector=f"metadata.name={name}")
