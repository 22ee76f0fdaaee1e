"""The API's error vocabulary: one constructor for each Status reason.

Follows apimachinery's `pkg/api/errors`: codes, reasons, messages and details are the ones that a
real API server sends, since clients match on them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from miniplane.api.field import FieldError

if TYPE_CHECKING:
    from miniplane.api.resources import Resource


class StatusError(Exception):
    """A request that failed, as the `Status` object that the client gets to see.

    `details` is the Status's details (`name`, `group`, `kind`, `uid`, `causes`,
    `retryAfterSeconds`) or None where the answer has none.
    """

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None):
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.metadata: dict[str, Any] = {}
        """The Status's list metadata: a `continue` token that a client may go on with."""

    def to_status(self) -> dict[str, Any]:
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status

    def __repr__(self) -> str:
        return f"StatusError({self.code} {self.reason}: {self.message})"


def _details(resource: "Resource | None", name: str = "", **more: Any) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if resource is not None:
        if resource.group:
            details["group"] = resource.group
        details["kind"] = resource.plural
    details.update(more)
    return details


def not_found(resource: "Resource", name: str) -> StatusError:
    message = f'{resource.group_resource} "{name}" not found'
    return StatusError(404, "NotFound", message, _details(resource, name))


def path_not_found() -> StatusError:
    """What a known group answers for a resource or version that it does not serve."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: "Resource", name: str) -> StatusError:
    message = f'{resource.group_resource} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(resource, name))


def generate_name_conflict(resource: "Resource", name: str) -> StatusError:
    message = (
        f'{resource.group_resource} "{name}" already exists, the server was not able to '
        "generate a unique name for the object"
    )
    details = _details(resource, name, retryAfterSeconds=1)
    return StatusError(409, "AlreadyExists", message, details)


def conflict(resource: "Resource", name: str, why: str) -> StatusError:
    message = f'Operation cannot be fulfilled on {resource.group_resource} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(resource, name))


OPTIMISTIC_LOCK = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def stale_revision(resource: "Resource", name: str) -> StatusError:
    return conflict(resource, name, OPTIMISTIC_LOCK)


def forbidden(
    resource: "Resource", name: str, why: str, causes: Sequence[dict[str, str]] = ()
) -> StatusError:
    message = f'{resource.group_resource} "{name}" is forbidden: {why}'
    if not name:
        message = f"{resource.group_resource} is forbidden: {why}"
    details = _details(resource, name)
    if causes:
        details["causes"] = list(causes)
    return StatusError(403, "Forbidden", message, details)


def unauthorized() -> StatusError:
    """401: whoever asks shows a token that is not, or no longer, good."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def invalid(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """422 with a cause for each field error. `group` and `kind` are the object's."""
    causes = [e.to_cause() for e in errors]
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    if causes:
        details["causes"] = causes
    texts = list(dict.fromkeys(str(e) for e in errors))
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    group_kind = f"{kind}.{group}" if group else kind
    message = f'{group_kind} "{name}" is invalid'
    if texts:
        message += f": {text}"
    return StatusError(422, "Invalid", message, details)


def method_not_supported(resource: "Resource", verb: str) -> StatusError:
    message = f'{verb} is not supported on resources of kind "{resource.group_resource}"'
    return StatusError(405, "MethodNotAllowed", message, _details(resource))


def method_not_allowed() -> StatusError:
    """What a known path answers to an HTTP method that no verb stands behind."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, {})


def expired(message: str) -> StatusError:
    """410 with reason Expired: the revision or continue token is too old."""
    return StatusError(410, "Expired", message)


def gone(message: str) -> StatusError:
    return StatusError(410, "Gone", message)


def too_large_revision(wanted: int, current: int) -> StatusError:
    """504: a list or watch asked for a resourceVersion that has not been written yet."""
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return StatusError(504, "Timeout", message, details)


def request_too_large(limit: int) -> StatusError:
    message = f"Request entity too large: limit is {limit}"
    return StatusError(413, "RequestEntityTooLarge", message)


def not_acceptable(accepted: Sequence[str]) -> StatusError:
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return StatusError(406, "NotAcceptable", message)


def unsupported_media_type(accepted: Sequence[str], sent: str = "") -> StatusError:
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        f"{', '.join(accepted)}"
    )
    return StatusError(415, "UnsupportedMediaType", message)


def too_many_requests(
    message: str, causes: Sequence[dict[str, str]] = (), retry_after: int = 0
) -> StatusError:
    details: dict[str, Any] = {}
    if causes:
        details["causes"] = list(causes)
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return StatusError(429, "TooManyRequests", message, details)


def not_implemented(message: str) -> StatusError:
    """501: something that miniplane leaves out, said plainly."""
    return StatusError(501, "NotImplemented", message)


def internal_error(message: str) -> StatusError:
    details = {"causes": [{"message": message}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details)


def is_not_found(error: BaseException) -> bool:
    return isinstance(error, StatusError) and error.reason == "NotFound"


def is_already_exists(error: BaseException) -> bool:
    return isinstance(error, StatusError) and error.reason == "AlreadyExists"


def is_conflict(error: BaseException) -> bool:
    return isinstance(error, StatusError) and error.reason == "Conflict"


def is_expired(error: BaseException) -> bool:
    return isinstance(error, StatusError) and error.reason in ("Expired", "Gone")


def is_namespace_terminating(error: BaseException) -> bool:
    """Whether a creation was refused because its namespace is on its way out."""
    details = error.details if isinstance(error, StatusError) else None
    causes = (details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
