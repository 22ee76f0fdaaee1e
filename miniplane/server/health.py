"""`/healthz`, `/livez` and `/readyz`, and a path for each check behind them.

See https://kubernetes.io/docs/reference/using-api/health-checks/. A server that answers at all is
well: what the checks of a real one look at is started before the port is opened.
"""

from aiohttp import web

from miniplane.server import encode
from miniplane.server.call import Call
from miniplane.server.errors import not_served

_HOOKS = tuple(
    f"poststarthook/{hook}"
    for hook in (
        "start-apiserver-admission-initializer",
        "generic-apiserver-start-informers",
        "start-apiextensions-informers",
        "start-apiextensions-controllers",
        "crd-informer-synced",
        "start-system-namespaces-controller",
        "rbac/bootstrap-roles",
        "scheduling/bootstrap-system-priority-classes",
        "priority-and-fairness-config-producer",
        "start-kube-aggregator-informers",
        "apiservice-registration-controller",
        "apiservice-discovery-controller",
        "kube-apiserver-autoregistration",
    )
)

CHECKS = {
    "healthz": ("ping", "log", "etcd", *_HOOKS, "autoregister-completion"),
    "livez": ("ping", "log", "etcd", *_HOOKS, "autoregister-completion"),
    "readyz": (
        "ping",
        "log",
        "etcd",
        "etcd-readiness",
        "informer-sync",
        *_HOOKS,
        "autoregister-completion",
        "shutdown",
    ),
}


async def serve(call: Call) -> web.Response:
    if call.info.path.endswith("/"):
        return not_served()
    name, *rest = call.info.parts
    checks = CHECKS[name]
    call.state.meter.checked(name)
    if rest:
        return encode.text("ok") if "/".join(rest) in checks else not_served()
    if "verbose" not in call.query:
        return encode.text("ok")
    excluded = [value for value in call.query.get("exclude", []) if value]
    lines = [
        f"[+]{check} excluded: ok" if check in excluded else f"[+]{check} ok" for check in checks
    ]
    unknown = sorted(value for value in excluded if value not in checks)
    if unknown:
        names = ", ".join(f'"{value}"' for value in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {names}")
    lines.append(f"{name} check passed")
    return encode.text("\n".join(lines) + "\n")
