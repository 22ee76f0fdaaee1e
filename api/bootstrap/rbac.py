"""The bootstrap roles and bindings, read from `rbac.txt` (its head explains the format).

Follows the defaults of `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`. The rules of the
aggregated roles `admin`, `edit` and `view` are put together here, as the aggregation controller
would: those of each contributing role in the order of names, without repetitions.
"""

import pathlib
from collections.abc import Iterator

from miniplane.api.objects import Obj

GROUP = "rbac.authorization.k8s.io"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
_KINDS = {
    "clusterrole": "ClusterRole",
    "role": "Role",
    "clusterrolebinding": "ClusterRoleBinding",
    "rolebinding": "RoleBinding",
}


def objects() -> Iterator[Obj]:
    """Cluster roles, roles and their bindings, in that order."""
    found: list[Obj] = []
    text = pathlib.Path(__file__).with_name("rbac.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        words = line.split()
        if line[0] != " ":
            found.append(_head(words))
        elif "roleRef" in found[-1]:
            found[-1].setdefault("subjects", []).append(_subject(words[0]))
        else:
            found[-1].setdefault("rules", []).append(_rule(words))
    _aggregate(found)
    yield from found


def _head(words: list[str]) -> Obj:
    kind = _KINDS[words[0]]
    namespace, slash, name = words[1].rpartition("/")
    metadata: Obj = {"name": name if slash else words[1]}
    if slash:
        metadata["namespace"] = namespace
    metadata["labels"] = dict(_LABELS)
    metadata["annotations"] = dict(_ANNOTATIONS)
    obj: Obj = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata}
    if kind.endswith("Binding"):
        role = kind.removesuffix("Binding")
        obj["roleRef"] = {"apiGroup": GROUP, "kind": role, "name": words[2]}
        return obj
    for word in words[2:]:
        what, _, target = word.partition("=")
        label = f"{GROUP}/aggregate-to-{target}"
        if what == "to":
            metadata["labels"][label] = "true"
        else:
            obj["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]}
    return obj


def _rule(words: list[str]) -> Obj:
    verbs, *columns = (word.split(",") for word in words)
    if len(columns) == 1:
        return {"nonResourceURLs": columns[0], "verbs": verbs}
    groups, resources, *names = columns
    rule: Obj = {
        "apiGroups": ["" if group == "core" else group for group in groups],
        "resources": resources,
    }
    if names:
        rule["resourceNames"] = names[0]
    rule["verbs"] = verbs
    return rule


def _subject(word: str) -> Obj:
    for prefix, kind in (("user=", "User"), ("group=", "Group")):
        if word.startswith(prefix):
            return {"kind": kind, "apiGroup": GROUP, "name": word.removeprefix(prefix)}
    namespace, _, name = word.partition("/")
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def _aggregate(found: list[Obj]) -> None:
    roles = {obj["metadata"]["name"]: obj for obj in found if obj["kind"] == "ClusterRole"}

    def rules_of(role: Obj) -> list[Obj]:
        rule = role.get("aggregationRule")
        if rule is None or "rules" in role:
            return role.get("rules", [])
        (label,) = rule["clusterRoleSelectors"][0]["matchLabels"]
        collected: list[Obj] = []
        for name in sorted(roles):
            if label in roles[name]["metadata"]["labels"]:
                for each in rules_of(roles[name]):
                    if each not in collected:
                        collected.append({key: list(value) for key, value in each.items()})
        role["rules"] = collected
        return collected

    for role in roles.values():
        rules_of(role)
