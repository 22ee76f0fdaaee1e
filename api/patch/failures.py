"""What the API server answers to a patch that cannot be applied.

Follows apiserver's `endpoints/handlers/patch.go` and apimachinery's `util/mergepatch`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from miniplane.api import errors, field
from miniplane.api.errors import StatusError
from miniplane.api.patch import gotext

T = TypeVar("T")


def rejected() -> StatusError:
    """422 without a word about what was wrong: operations that do not apply to the object."""
    message = "the server rejected our request due to an error in our request"
    return StatusError(422, "Invalid", message, {})


def unexpected(message: str) -> StatusError:
    """500 without a reason: errors that the server has no better answer for."""
    return StatusError(500, "", message)


def crashed() -> StatusError:
    """500: what is left to say where the real server's handler gives up on the request."""
    return unexpected("This request caused apiserver to panic. Look in the logs for details.")


def not_of_type(value: Any, go_type: str) -> str:
    """The text of a JSON decoder that wanted `go_type`."""
    return f"json: cannot unmarshal {gotext.json_kind(value)} into Go value of type {go_type}"


def too_deep() -> StatusError:
    return errors.bad_request("error decoding patch: exceeded max depth")


def guarded(work: Callable[..., T], *args: Any) -> T:
    """`work(*args)`, with nesting beyond what the interpreter can follow as a StatusError."""
    try:
        return work(*args)
    except RecursionError:
        raise too_deep() from None


def _invalid_patch(value: str, why: str) -> StatusError:
    return errors.invalid("", "", "", [field.invalid("patch", value, why)])


def undecodable(patched: Any, why: str) -> StatusError:
    """422: a JSON or merge patch gave something that is not an object of the kind.

    `patched` is the patched document, `why` what the decoder said of it (for unknown fields under
    strict validation: `strict decoding error: unknown field "spec.foo"`).
    """
    return _invalid_patch(gotext.compact_json(patched), why)


def undecodable_strategic(patch: Any, why: str) -> StatusError:
    """422: as `undecodable`, for a strategic merge patch; the answer quotes the patch itself."""
    return _invalid_patch(gotext.text(patch), why)
