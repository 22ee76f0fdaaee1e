"""Commands, flags and environment variables.

Every flag of a command can also be given as a variable: `--pod-startup 0` as
`MINIPLANE_POD_STARTUP=0`. A flag wins over its variable.
"""

import argparse
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from miniplane.cli.failure import Failure

SERVE_FLAGS: tuple[tuple[str, str, str], ...] = (
    ("host", "ADDRESS", "address to listen on (127.0.0.1)"),
    ("port", "PORT", "port to listen on, 0 for any free one (8001)"),
    ("dns-port", "PORT", "port to answer the cluster's names on, UDP and TCP (none)"),
    ("nodes", "N", "simulated nodes to start with (3)"),
    ("node-zones", "A,B,C", "zones that they are dealt to in turn (none)"),
    ("node-capacity", "cpu=4,memory=8Gi", "their capacity, extended resources too"),
    ("node-labels", "KEY=VALUE,...", "labels that they have in common"),
    ("controllers", "LIST", "controllers to run, as in '*,-kubelet' (*)"),
    ("kubeconfig", "PATH", "where to write a kubeconfig (a place of its own, removed at exit)"),
    ("pod-startup", "SECONDS", "how long a pod takes to start (1)"),
    ("job-duration", "SECONDS", "how long a Job's containers run unless they tell (10)"),
    ("service-cidr", "CIDR", "addresses of services (10.96.0.0/16)"),
    ("pod-cidr", "CIDR", "addresses of pods (10.244.0.0/16)"),
    ("load-balancer-cidr", "CIDR", "addresses of load balancers and ingresses (none)"),
    ("seed", "N", "make names, uids and choices repeatable"),
    (
        "feature-gates",
        "A=true,B=false",
        "MaxUnavailableStatefulSet, PodLogsQuerySplitStreams, APIResponseCompression; no others",
    ),
    ("authorization-mode", "LIST", "AlwaysAllow, RBAC or Node,RBAC (RBAC)"),
    ("anonymous-auth", "true|false", "take requests without credentials, with --https (true)"),
    ("client-ca-file", "PATH", "more authorities of client certificates, with --https"),
    ("token-auth-file", "PATH", "bearer tokens: CSV of token, user, uid and groups"),
    ("tls-cert-file", "PATH", "certificate to show, with --https (one of its own authority)"),
    ("tls-private-key-file", "PATH", "its key"),
    ("service-account-issuer", "URL", "issuer of service account tokens"),
    ("enable-admission-plugins", "LIST", "admission plugins that run beside the usual ones"),
    ("disable-admission-plugins", "LIST", "admission plugins that do not run"),
    ("watch-window", "N", "revisions that watches and paged lists may go back (20000)"),
    (
        "webhook-services",
        "NS/NAME=URL,...",
        "where the servers listen of services that webhooks are behind",
    ),
)
"""Flags with a value: name, what the value is called, help. Named as the fields of `Config`."""

SWITCHES: tuple[tuple[str, str], ...] = (
    ("https", "serve HTTPS: clients show certificates or tokens, as in the kubeconfig"),
    ("metrics-server", "tell what nodes and pods use, for kubectl top: the figures are made up"),
    ("allow-remote", "let other machines connect: without --https there are no passwords"),
)
"""Flags without a value, and their help."""

FAULTS: tuple[tuple[str, str], ...] = (
    ("crashloop", "containers exit with 1, again and again"),
    ("image-pull", "images cannot be pulled"),
    ("oom", "containers are killed for want of memory"),
    ("not-ready", "containers run, but are not ready"),
    ("liveness", "liveness probes fail, where there are any"),
    ("startup", "startup probes fail, of containers that have not started yet"),
)
"""What pods can be told to suffer from, and the help."""

PRESSURES: tuple[tuple[str, str], ...] = (
    ("memory-pressure", "it is short of memory, and evicts pods one after the other"),
    ("disk-pressure", "the same of disk space"),
    ("pid-pressure", "the same of process numbers"),
)
"""What nodes can be told to suffer from, if not to be out of reach, and the help."""

_SWITCHED = {name.replace("-", "_") for name, _ in SWITCHES}

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
    for name, text in SWITCHES:
        serve.add_argument(f"--{name}", action="store_true", default=None, help=text)
    serve.set_defaults(run=_command("serve", "run"))

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
    config.set_defaults(run=_command("kubeconfig", "run"))

    node = commands.add_parser("node", help="add and remove simulated nodes", allow_abbrev=False)
    node_commands = node.add_subparsers(dest="node_command", metavar="COMMAND", required=True)
    add = node_commands.add_parser("add", help="add a node", allow_abbrev=False)
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--label", action="append", default=[], metavar="KEY=VALUE", help="can be repeated"
    )
    add.add_argument("--zone", metavar="ZONE", help="its topology.kubernetes.io/zone")
    for resource, usual in (("cpu", "64"), ("memory", "256Gi"), ("pods", "1000")):
        add.add_argument(f"--{resource}", metavar="QUANTITY", help=f"its capacity ({usual})")
    for flag, value in (("extended", "RESOURCE=QUANTITY"), ("taint", "KEY=VALUE:EFFECT")):
        add.add_argument(
            f"--{flag}", action="append", default=[], metavar=value, help="can be repeated"
        )
    _server_flag(add)
    add.set_defaults(run=_command("node", "add"))
    remove = node_commands.add_parser("remove", help="remove a node", allow_abbrev=False)
    remove.add_argument("name", metavar="NAME")
    _server_flag(remove)
    remove.set_defaults(run=_command("node", "remove"))

    log = commands.add_parser(
        "log", help="write into the log of a simulated container", allow_abbrev=False
    )
    log.add_argument("pod", metavar="POD")
    log.add_argument("text", nargs="*", metavar="TEXT", help="one line; without it, those of stdin")
    log.add_argument("-n", "--namespace", metavar="NAME", help="the pod's (default)")
    log.add_argument("-c", "--container", metavar="NAME", help="needed where there are several")
    log.add_argument("--stderr", action="store_true", help="write to the other stream")
    _server_flag(log)
    log.set_defaults(run=_command("log", "run"))

    _fault_commands(commands)

    version = commands.add_parser("version", help="print the version", allow_abbrev=False)
    version.set_defaults(run=_run_version)
    return top


