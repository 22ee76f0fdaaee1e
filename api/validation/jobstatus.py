"""A Job's status, as its controller and those of `spec.managedBy` write it.

Follows `validateJobStatus` and `ValidateJobStatusUpdate` of `pkg/apis/batch/validation`, and
`getStatusValidationOptions` of `pkg/registry/batch/job`: most rules are applied only where what
they are about changes, so that a status that was wrong before can be put right in steps.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks, failurepolicy, govalues
from miniplane.api.validation.checks import Errors

Object = Mapping[str, Any]
_TERMINAL = ("Failed", "Complete", "FailureTarget")


def update(errors: Errors, obj: Object, old: Object) -> None:
    change = _Change(errors, obj, old)
    _counts(errors, change.status)
    change.conditions()
    change.times()
    change.finished()
    change.indexes()
    change.ready()
    change.success()
    change.against_before()


def _counts(errors: Errors, status: Object) -> None:
    checks.nonnegative(
        errors, status, "status", "active", "succeeded", "failed", "ready", "terminating"
    )
    uncounted = status.get("uncountedTerminatedPods") or {}
    for kind in ("succeeded", "failed"):
        seen: dict[str, None] = {}
        for i, uid in enumerate(uncounted.get(kind) or ()):
            where = f"status.uncountedTerminatedPods.{kind}[{i}]"
            if not uid:
                errors.append(field.invalid(where, uid, "must not be empty"))
            elif uid in seen:
                errors.append(field.duplicate(where, uid))
            seen[uid] = None


def _true(status: Object) -> dict[str, None]:
    """The types of the conditions that are true."""
    found = status.get("conditions") or ()
    return {c.get("type", ""): None for c in found if c.get("status") == "True"}


class _Change:
    """The working memory of one check."""

    def __init__(self, errors: Errors, obj: Object, old: Object):
        self.errors = errors
        self.spec: Object = obj.get("spec") or {}
        self.status: Object = obj.get("status") or {}
        self.before: Object = old.get("status") or {}
        self.now, self.then = _true(self.status), _true(self.before)
        self.is_finished = "Complete" in self.now or "Failed" in self.now
        was_finished = "Complete" in self.then or "Failed" in self.then
        self.ends = self.is_finished != was_finished

    def _changed(self, *keys: str) -> bool:
        return any(
            not checks.equal(self.status.get(key) or None, self.before.get(key) or None)
            for key in keys
        )

    def _turned(self, *kinds: str) -> bool:
        """Whether one of these conditions is true now and was not, or the other way round."""
        return any((kind in self.now) != (kind in self.then) for kind in kinds)

    def _refuse(self, why: str) -> None:
        """Something about the conditions, which are not shown."""
        message = f"Invalid value: {why}"
        self.errors.append(field.FieldError("status.conditions", "FieldValueInvalid", message))

    def _invalid(self, key: str, value: Any, why: str) -> None:
        self.errors.append(field.invalid(f"status.{key}", value, why))

    def conditions(self) -> None:
        if "Complete" not in self.now:
            return
        if "Failed" in self.now and self._turned("Complete", "Failed"):
            self._refuse("cannot set Complete=True and Failed=true conditions")
        if "FailureTarget" in self.now and self._turned("Complete", "FailureTarget"):
            self._refuse("cannot set Complete=True and FailureTarget=true conditions")

    def times(self) -> None:
        start, end = self.status.get("startTime"), self.status.get("completionTime")
        if self._turned("Complete") or self._changed("completionTime"):
            if end and "Complete" not in self.now:
                why = "cannot set completionTime when there is no Complete=True condition"
                self._invalid("completionTime", end, why)
            if not end and "Complete" in self.now:
                why = "completionTime is required for Complete jobs"
                self.errors.append(field.required("status.completionTime", why))
        if start and end and end < start and self._changed("startTime", "completionTime"):
            self._invalid("completionTime", end, "completionTime cannot be set before startTime")

    def finished(self) -> None:
        turned = self._turned("Failed") or self._changed("failedIndexes")
        if turned and "Failed" in self.now and "FailureTarget" not in self.now:
            self._refuse(
                "cannot set Failed=True condition without the FailureTarget=true condition"
            )
        if (
            self._turned("Complete", "SuccessCriteriaMet")
            and "Complete" in self.now
            and "SuccessCriteriaMet" not in self.now
        ):
            self._refuse(
                "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
            )
        if not self.is_finished:
            return
        active = self.status.get("active") or 0
        if active > 0 and (self.ends or self._changed("active")):
            self._invalid("active", active, "active>0 is invalid for finished job")
        if not self.status.get("startTime") and (self.ends or self._changed("startTime")):
            why = "startTime is required for finished job"
            self.errors.append(field.required("status.startTime", why))
        uncounted = self.status.get("uncountedTerminatedPods") or {}
        if any(uncounted.values()) and (self.ends or self._changed("uncountedTerminatedPods")):
            fields = (("succeeded", "Succeeded", None), ("failed", "Failed", None))
            shown = govalues.struct(uncounted, *fields)
            why = "uncountedTerminatedPods needs to be empty for finished job"
            self._invalid("uncountedTerminatedPods", shown, why)

    def indexes(self) -> None:
        spec, completions = self.spec, self.spec.get("completions")
        done, failed = self.status.get("completedIndexes") or "", self.status.get("failedIndexes")
        done_changed, failed_changed = self._changed("completedIndexes"), self._failed_changed()
        if done_changed and completions is not None:
            self._parse("completedIndexes", done, completions)
        per_index = spec.get("backoffLimitPerIndex") is not None
        if failed_changed and completions is not None and per_index and failed is not None:
            self._parse("failedIndexes", failed, completions)
        if done_changed and done and spec.get("completionMode") != "Indexed":
            why = "cannot set non-empty completedIndexes when non-indexed completion mode"
            self._invalid("completedIndexes", done, why)
        if failed_changed and not per_index and failed is not None:
            why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
            self._invalid("failedIndexes", failed, why)
        if (done_changed or failed_changed) and completions is not None and failed:
            shared = failurepolicy.first_common_index(done, failed, completions)
            if shared is not None:
                why = f"failedIndexes and completedIndexes overlap at index: {shared}"
                self._invalid("failedIndexes", failed, why)

    def _failed_changed(self) -> bool:
        return self.status.get("failedIndexes") != self.before.get("failedIndexes")

    def _parse(self, key: str, text: str, completions: int) -> None:
        _, problem = failurepolicy.count_indexes(text, completions)
        if problem:
            self._invalid(key, text, f"error parsing {key}: {problem}")

    def ready(self) -> None:
        terminating = self.status.get("terminating") or 0
        if terminating > 0 and self.is_finished and (self.ends or self._changed("terminating")):
            self._invalid("terminating", terminating, "terminating>0 is invalid for finished job")
        ready = self.status.get("ready") or 0
        if ready > (self.status.get("active") or 0) and self._changed("ready", "active"):
            self._invalid("ready", ready, "cannot set more ready pods than active")

    def success(self) -> None:
        if "SuccessCriteriaMet" in self.now:
            if "Failed" in self.now:
                self._refuse("cannot set SuccessCriteriaMet=True and Failed=true conditions")
            if "FailureTarget" in self.now:
                self._refuse("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions")
        elif "Complete" in self.now and self.spec.get("successPolicy") is not None:
            self._refuse(
                "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
            )

    def against_before(self) -> None:
        status, before, spec = self.status, self.before, self.spec
        for kind in _TERMINAL:
            if kind in self.then and kind not in self.now:
                self._refuse(f"cannot disable the terminal {kind}=True condition")
        elastic = (
            spec.get("completionMode") == "Indexed"
            and spec.get("completions") == spec.get("parallelism")  # may have been scaled down
        )
        for key in ("failed",) if elastic else ("failed", "succeeded"):
            count = status.get(key) or 0
            if count < (before.get(key) or 0):
                self._invalid(key, count, f"cannot decrease the {key} counter")
        end = status.get("completionTime")
        if end and before.get("completionTime") and self._changed("completionTime"):
            self._invalid("completionTime", end, "completionTime cannot be mutated")
        start = status.get("startTime")
        if before.get("startTime") and self._changed("startTime") and not spec.get("suspend"):
            why = "field is immutable for unsuspended job once set"
            self._invalid("startTime", start, why)
        if "SuccessCriteriaMet" in self.then and "SuccessCriteriaMet" not in self.now:
            self._refuse("cannot disable the SuccessCriteriaMet=True condition")
        is_late = "Complete" in self.then and "SuccessCriteriaMet" not in self.then
        if is_late and "SuccessCriteriaMet" in self.now:
            self._refuse(
                "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
            )
