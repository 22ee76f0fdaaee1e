"""Continue tokens: where the next page of a list starts, and at which revision.

Follows apiserver's `pkg/storage/continue.go`, the texts of Go's decoders included. A token is the
URL-safe base64 of `{"v": "meta.k8s.io/v1", "rv": 42, "start": "default/web"}`, `start` being a key
below the list's prefix; `rv` -1 stands for the latest revision.
"""

import base64
import posixpath
import re
from typing import Any

import orjson

from miniplane.api import errors
from miniplane.api.decode import Malformed, parse_json

_VERSION = "meta.k8s.io/v1"


def make(revision: int, next_key: str, prefix: str) -> str:
    """The token of the page that starts at `next_key`."""
    token = {"v": _VERSION, "rv": revision, "start": next_key.removeprefix(prefix)}
    return base64.urlsafe_b64encode(orjson.dumps(token)).rstrip(b"=").decode()


def read(text: str, prefix: str) -> tuple[int, str]:
    """The revision (-1: the latest) and start key of a token, which never leads out of the list's
    own prefix. StatusError 400."""
    try:
        version, revision, start = _fields(parse_json(_base64(text))[0])
    except Malformed as error:
        raise _bad_token(f": {error.cause}") from None
    except ValueError as error:
        raise _bad_token(f": {error}") from None
    if version != _VERSION:
        raise _bad_token(f": server does not recognize this encoded version {version}")
    if not revision:
        raise _bad_token(f": incorrect encoded start resourceVersion (version {_VERSION})")
    if not start:
        raise _bad_token(f": encoded start key empty (version {_VERSION})")
    key = start if start.startswith("/") else f"/{start}"
    if posixpath.normpath(key) != key or key.startswith("//"):
        raise _bad_token(f": {start}")
    return revision, prefix + key[1:]


_not_base64 = re.compile(r"[^A-Za-z0-9_-]")


def _base64(text: str) -> bytes:
    """URL-safe base64 without padding. ValueError with Go's text."""
    stray = _not_base64.search(text)
    if stray is None and len(text) % 4 != 1:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    at = len(text) - 1 if stray is None else stray.start()
    raise ValueError(f"illegal base64 data at input byte {at}")


_FIELDS: tuple[tuple[str, type, str], ...] = (
    ("v", str, "string"),
    ("rv", int, "int64"),
    ("start", str, "string"),
)


def _fields(token: Any) -> tuple[str, int, str]:
    """Version, revision and start key of a decoded token. ValueError with Go's text."""
    if token is None:
        token = {}
    if not isinstance(token, dict):
        what = "Go value of type storage.continueToken"
        raise ValueError(f"json: cannot unmarshal {_json_type(token)} into {what}")
    out: list[Any] = []
    for name, kind, go_type in _FIELDS:
        value = token.get(name)
        if value is not None and type(value) is not kind:
            what = f"Go struct field continueToken.{name} of type {go_type}"
            raise ValueError(f"json: cannot unmarshal {_json_type(value)} into {what}")
        out.append(kind() if value is None else value)
    version, revision, start = out
    return version, revision, start


def _json_type(value: Any) -> str:
    for kind, word in ((bool, "bool"), (str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return word
    return "number"


def _bad_token(why: str) -> errors.StatusError:
    return errors.bad_request(f"invalid continue token: continue key is not valid{why}")
