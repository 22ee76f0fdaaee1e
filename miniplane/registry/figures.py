"""What there is to count of what is stored, and which features are on."""

from collections.abc import Iterator

from miniplane import metrics
from miniplane.api.resources import RESOURCES
from miniplane.metrics import Family
from miniplane.registry import catalog
from miniplane.registry.context import Context

_GATES = {
    "APIResponseCompression": True,
    "MaxUnavailableStatefulSet": False,
    "PodLogsQuerySplitStreams": False,
}
"""The feature gates that make a difference here, and whether they are on by themselves."""
_ALPHA = ("PodLogsQuerySplitStreams",)


def families(context: Context) -> Iterator[Family]:
    kept = {(row.group, row.plural): 0 for row in RESOURCES if catalog.storage_resource(row) is row}
    for bucket, size in context.store.sizes().items():
        plural, _, group = bucket.partition(".")
        kept[group, plural] = size
    yield metrics.gauge(
        "apiserver_resource_objects",
        "Objects that are stored.",
        {
            metrics.labels(group=group, resource=plural): float(size)
            for (group, plural), size in kept.items()
        },
    )
    yield metrics.gauge(
        "apiserver_storage_objects",
        "Objects that are stored; apiserver_resource_objects takes its place.",
        {
            metrics.labels(resource=f"{plural}.{group}" if group else plural): float(size)
            for (group, plural), size in kept.items()
        },
    )
    gates = {**_GATES, **context.config.feature_gates}
    yield metrics.gauge(
        "kubernetes_feature_enabled",
        "Feature gates, and whether they are on.",
        {
            metrics.labels(name=name, stage="ALPHA" if name in _ALPHA else "BETA"): float(on)
            for name, on in gates.items()
        },
    )
