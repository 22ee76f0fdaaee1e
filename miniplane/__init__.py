"""An in-memory Kubernetes control plane.

`miniplane serve` runs one for kubectl; `miniplane.testing` starts one inside a test. Nothing heavy
is imported here: `Cluster` and `Config` are looked up when they are first asked for.
"""

import importlib
from typing import Any

__all__ = ["Cluster", "Config", "__version__"]
__version__ = "0.1.0"

_LAZY = {"Cluster": "miniplane.cluster", "Config": "miniplane.config"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'miniplane' has no attribute {name!r}")
