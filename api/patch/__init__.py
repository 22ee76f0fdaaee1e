"""The three kinds of patches that the API server applies to an object that it has.

- `json_patch(doc, ops)`: RFC 6902, `application/json-patch+json`
- `merge_patch(doc, patch)`: RFC 7386, `application/merge-patch+json`
- `strategic(definition, doc, patch)`: `application/strategic-merge-patch+json`, lists merged by the
  keys that the kind's schema declares

All take and give JSON-shaped data. Neither the document nor the patch is changed; the result is a
new object that shares with both of them what the patch leaves alone, so treat it as frozen. What
is wrong with a patch comes out as a `StatusError` with the API server's code and text. The result
is not decoded: types and unknown fields are the next step's to check (`undecodable` and
`undecodable_strategic` word what it finds).
"""

from miniplane.api.patch.failures import undecodable, undecodable_strategic
from miniplane.api.patch.jsonpatch import MAX_OPERATIONS, json_patch, unknown_members
from miniplane.api.patch.mergepatch import merge_patch
from miniplane.api.patch.strategicpatch import strategic

__all__ = [
    "MAX_OPERATIONS",
    "json_patch",
    "merge_patch",
    "strategic",
    "undecodable",
    "undecodable_strategic",
    "unknown_members",
]
