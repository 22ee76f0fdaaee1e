"""Defaults of what extends the API: CustomResourceDefinitions and APIServices.

Follows `apiextensions/v1/defaults.go` and `apiregistration/v1/defaults.go`.
"""

from miniplane.api.objects import Obj

_HTTPS = 443


def custom_resource_definition(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind")
    if kind:
        if not names.get("singular"):
            names["singular"] = kind.lower()
        if not names.get("listKind"):
            names["listKind"] = f"{kind}List"
    conversion = spec.get("conversion")
    if conversion is None:
        conversion = spec["conversion"] = {"strategy": "None"}
    service = ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service is not None and service.get("port") is None:
        service["port"] = _HTTPS
    status = obj.setdefault("status", {})
    if not status.get("storedVersions"):
        for version in spec.get("versions") or ():
            if version.get("storage"):
                status["storedVersions"] = [version.get("name") or ""]
                break


def api_service(obj: Obj) -> None:
    service = (obj.get("spec") or {}).get("service")
    if service is not None and service.get("port") is None:
        service["port"] = _HTTPS
