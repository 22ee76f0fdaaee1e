"""Discovery: which groups, versions and resources there are.

Two forms of the same rows: the plain one (`APIVersions`, `APIGroupList`, `APIGroup`,
`APIResourceList`; https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api) and
the aggregated one (`APIGroupDiscoveryList`). Each function takes the rows to show, in order: the
built-in ones unless custom resources join them.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence

from miniplane.api.objects import Obj
from miniplane.api.resources import RESOURCES, Resource, Subresource

_STORED_AS = {
    ("autoscaling", "HorizontalPodAutoscaler"): "autoscaling/v2",
    ("events.k8s.io", "Event"): "/v1",
}
"""Kinds that are stored in another group version than their own."""


def api_versions(server_address: str = "127.0.0.1:8001") -> Obj:
    """`GET /api`: the versions of the legacy group."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}
        ],
    }


def api_group_list(rows: Sequence[Resource] = RESOURCES) -> Obj:
    """`GET /apis`: all groups but the legacy one."""
    groups = [_group(name, versions) for name, versions in _groups(rows).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(group: str, rows: Sequence[Resource] = RESOURCES) -> Obj | None:
    """`GET /apis/{group}`, None where there is no such group."""
    versions = _groups(rows).get(group)
    if versions is None:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)}


def api_resource_list(group: str, version: str, rows: Sequence[Resource] = RESOURCES) -> Obj | None:
    """`GET /api/v1` or `GET /apis/{group}/{version}`, None where there is no such version."""
    chosen = [row for row in rows if row.group == group and row.version == version]
    if not chosen:
        return None
    out: Obj = {"kind": "APIResourceList"}
    if group:
        out["apiVersion"] = "v1"
    out["groupVersion"] = chosen[0].api_version
    out["resources"] = [entry for row in chosen for entry in _api_resources(row)]
    return out


def aggregated(*, core: bool, rows: Sequence[Resource] = RESOURCES) -> Obj:
    """`APIGroupDiscoveryList` of apidiscovery.k8s.io/v2, for `/api` (`core`) or for `/apis`."""
    items = []
    for group, versions in _groups(rows).items():
        if (group == "") != core:
            continue
        metadata = {"name": group} if group else {}
        found = [_aggregated_version(version, chosen) for version, chosen in versions.items()]
        items.append({"metadata": metadata, "versions": found})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def storage_version_hash(row: Resource) -> str:
    """What changes when a kind is stored in another version: clients only compare it."""
    version = row.version if row.custom is None else row.custom.storage_version
    home = _STORED_AS.get((row.group, row.kind), f"{row.group}/{version}")
    digest = hashlib.sha256(f"{home}/{row.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _groups(rows: Iterable[Resource]) -> dict[str, dict[str, list[Resource]]]:
    """Rows by group and version; in each group the preferred version comes first."""
    found: dict[str, dict[str, list[Resource]]] = {}
    for row in rows:
        found.setdefault(row.group, {}).setdefault(row.version, []).append(row)
    for versions in found.values():
        preferred = next((v for v, rows_ in versions.items() if rows_[0].preferred), None)
        if preferred is not None and next(iter(versions)) != preferred:
            rest = {v: rows_ for v, rows_ in versions.items() if v != preferred}
            first = versions[preferred]
            versions.clear()
            versions.update({preferred: first, **rest})
    return found


def _group(group: str, versions: dict[str, list[Resource]]) -> Obj:
    entries = [{"groupVersion": f"{group}/{v}", "version": v} for v in versions]
    return {"name": group, "versions": entries, "preferredVersion": entries[0]}


def _api_resources(row: Resource) -> Iterable[Obj]:
    entry: Obj = {
        "name": row.plural,
        "singularName": row.singular,
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": _verbs(row),
    }
    if row.short_names:
        entry["shortNames"] = list(row.short_names)
    if row.categories:
        entry["categories"] = list(row.categories)
    if row.stored:
        entry["storageVersionHash"] = storage_version_hash(row)
    yield entry
    for sub in row.subresources:
        below: Obj = {
            "name": f"{row.plural}/{sub.name}",
            "singularName": "",
            "namespaced": row.namespaced,
        }
        if sub.version:
            below["group"], below["version"] = sub.group, sub.version
        below["kind"] = sub.kind or row.kind
        below["verbs"] = list(sub.verbs)
        yield below


def _verbs(row: Resource) -> list[str]:
    return list(row.verbs if row.custom is None else row.custom.verbs)


def _aggregated_version(version: str, rows: Iterable[Resource]) -> Obj:
    resources = []
    for row in rows:
        entry: Obj = {
            "resource": row.plural,
            "responseKind": _response_kind(row, None),
            "scope": "Namespaced" if row.namespaced else "Cluster",
            "singularResource": row.singular,
            "verbs": _verbs(row),
        }
        if row.short_names:
            entry["shortNames"] = list(row.short_names)
        if row.categories:
            entry["categories"] = list(row.categories)
        if row.subresources:
            entry["subresources"] = [
                {
                    "subresource": sub.name,
                    "responseKind": _response_kind(row, sub),
                    "verbs": list(sub.verbs),
                }
                for sub in row.subresources
            ]
        resources.append(entry)
    return {"version": version, "resources": resources, "freshness": "Current"}


def _response_kind(row: Resource, sub: Subresource | None) -> Obj:
    """Group and version are empty where they are those of the parent."""
    if row.custom is not None and (sub is None or not sub.kind):
        return {"group": row.group, "version": row.version, "kind": row.kind}
    if sub is None:
        return {"group": "", "version": "", "kind": row.kind}
    return {"group": sub.group, "version": sub.version, "kind": sub.kind or row.kind}
