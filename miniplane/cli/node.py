"""`miniplane node add` and `remove`: simulated nodes of a running server.

A simulated node is a Node with the annotation `miniplane.dev/simulated: "true"`; the simulated
kubelet fills in the rest. Nodes made in any other way are left alone: nothing runs on them.
"""

import argparse
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from miniplane.api import quantity
from miniplane.cli import client
from miniplane.cli.failure import Failure

SIMULATED = "miniplane.dev/simulated"
ZONE = "topology.kubernetes.io/zone"
_NODES = "/api/v1/nodes"


def add(args: argparse.Namespace) -> int:
    labels = _pairs("--label", args.label)
    if args.zone is not None:
        labels[ZONE] = args.zone
    metadata: dict[str, Any] = {"name": args.name, "annotations": {SIMULATED: "true"}}
    if labels:
        metadata["labels"] = labels
    node: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
    if taints := [_taint(text) for text in args.taint]:
        node["spec"] = {"taints": taints}
    if capacity := _capacity(args):
        node["status"] = {"capacity": capacity}
    server = client.find_server(args)
    access = client.find_access(server, args.env)
    client.request(server, "POST", f"{_NODES}?fieldManager=miniplane", node, access=access)
    print(f"node/{args.name} added")
    return 0


def _pairs(flag: str, texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise Failure(f"{flag}: KEY=VALUE is wanted, not {text!r}")
        pairs[key] = value
    return pairs


def _capacity(args: argparse.Namespace) -> dict[str, str]:
    """What the flags say of its size, by resource."""
    found = {key: getattr(args, key) for key in ("cpu", "memory", "pods")}
    capacity = {key: value for key, value in found.items() if value is not None}
    extended = _pairs("--extended", args.extended)
    for key, value in (*capacity.items(), *extended.items()):
        flag = "--extended" if key in extended else f"--{key}"
        try:
            bad = quantity.parse(value).sign < 0
        except ValueError:
            bad = True
        if bad:
            raise Failure(f"{flag}: a quantity such as 4 or 8Gi is wanted, not {value!r}")
    return {**capacity, **extended}


def _taint(text: str) -> dict[str, str]:
    rest, colon, effect = text.rpartition(":")
    key, equals, value = rest.partition("=")
    if not colon or not key or not effect:
        raise Failure(f"--taint: KEY=VALUE:EFFECT is wanted, not {text!r}")
    return {"key": key, "effect": effect, **({"value": value} if equals else {})}


def remove(args: argparse.Namespace) -> int:
    server = client.find_server(args)
    access = client.find_access(server, args.env)
    client.request(server, "DELETE", f"{_NODES}/{quote(args.name, safe='')}", access=access)
    print(f"node/{args.name} removed")
    return 0
