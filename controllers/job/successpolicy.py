"""When an indexed Job has succeeded before all its indexes have: `successPolicy`.

Follows `pkg/controller/job/success_policy.go`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.controllers.job import indexes
from miniplane.controllers.job.indexes import Intervals


def match(policy: Mapping[str, Any] | None, completions: int, completed: Intervals) -> str:
    """Which rule is met, in the words of the condition; `""` for none."""
    if not completed:
        return ""
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        count = rule.get("succeededCount")
        if rule.get("succeededIndexes") is not None:
            required = indexes.parse(rule["succeededIndexes"], completions)
            if not required:
                continue
            there = indexes.common(required, completed)
            done = there == indexes.total(required) or (count is not None and there >= count)
        else:
            done = count is not None and indexes.total(completed) >= count
        if done:
            return f"Matched rules at index {number}"
    return ""
