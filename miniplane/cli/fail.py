"""`miniplane fail` and `heal`: what pods and nodes of a running server suffer from.

Nothing but annotations is written, as anybody could: `sim.miniplane.dev/fail` of pods,
`sim.miniplane.dev/stopped` and `.../memory-pressure` of nodes. The simulated kubelets do the rest.
"""

import argparse
from typing import Any
from urllib.parse import quote, urlencode

from miniplane.api import durations
from miniplane.cli import client
from miniplane.cli.failure import FAILED, Failure
from miniplane.clock import RealClock, format_time
from miniplane.controllers.kubelet import faults


class _Server:
    """The running server, asked as the administrator."""

    def __init__(self, args: argparse.Namespace):
        self._url = client.find_server(args)
        self._access = client.find_access(self._url, args.env)

    def get(self, path: str) -> Any:
        return client.request(self._url, "GET", path, access=self._access)

    def annotate(self, path: str, annotations: dict[str, str | None]) -> None:
        body = {"metadata": {"annotations": annotations}}
        path = f"{path}?fieldManager=miniplane"
        client.request(self._url, "PATCH", path, body, access=self._access)


def _pods(server: _Server, args: argparse.Namespace) -> list[tuple[str, Any]]:
    """The pods that are meant, each with its path."""
    namespace = args.namespace or "default"
    folder = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"
    if (args.name is None) == (args.selector is None):
        raise Failure("the name of a pod or --selector is wanted")
    if args.selector is None:
        path = f"{folder}/{quote(args.name, safe='')}"
        return [(path, server.get(path))]
    found = server.get(f"{folder}?{urlencode({'labelSelector': args.selector})}")["items"]
    if not found:
        raise Failure(f"no pods with {args.selector} in namespace {namespace}", FAILED)
    return [(f"{folder}/{quote(pod['metadata']['name'], safe='')}", pod) for pod in found]


def fail_pod(args: argparse.Namespace) -> int:
    fault = args.fault or f"exit={args.exit_code}"
    if faults.parse(fault) is None:
        raise Failure(f"--exit: a number from 0 to 255 is wanted, not {args.exit_code!r}")
    key = f"{faults.FAIL}.{args.container}" if args.container else faults.FAIL
    server = _Server(args)
    for path, pod in _pods(server, args):
        asked = faults.of_pod({**pod, "metadata": {"annotations": {key: fault}}})
        if asked.complaint:
            text = asked.complaint.partition(": ")[2]
            raise Failure(f"pod/{pod['metadata']['name']}: {text}", FAILED)
        server.annotate(path, {key: fault})
        print(f"pod/{pod['metadata']['name']} fails: {fault}")
    return 0


def heal_pod(args: argparse.Namespace) -> int:
    server = _Server(args)
    for path, pod in _pods(server, args):
        there = pod["metadata"].get("annotations") or {}
        if args.container:
            gone = [key for key in there if key == f"{faults.FAIL}.{args.container}"]
        else:
            gone = [k for k in there if k == faults.FAIL or k.startswith(f"{faults.FAIL}.")]
        name = pod["metadata"]["name"]
        if not gone:
            print(f"pod/{name} has nothing to be healed of")
            continue
        server.annotate(path, dict.fromkeys(gone))
        print(f"pod/{name} healed")
    return 0


def fail_node(args: argparse.Namespace) -> int:
    until = "true"
    if args.how_long is not None:
        seconds = durations.parse(args.how_long)
        if seconds is None or seconds <= 0:
            raise Failure(f"--for: a duration such as 5m is wanted, not {args.how_long!r}")
        until = format_time(RealClock().time() + seconds)
    key = f"{faults.PREFIX}{args.fault}" if args.fault else faults.STOPPED
    _Server(args).annotate(_node(args), {key: until})
    what = f"has {args.fault}" if args.fault else "stopped"
    print(f"node/{args.name} {what}" + ("" if until == "true" else f" until {until}"))
    return 0


def heal_node(args: argparse.Namespace) -> int:
    _Server(args).annotate(_node(args), dict.fromkeys((faults.STOPPED, *faults.PRESSURES)))
    print(f"node/{args.name} healed")
    return 0


def _node(args: argparse.Namespace) -> str:
    return f"/api/v1/nodes/{quote(args.name, safe='')}"
