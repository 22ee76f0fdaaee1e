"""The published OpenAPI definitions of Kubernetes 1.36, as data that other code walks.

`node` gives the structure of a definition (types, list and map markers, merge keys) and is what
decoding, patching and field ownership are compiled from. `describe` gives the definition as it is
published, with its prose, and is only read for OpenAPI documents.

Importing this package reads nothing. The first `node` call unpacks a 150 KB table; each definition
is parsed when it is first asked for.
"""

from miniplane.api.schema.compact import definitions, group_version_kinds
from miniplane.api.schema.describe import describe
from miniplane.api.schema.node import Node, node

__all__ = ["Node", "definitions", "describe", "group_version_kinds", "node"]
