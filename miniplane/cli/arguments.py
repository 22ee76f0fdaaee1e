"""Commands, flags and environment variables.

Every flag of a command can also be given as a variable: `--pod-startup 0` as
`MINIPLANE_POD_STARTUP=0`. A flag wins over its variable.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from miniplane.cli.failure import Failure

SERVE_FLAGS: tuple[tuple[str, str, str], ...] = (
    ("host", "ADDRESS", "address to listen on (127.0.0.1)"),
    ("port", "PORT", "port to listen on, 0 for any free one (8001)"),
    ("nodes", "N", "simulated nodes to start with (3)"),
    ("controllers", "LIST", "controllers to run, as in '*,-kubelet' (*)"),
    ("kubeconfig", "PATH", "where to write a kubeconfig (a place of its own, removed at exit)"),
    ("pod-startup", "SECONDS", "how long a pod takes to start (1)"),
    ("job-duration", "SECONDS", "how long a Job's containers run unless they tell (10)"),
    ("service-cidr", "CIDR", "addresses of services (10.96.0.0/16)"),
    ("pod-cidr", "CIDR", "addresses of pods (10.244.0.0/16)"),
    ("seed", "N", "make names, uids and choices repeatable"),
    ("feature-gates", "A=true,B=false", "feature gates"),
)
"""Flags with a value: name, what the value is called, help. Named as the fields of `Config`."""

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("", "0", "false", "no", "off")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Failure(f"{message} (see {self.prog} --help)")


def variable(flag: str) -> str:
    """The environment variable of a flag."""
    return "MINIPLANE_" + flag.replace("-", "_").upper()


def parser() -> argparse.ArgumentParser:
    top = _Parser(
        prog="miniplane",
        description="A Kubernetes control plane in memory, for kubectl and for tests.",
        epilog="Every flag can be set by an environment variable: --pod-startup by "
        "MINIPLANE_POD_STARTUP.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    serve = commands.add_parser("serve", help="run a control plane", allow_abbrev=False)
    for name, value, text in SERVE_FLAGS:
        serve.add_argument(f"--{name}", metavar=value, help=text)
    serve.add_argument(
        "--allow-remote",
        action="store_true",
        default=None,
        help="let other machines connect: there are no passwords",
    )
    serve.set_defaults(run=_run_serve)

    config = commands.add_parser(
        "kubeconfig",
        help="print a kubeconfig for a running server, or merge it into another",
        allow_abbrev=False,
    )
    _server_flag(config)
    config.add_argument("--merge", action="store_true", help="add it to a kubeconfig file")
    config.add_argument(
        "--into", metavar="PATH", help="the file to merge into ($KUBECONFIG or ~/.kube/config)"
    )
    config.set_defaults(run=_run_kubeconfig)

    node = commands.add_parser("node", help="add and remove simulated nodes", allow_abbrev=False)
    node_commands = node.add_subparsers(dest="node_command", metavar="COMMAND", required=True)
    add = node_commands.add_parser("add", help="add a node", allow_abbrev=False)
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--label", action="append", default=[], metavar="KEY=VALUE", help="can be repeated"
    )
    _server_flag(add)
    add.set_defaults(run=_run_node_add)
    remove = node_commands.add_parser("remove", help="remove a node", allow_abbrev=False)
    remove.add_argument("name", metavar="NAME")
    _server_flag(remove)
    remove.set_defaults(run=_run_node_remove)

    version = commands.add_parser("version", help="print the version", allow_abbrev=False)
    version.set_defaults(run=_run_version)
    return top


def _server_flag(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--server", metavar="URL", help="the running server (found by its kubeconfig)"
    )


def parse(argv: Sequence[str], env: Mapping[str, str]) -> argparse.Namespace:
    """The command line with what the environment adds. Failure for what cannot be understood."""
    args = parser().parse_args(argv)
    args.env = env
    args.sources = {}
    for key, value in list(vars(args).items()):
        flag = key.replace("_", "-")
        name = variable(flag)
        if value is None and name in env:
            setattr(args, key, _switch(name, env[name]) if key == "allow_remote" else env[name])
            args.sources[key] = name
        else:
            args.sources[key] = f"--{flag}"
    return args


def _switch(name: str, text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise Failure(f"{name}: true or false is wanted, not {text!r}")
    return text.lower() in _TRUE


def config_values(args: argparse.Namespace) -> dict[str, Any]:
    """What was given for the fields of `Config`, still as text. Failure for bad feature gates."""
    values: dict[str, Any] = {}
    for name, _, _ in SERVE_FLAGS:
        key = name.replace("-", "_")
        value = getattr(args, key)
        if value is not None:
            values[key] = value
    if args.allow_remote is not None:
        values["allow_remote"] = args.allow_remote
    if "feature_gates" in values:
        values["feature_gates"] = _gates(values["feature_gates"], args.sources["feature_gates"])
    return values


def _gates(text: str, source: str) -> dict[str, bool]:
    gates = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name or value.lower() not in ("true", "false"):
            raise Failure(f"{source}: {part!r} is not of the form Gate=true or Gate=false")
        gates[name] = value.lower() == "true"
    return gates


# The modules of the commands are imported when they are run: `version` needs no server.


def _run_serve(args: argparse.Namespace) -> int:
    from miniplane.cli import serve

    return serve.run(args)


def _run_kubeconfig(args: argparse.Namespace) -> int:
    from miniplane.cli import kubeconfig

    return kubeconfig.run(args)


def _run_node_add(args: argparse.Namespace) -> int:
    from miniplane.cli import node

    return node.add(args)


def _run_node_remove(args: argparse.Namespace) -> int:
    from miniplane.cli import node

    return node.remove(args)


def _run_version(args: argparse.Namespace) -> int:
    from miniplane import __version__

    print(f"miniplane {__version__} (Kubernetes v1.36.2)")
    return 0
