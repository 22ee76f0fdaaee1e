"""Whether a custom object may be stored: everything but what holds for the metadata of all objects.

After `pkg/registry/customresource/{strategy,status_strategy,validator}.go`. The order of the checks
is that of the server; the rules in CEL are asked only if the object's types can be relied on.
"""

from typing import TYPE_CHECKING

from miniplane.api import field, names
from miniplane.api.customresources import embedded, lists, validate
from miniplane.api.customresources.correlate import Correlated
from miniplane.api.customresources.results import NOWHERE
from miniplane.api.field import FieldError
from miniplane.api.objects import Obj

if TYPE_CHECKING:
    from miniplane.api.customresources.definition import Version

_BLOCKING = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
_UNCHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation"
)
_STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


def create(version: "Version", obj: Obj) -> list[FieldError]:
    """What is wrong with a new object."""
    schema = version.structural
    problems: list[FieldError] = []
    if not version.is_valid(obj):
        problems += validate.validate(version.schema, obj).errors()
    if version.scale is not None:
        problems += version.scale.check_spec(obj) + version.scale.check_status(obj)
    problems += embedded.validate(obj, schema)
    problems += lists.validate(obj, schema)
    return problems + _rules(version, problems, obj, None, None, [])


def update(version: "Version", obj: Obj, old: Obj, warnings: list[str]) -> list[FieldError]:
    """What is wrong with a changed object. Rules that a part fails as before only warn."""
    schema = version.structural
    both = Correlated(obj, old, schema)
    problems: list[FieldError] = []
    if not version.is_valid(obj):
        problems += validate.validate(version.schema, obj, both).errors()
    if version.scale is not None:
        problems += version.scale.check_spec(obj) + version.scale.check_status(obj)
    problems += embedded.validate(obj, schema)
    problems += _new_duplicates(version, obj, old)
    return problems + _rules(version, problems, obj, old, both, warnings)


def update_status(version: "Version", obj: Obj, old: Obj, warnings: list[str]) -> list[FieldError]:
    """As `update`, for a write to the status subresource."""
    both = Correlated(obj, old, version.structural)
    problems: list[FieldError] = []
    schema = (version.schema.get("properties") or {}).get("status")
    if "status" in obj and schema is not None:
        found = validate.validate(schema, obj["status"], both.key("status"))
        problems += found.errors("status")
    if version.scale is not None:
        problems += version.scale.check_status(obj)
    problems += _new_duplicates(version, obj, old)
    return problems + _rules(version, problems, obj, old, both, warnings)


def _new_duplicates(version: "Version", obj: Obj, old: Obj) -> list[FieldError]:
    found = lists.validate(obj, version.structural)
    return [] if found and lists.validate(old, version.structural) else found


def _rules(
    version: "Version",
    problems: list[FieldError],
    obj: Obj,
    old: Obj | None,
    both: Correlated | None,
    warnings: list[str],
) -> list[FieldError]:
    rules = version.rules
    if rules is None:
        return []
    if any(problem.reason in _BLOCKING for problem in problems):
        return [field.invalid(NOWHERE, None, _UNCHECKED)]
    return rules.validate(obj, old, both, warnings)


def finalizer_warnings(obj: Obj, old: Obj | None) -> list[str]:
    """What to say of new finalizers with names that others may have too."""
    before = ((old or {}).get("metadata") or {}).get("finalizers") or ()
    out = []
    for name in sorted(set(obj["metadata"].get("finalizers") or ()) - set(before)):
        where = f'metadata.finalizers: "{name}"'
        out += [f"{where}: {complaint}" for complaint in names.qualified_name(name)]
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            path = " including a path (/)" if "." in name else ""
            out.append(
                f"{where}: prefer a domain-qualified finalizer name{path} to avoid accidental "
                "conflicts with other finalizer writers"
            )
    return out
