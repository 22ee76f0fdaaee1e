"""The bootstrap priority levels and flow schemas of API priority and fairness.

Follows `k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap`. They describe traffic only: nothing is
queued or shed.
"""

from collections.abc import Iterator
from typing import Any

from miniplane.api.objects import Obj

_VERSION = "flowcontrol.apiserver.k8s.io/v1"
_ANNOTATIONS = {"apf.kubernetes.io/autoupdate-spec": "true"}

# Name: shares, lendable percent, and queues and hand size where requests wait.
_LEVELS: dict[str, tuple[int, int, tuple[int, int] | None]] = {
    "catch-all": (5, 0, None),
    "global-default": (20, 50, (128, 6)),
    "leader-election": (10, 0, (16, 4)),
    "node-high": (40, 25, (64, 6)),
    "system": (30, 33, (64, 6)),
    "workload-high": (40, 50, (128, 6)),
    "workload-low": (100, 90, (128, 6)),
}
_QUEUE_LENGTH = 50


def _object(kind: str, name: str, spec: Obj) -> Obj:
    metadata = {"name": name, "annotations": dict(_ANNOTATIONS)}
    return {"apiVersion": _VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def priority_levels() -> Iterator[Obj]:
    exempt = {"lendablePercent": 0, "nominalConcurrencyShares": 0}
    yield _object("PriorityLevelConfiguration", "exempt", {"exempt": exempt, "type": "Exempt"})
    for name, (shares, lendable, queuing) in _LEVELS.items():
        response: Obj = {"type": "Reject"}
        if queuing is not None:
            queues, hand = queuing
            response = {
                "queuing": {"handSize": hand, "queueLengthLimit": _QUEUE_LENGTH, "queues": queues},
                "type": "Queue",
            }
        limited = {
            "lendablePercent": lendable,
            "limitResponse": response,
            "nominalConcurrencyShares": shares,
        }
        spec = {"limited": limited, "type": "Limited"}
        yield _object("PriorityLevelConfiguration", name, spec)


def _resources(group: str, *resources: str, verbs: tuple[str, ...], cluster: bool = False) -> Obj:
    rule: Obj = {"apiGroups": [group], "namespaces": ["*"], "resources": list(resources)}
    if cluster:
        rule["clusterScope"] = True
    rule["verbs"] = list(verbs)
    return rule


def _urls(*urls: str, verbs: tuple[str, ...] = ("*",)) -> Obj:
    return {"nonResourceURLs": list(urls), "verbs": list(verbs)}


_ANYTHING: Obj = {
    "nonResourceRules": [_urls("*")],
    "resourceRules": [_resources("*", "*", verbs=("*",), cluster=True)],
}
_LEASES = {
    "resourceRules": [
        _resources("coordination.k8s.io", "leases", verbs=("get", "create", "update"))
    ]
}
_NODE_STATUS = {
    "resourceRules": [
        _resources("", "nodes", "nodes/status", verbs=("*",), cluster=True),
        _resources("coordination.k8s.io", "leases", verbs=("*",)),
    ]
}
_PROBES = {"nonResourceRules": [_urls("/healthz", "/readyz", "/livez", verbs=("get",))]}


def _group(name: str) -> Obj:
    return {"group": {"name": name}, "kind": "Group"}


def _user(name: str) -> Obj:
    return {"kind": "User", "user": {"name": name}}


_SYSTEM_ACCOUNTS: Obj = {
    "kind": "ServiceAccount",
    "serviceAccount": {"name": "*", "namespace": "kube-system"},
}
_EVERYBODY = (_group("system:unauthenticated"), _group("system:authenticated"))
_MANAGER, _SCHEDULER = _user("system:kube-controller-manager"), _user("system:kube-scheduler")

# Name, precedence, priority level, how flows are told apart, what is matched, and whose requests.
_SCHEMAS: tuple[tuple[str, int, str, str, Obj, tuple[Obj, ...]], ...] = (
    ("exempt", 1, "exempt", "", _ANYTHING, (_group("system:masters"),)),
    ("probes", 2, "exempt", "", _PROBES, _EVERYBODY),
    (
        "system-leader-election",
        100,
        "leader-election",
        "ByUser",
        _LEASES,
        (_MANAGER, _SCHEDULER, _SYSTEM_ACCOUNTS),
    ),
    ("system-node-high", 400, "node-high", "ByUser", _NODE_STATUS, (_group("system:nodes"),)),
    ("system-nodes", 500, "system", "ByUser", _ANYTHING, (_group("system:nodes"),)),
    ("kube-controller-manager", 800, "workload-high", "ByNamespace", _ANYTHING, (_MANAGER,)),
    ("kube-scheduler", 800, "workload-high", "ByNamespace", _ANYTHING, (_SCHEDULER,)),
    (
        "kube-system-service-accounts",
        900,
        "workload-high",
        "ByNamespace",
        _ANYTHING,
        (_SYSTEM_ACCOUNTS,),
    ),
    (
        "service-accounts",
        9000,
        "workload-low",
        "ByUser",
        _ANYTHING,
        (_group("system:serviceaccounts"),),
    ),
    ("global-default", 9900, "global-default", "ByUser", _ANYTHING, _EVERYBODY),
    ("catch-all", 10000, "catch-all", "ByUser", _ANYTHING, _EVERYBODY),
)


def flow_schemas(now: str | None) -> Iterator[Obj]:
    """The flow schemas; `now` is when their levels were found to exist."""
    for name, precedence, level, method, matched, subjects in _SCHEMAS:
        spec: dict[str, Any] = {
            "matchingPrecedence": precedence,
            "priorityLevelConfiguration": {"name": level},
            "rules": [{**matched, "subjects": list(subjects)}],
        }
        if method:
            spec["distinguisherMethod"] = {"type": method}
        obj = _object("FlowSchema", name, spec)
        found = {
            "type": "Dangling",
            "status": "False",
            "lastTransitionTime": now,
            "reason": "Found",
            "message": "This FlowSchema references the PriorityLevelConfiguration object named "
            f'"{level}" and it exists',
        }
        obj["status"] = {"conditions": [found]}
        yield obj
