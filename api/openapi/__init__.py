"""What a server says of itself: discovery documents and OpenAPI documents.

`discovery` builds the small documents at `/api`, `/apis` and below from resource rows. `v3_index`,
`v3_document` and `v2_document` give the OpenAPI documents, the large ones as bytes that are built
when they are first asked for; `custom_v3_document` does the same for custom resources.
"""

from miniplane.api.openapi.documents import (
    custom_v3_document,
    v2_document,
    v3_document,
    v3_index,
)

__all__ = ["custom_v3_document", "v2_document", "v3_document", "v3_index"]
