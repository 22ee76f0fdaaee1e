"""`AdmissionReview`: what a webhook is sent, and what its answer has to look like.

After `pkg/admission/plugin/webhook/request` and `webhook/errors` of apiserver. The request's uid is
put in by who makes the call (`miniplane.client.webhooks`).
"""

import base64
import binascii
import dataclasses
from typing import Any

import orjson

from miniplane.api import errors
from miniplane.api.admission.matching import Request
from miniplane.api.objects import Obj
from miniplane.registry.admission import requests
from miniplane.registry.admission.attributes import Attributes

GROUP = "admission.k8s.io"
VERSIONS = ("v1", "v1beta1")


class Malformed(Exception):
    """An answer that is not what an answer has to be. The text says why, as the API server does."""


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What a webhook said. `patch` are the operations of a JSON patch, None for none."""

    allowed: bool
    status: Obj | None
    patch: bytes | None
    warnings: tuple[str, ...]


def version_of(hook: Obj) -> str:
    """The version of reviews that a webhook is sent, `""` where none is understood by both."""
    wanted = hook.get("admissionReviewVersions") or ("v1beta1",)
    return next((version for version in wanted if version in VERSIONS), "")


def body(attributes: Attributes, request: Request, version: str) -> bytes:
    """A review as JSON, without the request's uid."""
    row = requests.row_of(attributes, request)
    new = None if attributes.operation == "DELETE" else attributes.obj
    found: dict[str, Any] = requests.body(attributes, request, row)
    found["object"] = requests.in_form(attributes, new, row)
    found["oldObject"] = requests.in_form(attributes, attributes.old, row)
    review = {"kind": "AdmissionReview", "apiVersion": f"{GROUP}/{version}", "request": found}
    return orjson.dumps(review)


def verdict(document: Any, version: str, *, uid: str, mutating: bool) -> Verdict:
    """Read an answer. Malformed."""
    if not isinstance(document, dict):
        raise Malformed("webhook response was absent")
    response = document.get("response")
    if not isinstance(response, dict):
        raise Malformed("webhook response was absent")
    patch, patch_type = response.get("patch"), response.get("patchType")
    if version == "v1":
        _check(document, response, uid=uid, mutating=mutating)
    status = response.get("status")
    return Verdict(
        response.get("allowed") is True,
        status if isinstance(status, dict) else None,
        _decoded(patch) if mutating and patch and (patch_type or version != "v1") else None,
        tuple(str(text) for text in response.get("warnings") or ()),
    )


def _check(document: Obj, response: Obj, *, uid: str, mutating: bool) -> None:
    given = response.get("uid") or ""
    if given != uid:
        raise Malformed(f'expected response.uid="{uid}", got "{given}"')
    api_version, kind = document.get("apiVersion") or "", document.get("kind") or ""
    if (api_version, kind) != (f"{GROUP}/v1", "AdmissionReview"):
        raise Malformed(
            f"expected webhook response of {GROUP}/v1, Kind=AdmissionReview, got "
            f"{api_version if '/' in api_version else '/' + api_version}, Kind={kind}"
        )
    patch, patch_type = response.get("patch"), response.get("patchType")
    if not mutating:
        if patch:
            raise Malformed("validating webhook may not return response.patch")
        if patch_type is not None:
            raise Malformed("validating webhook may not return response.patchType")
    elif patch and patch_type is None:
        raise Malformed("webhook returned response.patch but not response.patchType")
    elif not patch and patch_type is not None:
        raise Malformed("webhook returned response.patchType but not response.patch")
    elif patch_type == "":
        raise Malformed('webhook returned invalid response.patchType of ""')
    elif patch_type not in (None, "JSONPatch"):
        raise Malformed(f'unsupported patch type "{patch_type}"')


def _decoded(patch: Any) -> bytes:
    try:
        return base64.b64decode(patch, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Malformed("received undecodable patch in webhook response") from None


def rejection(name: str, status: Obj | None) -> errors.StatusError:
    """The error that a client gets when a webhook did not allow its request."""
    given = status or {}
    code = given.get("code")
    code = code if isinstance(code, int) and code >= 400 else 400
    reason, message = str(given.get("reason") or ""), str(given.get("message") or "")
    text = f'admission webhook "{name}" denied the request'
    text += f": {message or reason}" if message or reason else " without explanation"
    details = given.get("details")
    error = errors.StatusError(code, reason, text, details if isinstance(details, dict) else None)
    return error
