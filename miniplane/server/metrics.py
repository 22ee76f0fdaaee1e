"""`/metrics` and `/metrics/slis`: what is known of the process, the requests and the controllers.

The names are those of a real control plane's parts, where those have the same thing to tell.
"""

from collections.abc import Iterator

from aiohttp import web

from miniplane import metrics
from miniplane.metrics import Family
from miniplane.server import encode, health, process
from miniplane.server.call import Call
from miniplane.server.errors import not_served
from miniplane.server.version import VERSION


async def serve(call: Call) -> web.Response:
    below = call.info.parts[1:]
    if call.info.path.endswith("/") or below not in ((), ("slis",)):
        return not_served()
    families = _health(call) if below else _everything(call)
    return encode.respond(metrics.exposition(families), content_type=metrics.CONTENT_TYPE)


def _everything(call: Call) -> Iterator[Family]:
    state = call.state
    yield metrics.gauge(
        "kubernetes_build_info",
        "The version of Kubernetes that is emulated.",
        {
            metrics.labels(
                build_date=VERSION["buildDate"],
                compiler=VERSION["compiler"],
                git_commit=VERSION["gitCommit"],
                git_tree_state=VERSION["gitTreeState"],
                git_version=VERSION["gitVersion"],
                go_version=VERSION["goVersion"],
                major=VERSION["major"],
                minor=VERSION["minor"],
                platform=VERSION["platform"],
            ): 1.0
        },
    )
    yield from state.meter.families(state.watches.values())
    yield from process.families()
    for source in state.sources:
        yield from source()


def _health(call: Call) -> Iterator[Family]:
    """What health checks have found so far: everything was well, each time."""
    asked = call.state.meter.health
    checks = [(check, page) for page in asked for check in health.CHECKS[page]]
    yield metrics.gauge(
        "kubernetes_healthcheck",
        "The result of the last health check.",
        {metrics.labels(name=check, type=page): 1.0 for check, page in checks},
    )
    yield metrics.counter(
        "kubernetes_healthchecks_total",
        "Health checks, by their results.",
        {
            metrics.labels(name=check, status="success", type=page): float(asked[page])
            for check, page in checks
        },
    )