def _fault_commands(commands: "argparse._SubParsersAction[_Parser]") -> None:
    fail = commands.add_parser("fail", help="let pods and nodes fail", allow_abbrev=False)
    kinds = fail.add_subparsers(dest="fail_command", metavar="KIND", required=True)
    pod = kinds.add_parser(
        "pod",
        help="let pods fail",
        description="Lets a pod, or those with certain labels, fail until `heal`.",
        allow_abbrev=False,
    )
    _pod_flags(pod)
    how = pod.add_mutually_exclusive_group(required=True)
    for word, text in FAULTS:
        how.add_argument(f"--{word}", dest="fault", action="store_const", const=word, help=text)
    how.add_argument("--exit", dest="exit_code", metavar="CODE", help="containers exit with CODE")
    pod.set_defaults(run=_command("fail", "fail_pod"))
    node = kinds.add_parser(
        "node",
        help="put a node out of reach, or short of something",
        description="Puts a node out of reach until `heal`, unless a flag says what it lacks.",
        allow_abbrev=False,
    )
    node.add_argument("name", metavar="NAME")
    of_what = node.add_mutually_exclusive_group()
    for word, text in PRESSURES:
        of_what.add_argument(f"--{word}", dest="fault", action="store_const", const=word, help=text)
    node.add_argument("--for", dest="how_long", metavar="DURATION", help="for how long, as in 5m")
    _server_flag(node)
    node.set_defaults(run=_command("fail", "fail_node"))

    heal = commands.add_parser("heal", help="undo what `fail` has done", allow_abbrev=False)
    kinds = heal.add_subparsers(dest="heal_command", metavar="KIND", required=True)
    pod = kinds.add_parser("pod", help="let pods be well again", allow_abbrev=False)
    _pod_flags(pod)
    pod.set_defaults(run=_command("fail", "heal_pod"))
    node = kinds.add_parser("node", help="bring a node back", allow_abbrev=False)
    node.add_argument("name", metavar="NAME")
    _server_flag(node)
    node.set_defaults(run=_command("fail", "heal_node"))


def _pod_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", nargs="?")
    command.add_argument("-n", "--namespace", metavar="NAMESPACE", help="where they are (default)")
    command.add_argument("-l", "--selector", metavar="LABELS", help="pods by their labels")
    command.add_argument("-c", "--container", metavar="NAME", help="of one container only")
    _server_flag(command)


def _server_flag(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--server", metavar="URL", help="the running server (found by its kubeconfig)"
    )


def parse(argv: Sequence[str], env: Mapping[str, str]) -> argparse.Namespace:
    """The command line with what the environment adds. Failure for what cannot be understood."""
    top = parser()
    args, more = top.parse_known_args(argv)
    if args.command == "log" and not any(word.startswith("-") for word in more):
        # argparse looks for the words of a text in one place only, before the flags.
        args.text += more
    elif more:
        top.error(f"unrecognized arguments: {' '.join(more)}")
    args.env = env
    args.sources = {}
    for key, value in list(vars(args).items()):
        flag = key.replace("_", "-")
        name = variable(flag)
        if value is None and name in env:
            setattr(args, key, _switch(name, env[name]) if key in _SWITCHED else env[name])
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
    for name, *_ in (*SERVE_FLAGS, *SWITCHES):
        key = name.replace("-", "_")
        value = getattr(args, key)
        if value is not None:
            values[key] = value
    if "feature_gates" in values:
        values["feature_gates"] = _gates(values["feature_gates"], args.sources["feature_gates"])
    if "webhook_services" in values:
        given, source = values["webhook_services"], args.sources["webhook_services"]
        values["webhook_services"] = _services(given, source)
    return values


def _services(text: str, source: str) -> dict[str, str]:
    services = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, url = part.partition("=")
        if name.count("/") != 1 or not url.startswith(("http://", "https://")):
            raise Failure(f"{source}: {part!r} is not of the form namespace/service=URL")
        services[name] = url
    return services


def _gates(text: str, source: str) -> dict[str, bool]:
    gates = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name or value.lower() not in ("true", "false"):
            raise Failure(f"{source}: {part!r} is not of the form Gate=true or Gate=false")
        gates[name] = value.lower() == "true"
    return gates


def _command(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    """A command of a module that is imported when it is run: `version` needs no server."""

    def run(args: argparse.Namespace) -> int:
        found = importlib.import_module(f"miniplane.cli.{module}")
        status: int = getattr(found, function)(args)
        return status

    return run


def _run_version(args: argparse.Namespace) -> int:
    from miniplane import __version__

    print(f"miniplane {__version__} (Kubernetes v1.36.2)")
    return 0
