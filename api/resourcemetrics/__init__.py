"""`metrics.k8s.io/v1beta1`: what nodes and pods use, as a metrics-server tells it.

Nothing runs in simulated pods, so what they use is made up in `usage`: the same for the same pod at
the same time. `NODES` and `PODS` are the resources to ask a client for.

https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/
"""

from miniplane.api.resourcemetrics.rows import NODES, PODS, ROWS

__all__ = ["NODES", "PODS", "ROWS"]
