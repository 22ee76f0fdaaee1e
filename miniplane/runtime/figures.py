"""What there is to count of controllers: their queues, and how their work went.

The names are those of client-go's work queues and of controller-runtime.
"""

from collections.abc import Iterable, Iterator

from miniplane import metrics
from miniplane.metrics import Family
from miniplane.runtime.controller import Controller


def families(controllers: Iterable[Controller]) -> Iterator[Family]:
    controllers = list(controllers)
    named = [(metrics.labels(name=c.queue.name), c.queue) for c in controllers]
    yield metrics.gauge(
        "workqueue_depth",
        "Keys that wait for a worker.",
        {where: float(len(queue)) for where, queue in named},
    )
    yield metrics.counter(
        "workqueue_adds_total",
        "Keys that were added.",
        {where: float(queue.adds) for where, queue in named},
    )
    yield metrics.counter(
        "workqueue_retries_total",
        "Keys that were added for later.",
        {where: float(queue.retries) for where, queue in named},
    )
    yield metrics.counter(
        "controller_runtime_reconcile_total",
        "Keys that were reconciled, by what came of it.",
        {
            metrics.labels(controller=c.name, result=result): float(number)
            for c in controllers
            for result, number in c.reconciles.items()
        },
    )
