"""Content-Type headers: what kind of body a request carries."""

import re
from functools import lru_cache

from miniplane.api import errors
from miniplane.api.options import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from miniplane.server.negotiate import JSON, MEDIA_TYPES

_TOKEN = r"[!#$%&'*+\-.^_`{|}~\w]+"
_PARAMETERS = re.compile(rf'(\s*;\s*{_TOKEN}\s*=\s*({_TOKEN}|"([^"\\]|\\.)*"))*\s*;?\s*', re.ASCII)
"""What may follow a media type; anything else makes the header unreadable (RFC 2045)."""

PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)


@lru_cache(maxsize=128)
def of_body(header: str) -> str:
    """The media type of an object's body, JSON where none is named. StatusError 415."""
    if not header:
        return JSON
    media, _, parameters = header.partition(";")
    media = media.strip().lower()
    if media not in MEDIA_TYPES or not _PARAMETERS.fullmatch(f";{parameters}"):
        raise errors.unsupported_media_type(MEDIA_TYPES)
    return media


@lru_cache(maxsize=128)
def of_patch(header: str, *, empty: bool) -> str:
    """The type of a patch. StatusError 415, as the router words it."""
    media = header.partition(";")[0].strip()
    if media in PATCH_TYPES:
        return media
    message = "415: Unsupported Media Type"
    if empty:
        message += "\n\nAvailable representations: "
    raise errors.StatusError(415, "UnsupportedMediaType", message, {})
