"""Defaults of dynamic resource allocation (`pkg/apis/resource/v1/defaults.go`)."""

from miniplane.api.objects import Obj


def claim(obj: Obj) -> None:
    _claim_spec(obj.setdefault("spec", {}))
    results = ((obj.get("status") or {}).get("allocation") or {}).get("devices") or {}
    for result in results.get("results") or ():
        _tolerations(result)


def claim_template(obj: Obj) -> None:
    _claim_spec(obj.setdefault("spec", {}).setdefault("spec", {}))


def _claim_spec(spec: Obj) -> None:
    for request in (spec.get("devices") or {}).get("requests") or ():
        if (exactly := request.get("exactly")) is not None:
            _request(exactly)
        for alternative in request.get("firstAvailable") or ():
            _request(alternative)


def _request(request: Obj) -> None:
    if not request.get("allocationMode"):
        request["allocationMode"] = "ExactCount"
    if request["allocationMode"] == "ExactCount" and not request.get("count"):
        request["count"] = 1
    _tolerations(request)


def _tolerations(obj: Obj) -> None:
    for toleration in obj.get("tolerations") or ():
        if not toleration.get("operator"):
            toleration["operator"] = "Equal"
