"""The definitions themselves, as objects: names, conditions, and what there is to warn of (pure).

After `pkg/controller/status` and `pkg/apis/apiextensions/helpers.go` of apiextensions-apiserver.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from miniplane.api.customresources import formats
from miniplane.api.objects import Obj

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
ESTABLISHED, NAMES_ACCEPTED, TERMINATING = "Established", "NamesAccepted", "Terminating"
CONFORMANT = "KubernetesAPIApprovalPolicyConformant"
_NAMES = ("plural", "singular", "shortNames", "kind", "listKind", "categories")


def condition(definition: Obj, kind: str) -> Obj | None:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == kind), None)


def with_condition(status: Obj, new: Obj) -> Obj:
    """A status with a condition set. Its lastTransitionTime only counts where it changes."""
    conditions = list(status.get("conditions") or ())
    for i, old in enumerate(conditions):
        if old["type"] == new["type"]:
            kept = old["status"] == new["status"]
            moved = {"lastTransitionTime": old["lastTransitionTime"]} if kept else {}
            conditions[i] = {**new, **moved}
            break
    else:
        conditions.append(new)
    return {**status, "conditions": conditions}


def same(a: Obj | None, b: Obj) -> bool:
    """Whether two conditions say the same."""
    return a is not None and all(
        a.get(key) == b.get(key) for key in ("status", "reason", "message")
    )


def accept(definition: Obj, others: Sequence[Obj], now: str) -> Obj | None:
    """The status after looking at the names that a definition asks for; None for no change.

    `others` are the other definitions of its group, whose accepted names are taken.
    """
    wanted = definition["spec"]["names"]
    status = definition.get("status") or {}
    accepted = status.get("acceptedNames") or {}
    if all((wanted.get(n) or None) == (accepted.get(n) or None) for n in _NAMES):
        return None
    resources: dict[str, None] = {}
    kinds: dict[str, None] = {}
    for other in (*others, definition):
        taken = (other.get("status") or {}).get("acceptedNames") or {}
        resources.update(dict.fromkeys((taken.get("plural", ""), taken.get("singular", ""))))
        resources.update(dict.fromkeys(taken.get("shortNames") or ()))
        kinds.update(dict.fromkeys((taken.get("kind", ""), taken.get("listKind", ""))))
    given = dict(accepted)
    complaint: tuple[str, str] | None = None
    for name, used in (("plural", resources), ("singular", resources)):
        complaint = _take(given, wanted, name, used) or complaint
    complaint = _take_short_names(given, wanted, resources) or complaint
    for name in ("kind", "listKind"):
        complaint = _take(given, wanted, name, kinds) or complaint
    if wanted.get("categories"):
        given["categories"] = wanted["categories"]
    else:
        given.pop("categories", None)
    reason, message = complaint or ("NoConflicts", "no conflicts found")
    names = _condition(NAMES_ACCEPTED, complaint is None, reason, message, now)
    if given == accepted and same(condition(definition, NAMES_ACCEPTED), names):
        return None
    out = with_condition({**status, "acceptedNames": given}, names)
    return with_condition(out, _established(definition, now, accepted=complaint is None))


def _established(definition: Obj, now: str, *, accepted: bool) -> Obj:
    known = condition(definition, ESTABLISHED)
    if accepted and (known is None or known["status"] != "True"):
        text = "the initial names have been accepted"
        return _condition(ESTABLISHED, False, "Installing", text, now)
    if known is not None:
        return known
    return _condition(ESTABLISHED, False, "NotAccepted", "not all names are accepted", now)


def _take(given: Obj, wanted: Obj, name: str, used: Mapping[str, None]) -> tuple[str, str] | None:
    """Accept a name, or say why not."""
    asked = wanted.get(name) or ""
    if asked != given.get(name, "") and asked in used:
        return f"{name[:1].upper()}{name[1:]}Conflict", f'"{asked}" is already in use'
    given[name] = asked
    return None


def _take_short_names(given: Obj, wanted: Obj, used: Mapping[str, None]) -> tuple[str, str] | None:
    asked, mine = wanted.get("shortNames") or [], given.get("shortNames") or []
    taken = [f'"{name}" is already in use' for name in asked if name not in mine and name in used]
    if taken:
        unique = list(dict.fromkeys(taken))
        text = unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"
        return "ShortNamesConflict", text
    if asked:
        given["shortNames"] = asked
    else:
        given.pop("shortNames", None)
    return None


def _condition(kind: str, true: bool, reason: str, message: str, now: str) -> Obj:
    return {
        "type": kind,
        "status": "True" if true else "False",
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def establish(definition: Obj, now: str) -> Obj | None:
    """The status of a definition whose names have been accepted; None where that is not so, or
    was said before."""
    names, known = condition(definition, NAMES_ACCEPTED), condition(definition, ESTABLISHED)
    if names is None or names["status"] != "True" or (known or {}).get("status") == "True":
        return None
    text = "the initial names have been accepted"
    new = _condition(ESTABLISHED, True, "InitialNamesAccepted", text, now)
    return with_condition(definition.get("status") or {}, new)


def terminating(status: Obj, now: str, *, true: bool, reason: str, message: str) -> Obj:
    """A status that says how far the deletion has come."""
    return with_condition(status, _condition(TERMINATING, true, reason, message, now))


def approval(definition: Obj, state: tuple[str, str] | None, now: str) -> Obj | None:
    """The status of a definition in a group of the community; None for no change.

    `state` is whether its API has been approved, with the reason; None for other groups.
    """
    if state is None:
        return None
    reasons = {
        "invalid": "InvalidAnnotation",
        "missing": "MissingAnnotation",
        "approved": "ApprovedAnnotation",
        "bypassed": "UnapprovedAnnotation",
    }
    word, message = state
    new = _condition(CONFORMANT, word == "approved", reasons[word], message, now)
    if same(condition(definition, CONFORMANT), new):
        return None
    return with_condition(definition.get("status") or {}, new)


def unknown_formats(definition: Obj) -> list[str]:
    """What to warn of: formats that mean nothing here."""
    found: dict[str, None] = {}
    for version in definition["spec"].get("versions") or ():
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        for place in _places(schema):
            form = place.get("format") or ""
            if form and not formats.supported(place.get("type") or "", form):
                found[f'unrecognized format "{form}"'] = None
    return list(found)


def _places(schema: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping):
        return
    yield schema
    for value in (schema.get("properties") or {}).values():
        yield from _places(value)
    for key in ("items", "additionalProperties", "not"):
        yield from _places(schema.get(key))
    for key in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(key) or ():
            yield from _places(part)
