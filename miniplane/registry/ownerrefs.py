"""Doubled owner references: dropped, with a warning (apiserver's handlers/{create,patch}.go)."""

from miniplane.api.objects import Obj

_BEFORE = ".metadata.ownerReferences contains duplicate entries"
_AFTER = f"{_BEFORE} after mutating admission happens"
_ADVICE = (
    "API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; "
    "please fix your requests; duplicate UID(s) observed"
)


def deduplicate(obj: Obj, warnings: list[str], *, patched: bool = False) -> None:
    """Keep one of each owner reference. A patch is looked at only once it has been through
    admission, and its warning says so."""
    refs = obj["metadata"].get("ownerReferences")
    if not refs or len(refs) < 2:
        return
    kept: list[Obj] = []
    doubled: dict[str, None] = {}
    for ref in refs:
        if ref in kept:
            doubled.setdefault(ref.get("uid", ""))
        else:
            kept.append(ref)
    if doubled:
        obj["metadata"]["ownerReferences"] = kept
        what = _AFTER if patched else _BEFORE
        warnings.append(f"{what}; {_ADVICE}: {', '.join(doubled)}")
