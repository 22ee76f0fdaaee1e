"""`miniplane node add` and `remove`: simulated nodes of a running server.

A simulated node is a Node with the annotation `miniplane.dev/simulated: "true"`; the simulated
kubelet fills in the rest. Nodes made in any other way are left alone: nothing runs on them.
"""

import argparse
from urllib.parse import quote

from miniplane.cli import client
from miniplane.cli.failure import Failure

SIMULATED = "miniplane.dev/simulated"
_NODES = "/api/v1/nodes"


def add(args: argparse.Namespace) -> int:
    labels = {}
    for label in args.label:
        key, equals, value = label.partition("=")
        if not key or not equals:
            raise Failure(f"--label: KEY=VALUE is wanted, not {label!r}")
        labels[key] = value
    metadata = {"name": args.name, "annotations": {SIMULATED: "true"}}
    if labels:
        metadata["labels"] = labels
    node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
    server = client.find_server(args)
    access = client.find_access(server, args.env)
    client.request(server, "POST", f"{_NODES}?fieldManager=miniplane", node, access=access)
    print(f"node/{args.name} added")
    return 0


def remove(args: argparse.Namespace) -> int:
    server = client.find_server(args)
    access = client.find_access(server, args.env)
    client.request(server, "DELETE", f"{_NODES}/{quote(args.name, safe='')}", access=access)
    print(f"node/{args.name} removed")
    return 0
