"""Resources of a pod as a whole, against those of its containers.

Follows `validatePodResources` of `pkg/apis/core/validation/validation.go`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.defaults.pods import requests_of_containers
from miniplane.api.validation import checks, compute
from miniplane.api.validation.checks import Errors


def resources(errors: Errors, path: str, spec: Mapping[str, Any], value: Mapping[str, Any]) -> None:
    if value.get("claims"):
        text = "claims cannot be set for Resources at pod-level"
        errors.append(field.forbidden(f"{path}.claims", text))
    compute.requirements(errors, path, value, check_name=compute.pod_resource_name)
    requests, limits = value.get("requests") or {}, value.get("limits") or {}
    for name, total in requests_of_containers(spec).items():
        own = requests.get(name, "0")
        if checks.parsed(total).compare(checks.parsed(own)) > 0:
            text = f"must be greater than or equal to aggregate container requests of {total}"
            errors.append(field.invalid(f"{path}.requests[{name}]", own, text))
    for i, container in enumerate(spec.get("containers") or ()):
        for name, limit in ((container.get("resources") or {}).get("limits") or {}).items():
            of_pod = limits.get(name)
            if of_pod is None or checks.parsed(limit).compare(checks.parsed(of_pod)) <= 0:
                continue
            text = f"must be less than or equal to pod limits of {checks.quantity_text(of_pod)}"
            where = f"{path}.containers[{i}][{name}].limits"
            errors.append(field.invalid(where, checks.quantity_text(limit), text))
