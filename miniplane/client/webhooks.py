"""Calling webhooks on behalf of a registry, which never waits itself.

`write` makes a write, gets the answers that it waits for, and makes it again. Everybody who writes
goes through here; where there are no webhooks that costs nothing. See `miniplane.registry.asking`.
"""

import asyncio
import base64
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import orjson

from miniplane.api import errors
from miniplane.registry.asking import ROUNDS, Answer, Question, Session, Unanswered

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")

_REQUEST = b'"request":{'
LIMIT = 3 * 2**20
"""Bytes of an answer, as apiserver's `webhookutil` limits them."""


class Asking(Protocol):
    """What this module needs of a registry."""

    @property
    def asks(self) -> bool:
        """Whether a write may have to wait for somebody's answer."""

    def session(self) -> Session: ...
    def attempt(self, session: Session, act: Callable[[Any], T]) -> T:
        """Unanswered."""


R = TypeVar("R", bound=Asking)


async def write(registry: R, act: Callable[[R], T]) -> T:
    """`act(registry)`, with the answers of all webhooks that it concerns. StatusError."""
    if not registry.asks:
        return act(registry)
    session = registry.session()
    for _ in range(ROUNDS):
        try:
            return registry.attempt(session, act)
        except Unanswered as waiting:
            questions = waiting.questions
        answers = await asyncio.gather(*(_ask(q, session.uid(q)) for q in questions))
        for question, answer in zip(questions, answers, strict=True):
            session.add(question, answer)
    raise errors.internal_error("webhooks would not come to an end")


async def _ask(question: Question, uid: str) -> Answer:
    """Call a webhook. What fails is an answer, too."""
    seconds = f"{question.timeout:g}s"
    shown = f"{question.url}?timeout={seconds}"
    failed = f'Post "{shown}": '
    if question.problem:
        return Answer(failure=failed + question.problem)
    try:
        async with asyncio.timeout(question.timeout):
            status, text = await _post(question, uid, seconds)
    except TimeoutError:
        return Answer(failure=f"{failed}context deadline exceeded")
    except _Unreachable as error:
        return Answer(failure=failed + str(error))
    if not 200 <= status <= 299:
        return Answer(failure=_refused(status, text))
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Answer(failure=f"couldn't get version/kind; json parse error: {error}")
    return Answer(uid, document)


class _Unreachable(Exception):
    """There is no answer. The text is Go's, where it is known."""


async def _post(question: Question, uid: str, seconds: str) -> tuple[int, bytes]:
    import aiohttp  # loaded with the first call: most clusters never make one

    headers = {"Content-Type": "application/json", "Accept": "application/json, */*"}
    address = f"{question.address}?timeout={seconds}"
    secure = address.startswith("https:")
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout()) as session,
            session.post(
                address,
                data=question.body.replace(_REQUEST, _REQUEST + b'"uid":"%s",' % uid.encode(), 1),
                headers=headers,
                ssl=_trust(question.ca_bundle) if secure else True,
                server_hostname=(question.server_name or None) if secure else None,
                allow_redirects=False,
            ) as response,
        ):
            text = await response.content.read(LIMIT + 1)
            while len(text) <= LIMIT and not response.content.at_eof():
                more = await response.content.read(LIMIT + 1 - len(text))
                if not more:
                    break
                text += more
            if len(text) > LIMIT:
                raise _Unreachable(f"response body exceeds {LIMIT} bytes")
            return response.status, text
    except aiohttp.ClientConnectorCertificateError as error:
        raise _Unreachable(_certificate(error.certificate_error)) from None
    except aiohttp.ClientSSLError as error:
        raise _Unreachable(f"tls: {error.strerror or error}") from None
    except aiohttp.ClientConnectorError as error:
        raise _Unreachable(_dial(error)) from None
    except (aiohttp.ServerDisconnectedError, ConnectionError):
        raise _Unreachable("EOF") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _Unreachable(str(error) or type(error).__name__) from None


def _trust(ca_bundle: str) -> "ssl.SSLContext":
    import ssl

    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_bundle:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=base64.b64decode(ca_bundle).decode())
        except (ValueError, ssl.SSLError):
            raise _Unreachable(
                "unable to load root certificates: unable to parse bytes as PEM block"
            ) from None
    return context


def _certificate(error: Any) -> str:
    why = getattr(error, "verify_message", "") or str(error)
    if "self-signed" in why or "self signed" in why or "local issuer" in why:
        why = "certificate signed by unknown authority"
    elif "expired" in why:
        why = "certificate has expired or is not yet valid"
    return f"tls: failed to verify certificate: x509: {why}"


def _dial(error: Any) -> str:
    host, port = error.host, error.port
    cause = error.os_error
    if isinstance(cause, ConnectionRefusedError):
        with contextlib.suppress(ValueError):
            import ipaddress

            host = "[::1]" if str(ipaddress.ip_address(host)) == "::1" else host
        host = "127.0.0.1" if host == "localhost" else host
        return f"dial tcp {host}:{port}: connect: connection refused"
    if cause.__class__.__name__ == "gaierror":
        return f"dial tcp: lookup {host}: no such host"
    return f"dial tcp {host}:{port}: {cause.strerror or cause}"


def _refused(status: int, text: bytes) -> str:
    """What client-go makes of an answer that is no success."""
    shown = text.decode(errors="replace").strip()
    if status == 404:
        return "the server could not find the requested resource"
    if status == 401:
        return "the server has asked for the client to provide credentials"
    if status == 403:
        return f"unknown: {shown}" if shown else "unknown"
    if status == 400:
        return "the server rejected our request for an unknown reason"
    if status >= 500:
        why = shown or "unknown"
        return f'an error on the server ("{why}") has prevented the request from succeeding'
    return f"the server responded with the status code {status} but did not return more information"
