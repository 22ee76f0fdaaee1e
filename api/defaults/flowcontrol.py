"""Defaults of priority and fairness (`pkg/apis/flowcontrol/v1/defaults.go`)."""

from miniplane.api.objects import Obj


def flow_schema(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000


def priority_level(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    for name, shares in (("limited", 30), ("exempt", 0)):
        level = spec.get(name)
        if level is None:
            continue
        if level.get("nominalConcurrencyShares") is None:
            level["nominalConcurrencyShares"] = shares
        if level.get("lendablePercent") is None:
            level["lendablePercent"] = 0
    queuing = ((spec.get("limited") or {}).get("limitResponse") or {}).get("queuing")
    if queuing is not None:
        for name, value in (("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)):
            if not queuing.get(name):
                queuing[name] = value
