"""`miniplane log`: lines for the log of a simulated container, from the command line or from stdin.

They go to `/miniplane/v1/namespaces/NAMESPACE/pods/POD/log` of the running server.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from urllib.parse import quote, urlencode

from miniplane.cli import client
from miniplane.cli.failure import Failure

CHUNK = 256 * 1024
"""How many bytes of stdin are sent at once, at most, unless a single line is longer."""


def run(args: argparse.Namespace) -> int:
    name = args.pod.removeprefix("pod/")
    if not name or "/" in name:
        raise Failure(f"the name of a pod is wanted, not {args.pod!r}")
    query = {"container": args.container, "stream": "stderr" if args.stderr else None}
    asked = urlencode({key: value for key, value in query.items() if value})
    namespace = quote(args.namespace or "default", safe="")
    path = f"/miniplane/v1/namespaces/{namespace}/pods/{quote(name, safe='')}/log"
    path += f"?{asked}" if asked else ""
    server = client.find_server(args)
    access = client.find_access(server, args.env)
    for text in [" ".join(args.text).encode() + b"\n"] if args.text else _stdin():
        client.request(server, "POST", path, text, access=access)
    return 0


def _stdin() -> Iterator[bytes]:
    """What comes in, in whole lines, as soon as it is there."""
    rest = b""
    while piece := os.read(sys.stdin.fileno(), CHUNK):
        lines, feed, rest = (rest + piece).rpartition(b"\n")
        if feed:
            yield lines + feed
    if rest:
        yield rest
