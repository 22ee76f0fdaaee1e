"""What the Available condition of an APIService says (pure).

Follows kube-aggregator's `pkg/controllers/status`. Only the last check is left out: services carry
no traffic here, so that a server with a ready endpoint is believed to answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from miniplane.api.objects import Obj

_LOCAL = ("True", "Local", "Local APIServices are always available")
_PASSED = ("True", "Passed", "all checks passed")

Words = tuple[str, str, str]
"""Status, reason and message of a condition."""


def available(api_service: Obj, service: Obj | None, slices: Sequence[Obj]) -> Words:
    """`service` is the one that the APIService names, `slices` are its EndpointSlices."""
    named: Mapping[str, Any] | None = api_service["spec"].get("service")
    if not named:
        return _LOCAL
    where = f'service/{named.get("name", "")} in "{named.get("namespace", "")}"'
    if service is None:
        return "False", "ServiceNotFound", f"{where} is not present"
    if service["spec"].get("type") == "ClusterIP":
        number = named.get("port", 443)
        ports = service["spec"].get("ports") or ()
        port = next((p for p in ports if p.get("port") == number), None)
        if port is None:
            return "False", "ServicePortError", f"{where} is not listening on port {number}"
        if not slices:
            return "False", "EndpointsNotFound", f"cannot find endpointslices for {where}"
        name = port.get("name", "")
        if not any(_answers(piece, name) for piece in slices):
            text = f'endpointslices for {where} have no addresses with port name "{name}"'
            return "False", "MissingEndpoints", text
    return _PASSED


def _answers(piece: Obj, port: str) -> bool:
    ready = any(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for endpoint in piece.get("endpoints") or ()
    )
    return ready and any(
        (p.get("name") or "") == port and p.get("port") is not None
        for p in piece.get("ports") or ()
    )


def told(api_service: Obj, words: Words, now: str) -> list[Obj] | None:
    """The conditions with what there is to say; None where they say it already."""
    before: list[Obj] = (api_service.get("status") or {}).get("conditions") or []
    status, reason, message = words
    found = {"type": "Available", "status": status, "lastTransitionTime": now}
    found |= {"reason": reason, "message": message}
    after = []
    for condition in before:
        if condition["type"] == "Available":
            if condition["status"] == status:
                found["lastTransitionTime"] = condition["lastTransitionTime"]
            continue
        after.append(condition)
    after.append(found)
    return None if after == before else after
