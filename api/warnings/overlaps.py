"""Files of one volume that lie in each other's way (`warningsForOverlappingVirtualPaths`).

>>> items = [{"path": "a"}, {"path": "a/b"}]
>>> list(of_volume({"name": "v", "configMap": {"name": "c", "items": items}}))
['volume "v" (ConfigMap "c"): overlapping paths: "a/b" with "a"']
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Obj = Mapping[str, Any]
_Placed = tuple[str, str]
"""A path, and the source that it comes from, both as they are shown."""

KINDS = ("projected", "configMap", "secret", "downwardAPI")
"""The kinds of volumes whose files are listed."""


def of_volume(volume: Obj) -> Iterator[str]:
    """Warnings for one volume of a pod."""
    if "projected" in volume:
        yield from _projected(volume["name"], volume["projected"].get("sources") or ())
    elif (found := volume.get("configMap") or {}).get("items"):
        yield from _plain(volume["name"], f'ConfigMap "{found.get("name", "")}"', found["items"])
    elif (found := volume.get("secret") or {}).get("items"):
        yield from _plain(volume["name"], f'Secret "{found.get("secretName", "")}"', found["items"])
    elif (found := volume.get("downwardAPI") or {}).get("items"):
        yield from _plain(volume["name"], "DownwardAPI", found["items"])


def _plain(volume: str, what: str, items: Iterable[Obj]) -> Iterator[str]:
    yield from _collisions(f'volume "{volume}" ({what})', [(i.get("path", ""), "") for i in items])


def _projected(volume: str, sources: Iterable[Obj]) -> Iterator[str]:
    placed: list[_Placed] = []
    for source in sources:
        if not source:
            yield f'volume "{volume}" (Projected) has no sources provided'
        _add_paths(source, placed)
    yield from _collisions(f'volume "{volume}" (Projected)', placed)


def _add_paths(source: Obj, placed: list[_Placed]) -> None:
    for kind, called in _LISTS:
        found = source.get(kind)
        if found is not None:
            name = f' "{found.get("name", "")}"' if called != "DownwardAPI" else ""
            for item in found.get("items") or ():
                placed.append((item.get("path", ""), f" ({called}{name})"))
    if "serviceAccountToken" in source:
        placed.append((source["serviceAccountToken"].get("path", ""), " (ServiceAccountToken)"))
    if "clusterTrustBundle" in source:
        bundle = source["clusterTrustBundle"]
        name = bundle.get("name") or bundle.get("signerName", "")
        placed.append((bundle.get("path", ""), f' (ClusterTrustBundle "{name}")'))


_LISTS = (("configMap", "ConfigMap"), ("secret", "Secret"), ("downwardAPI", "DownwardAPI"))


def _collisions(where: str, placed: Sequence[_Placed]) -> Iterator[str]:
    if len({path.partition("/")[0] for path, _ in placed}) == len(placed):
        return  # nothing is below the same directory
    before: list[_Placed] = []
    for path, source in placed:
        path = path.rstrip("/")
        if path:
            for other, other_source in before:
                if other and (f"{other}/".startswith(f"{path}/") or path.startswith(f"{other}/")):
                    yield (
                        f'{where}: overlapping paths: "{path}"{source} with "{other}"{other_source}'
                    )
        before.append((path, source))
