"""A client for the commands that talk to a running server: the standard library's, no more."""

import argparse
import http.client
import json
import os
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from miniplane.cli import kubeconfig
from miniplane.cli.failure import FAILED, Failure
from miniplane.cli.kubeconfig import Access

DEFAULT = "http://127.0.0.1:8001"
TIMEOUT = 10.0
"""How long a server may take to answer, in seconds."""

_SERVER_LINE = re.compile(r"^\s*server: (\S+)$", re.MULTILINE)


def find_server(args: argparse.Namespace) -> str:
    """The URL of the running server: --server, MINIPLANE_SERVER, our kubeconfig in $KUBECONFIG, the
    one that a running `serve` has written, or the default port. Failure if there are several."""
    if args.server:
        return _checked(args.server, args.sources["server"])
    env: Mapping[str, str] = args.env
    if env.get("KUBECONFIG"):
        url = _server_in(kubeconfig.users_file(env))
        if url:
            return url
    places = sorted(kubeconfig.state_folder(env).glob("kubeconfig-*.yaml"))
    running = [url for url in map(_server_in, places) if url and listens(url)]
    if len(running) > 1:
        raise Failure(f"several servers are running ({', '.join(running)}): choose with --server")
    return running[0] if running else DEFAULT


def find_access(url: str, env: Mapping[str, str]) -> Access | None:
    """What makes us the administrator of a server, None for plain HTTP, which asks for nothing.

    It stands in our kubeconfig, wherever that lies. Failure where there is none for this server.
    """
    if not url.startswith("https://"):
        return None
    named = [Path(path) for path in env.get("KUBECONFIG", "").split(os.pathsep) if path]
    own = sorted(kubeconfig.state_folder(env).glob("kubeconfig-*.yaml"))
    for path in (*named, *own, kubeconfig.users_file({**env, "KUBECONFIG": ""})):
        access = kubeconfig.read_access(path, url)
        if access is not None:
            return access
    raise Failure(f"no credentials for {url}: name its kubeconfig in KUBECONFIG")


def _checked(url: str, source: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        raise Failure(f"{source}: a URL such as {DEFAULT} is wanted, not {url!r}")
    return url.rstrip("/")


def _server_in(path: Path) -> str:
    """The server in a kubeconfig of ours, "" if it is not one."""
    try:
        if not kubeconfig.is_own(path):
            return ""
        found = _SERVER_LINE.search(path.read_text())
    except OSError:
        return ""
    return found.group(1) if found else ""


def listens(url: str) -> bool:
    """Whether somebody takes connections at the URL."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = (parts.hostname or "", port)
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


def request(
    server: str, method: str, path: str, body: Any = None, *, access: Access | None = None
) -> Any:
    """One request; the decoded answer. Failure with the server's message, or that it is silent.

    A body of bytes is sent as text, any other as JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Accept": "application/json", "User-Agent": "miniplane"}
    if data is not None:
        if isinstance(body, bytes):
            headers["Content-Type"] = "text/plain"
        elif method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        else:
            headers["Content-Type"] = "application/json"
    # Proxies of the environment are for the outside world.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if access is not None:
        from miniplane.pki import tls

        try:
            context = tls.client(access.authorities, access.certificate, access.key)
        except ValueError as error:
            raise Failure(f"the kubeconfig for {server} is damaged: {error}") from None
        handlers.append(urllib.request.HTTPSHandler(context=context))
    opener = urllib.request.build_opener(*handlers)
    asked = urllib.request.Request(server + path, data=data, headers=headers, method=method)
    try:
        with opener.open(asked, timeout=TIMEOUT) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Failure(_message(error), FAILED) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        why = getattr(reason, "strerror", None) or str(reason)
        raise Failure(f"no answer from {server}: {why.lower()}", FAILED) from None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        message = json.load(error)["message"]
    except (ValueError, KeyError, TypeError, OSError):
        return f"the server answered {error.code} {error.reason}"
    return str(message).replace("\n", " ")
