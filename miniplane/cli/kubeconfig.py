"""Kubeconfig files: written for a server of our own, printed, merged into the user's.

`serve` writes only files of its own: one in a place that nothing else uses, removed at exit, or one
where the user says, as long as nothing but a kubeconfig of miniplane is there already. The user's
file is changed by `miniplane kubeconfig --merge` and by nothing else.
"""

import argparse
import base64
import binascii
import contextlib
import dataclasses
import errno
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from miniplane.cli.failure import Failure

NAME = "miniplane"
"""The name of our cluster, user and context."""

_HEAD = "# Written by miniplane.\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """What it takes to be a server's administrator over HTTPS: what to trust, and what to show.
    All of it is PEM."""

    authorities: str
    certificate: str
    key: str = dataclasses.field(repr=False)


def _entries(url: str, access: Access | None) -> tuple[dict[str, str | bool], dict[str, str]]:
    """The cluster and the user of a kubeconfig. Over plain HTTP nothing is asked for."""
    cluster: dict[str, str | bool] = {"server": url}
    user: dict[str, str] = {}
    if access is None:
        # There is no TLS to verify. That this is said makes no difference to kubectl, but the
        # JavaScript client goes to no server in plain HTTP otherwise.
        cluster["insecure-skip-tls-verify"] = True
    else:
        cluster["certificate-authority-data"] = _base64(access.authorities)
        user["client-certificate-data"] = _base64(access.certificate)
        user["client-key-data"] = _base64(access.key)
    return cluster, user


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _lines(entry: Mapping[str, str | bool]) -> str:
    return "".join(
        f"    {key}: {'true' if value is True else value}\n" for key, value in entry.items()
    )


def render(url: str, access: Access | None = None) -> str:
    """A kubeconfig for one server."""
    cluster, user = _entries(url, access)
    return (
        f"{_HEAD}"
        "apiVersion: v1\n"
        "kind: Config\n"
        "clusters:\n"
        f"- name: {NAME}\n"
        "  cluster:\n"
        f"{_lines(cluster)}"
        "contexts:\n"
        f"- name: {NAME}\n"
        "  context:\n"
        f"    cluster: {NAME}\n"
        f"    user: {NAME}\n"
        f"current-context: {NAME}\n"
        "users:\n"
        f"- name: {NAME}\n" + (f"  user:\n{_lines(user)}" if user else "  user: {}\n")
    )


def read_access(path: Path, url: str) -> Access | None:
    """What a kubeconfig, of ours or merged, says of a server that we have put into it."""
    import yaml

    try:
        config = yaml.safe_load(path.read_text()) or {}
        clusters = {entry["name"]: entry["cluster"] for entry in config["clusters"]}
        users = {entry["name"]: entry["user"] for entry in config["users"]}
        cluster, user = clusters[NAME], users[NAME]
        if cluster["server"] != url:
            return None
        return Access(
            *(
                base64.b64decode(text).decode()
                for text in (
                    cluster["certificate-authority-data"],
                    user["client-certificate-data"],
                    user["client-key-data"],
                )
            )
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, binascii.Error):
        return None


# -- where files are


def state_folder(env: Mapping[str, str]) -> Path:
    base = env.get("XDG_STATE_HOME") or os.path.join(_home(env), ".local", "state")
    return Path(base) / "miniplane"


def default_place(env: Mapping[str, str], url: str) -> Path:
    """Where `serve` writes when it is not told: one file for each port."""
    return state_folder(env) / f"kubeconfig-{urlsplit(url).port}.yaml"


def _home(env: Mapping[str, str]) -> str:
    return env.get("HOME") or os.path.expanduser("~")


def users_file(env: Mapping[str, str]) -> Path:
    """The file that kubectl would change: the first of $KUBECONFIG, or ~/.kube/config."""
    for path in env.get("KUBECONFIG", "").split(os.pathsep):
        if path:
            return Path(path)
    return Path(_home(env)) / ".kube" / "config"


# -- writing


def write_own(path: Path, url: str, access: Access | None = None) -> None:
    """Write a kubeconfig of ours. Failure where something else is, or cannot be written."""
    path = path.expanduser()
    try:
        if path.exists() and not is_own(path):
            raise Failure(
                f"{path} exists and is not miniplane's; to add to it, run "
                f"miniplane kubeconfig --merge --into {path}"
            )
        _replace(path, render(url, access))
    except OSError as error:
        raise _cannot_write(path, error) from None


def remove_own(path: Path, url: str, access: Access | None = None) -> None:
    """Remove a kubeconfig that we wrote for `url`, unless it is somebody else's by now."""
    with contextlib.suppress(OSError):
        if path.read_text() == render(url, access):
            path.unlink()
            path.parent.rmdir()  # only succeeds on an empty folder: ours, when we were the last


def is_own(path: Path) -> bool:
    text = path.read_text(errors="replace")
    return not text.strip() or text.startswith(_HEAD)


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new, readable by its owner only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".miniplane-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _cannot_write(path: Path, error: OSError) -> Failure:
    return Failure(f"cannot write {path}: {(error.strerror or str(error)).lower()}")


# -- the command


def run(args: argparse.Namespace) -> int:
    """`miniplane kubeconfig`: print, or merge and say so."""
    from miniplane.cli import client

    url = client.find_server(args)
    access = client.find_access(url, args.env)
    if not args.merge:
        if args.into:
            raise Failure("--into needs --merge")
        sys.stdout.write(render(url, access))
        return 0
    path = Path(args.into).expanduser() if args.into else users_file(args.env)
    merge(path, url, access)
    print(f"{path} now has the context {NAME} for {url}")
    return 0


def merge(path: Path, url: str, access: Access | None = None) -> None:
    """Add our cluster, user and context to a kubeconfig and make the context the current one.

    Everything else in the file stays, but for comments. Failure where the file is not a kubeconfig.
    """
    import yaml

    path = Path(os.path.realpath(path))
    try:
        text = path.read_text() if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot read {path}: {error}") from None
    try:
        config = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        raise Failure(f"{path} is not YAML") from None
    if not isinstance(config, dict) or config.get("kind", "Config") != "Config":
        raise Failure(f"{path} is not a kubeconfig")
    config.setdefault("apiVersion", "v1")
    config.setdefault("kind", "Config")
    cluster, user = _entries(url, access)
    _put(path, config, "clusters", {"name": NAME, "cluster": cluster})
    _put(path, config, "users", {"name": NAME, "user": user})
    context = {"cluster": NAME, "user": NAME}
    _put(path, config, "contexts", {"name": NAME, "context": context})
    config["current-context"] = NAME
    try:
        _replace(path, yaml.safe_dump(config, sort_keys=False))
    except OSError as error:
        raise _cannot_write(path, error) from None


def _put(path: Path, config: dict[str, Any], key: str, entry: dict[str, Any]) -> None:
    """Replace the entry of the same name in a list, or add it."""
    entries = config.get(key) or []
    if not isinstance(entries, list):
        raise Failure(f"{path} is not a kubeconfig: {key} is not a list")
    kept = [e for e in entries if not (isinstance(e, dict) and e.get("name") == entry["name"])]
    config[key] = [*kept, entry]
