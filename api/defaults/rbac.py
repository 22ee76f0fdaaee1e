"""Defaults of role bindings (`pkg/apis/rbac/v1/defaults.go`)."""

from miniplane.api.objects import Obj

_GROUP = "rbac.authorization.k8s.io"


def binding(obj: Obj) -> None:
    ref = obj.get("roleRef")
    if ref is None:
        ref = obj["roleRef"] = {"kind": "", "name": ""}
    if not ref.get("apiGroup"):
        ref["apiGroup"] = _GROUP
    for subject in obj.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = _GROUP
