"""TLS contexts, of PEM that is in memory. This module needs nothing but the standard library."""

import contextlib
import os
import ssl
import threading
from collections.abc import Iterator

_ANY_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME."""


def server(certificate: str, key: str, client_authorities: str) -> ssl.SSLContext:
    """What a server shows, and whose client certificates it looks at. ValueError for PEM that
    cannot be used.

    A client need not show a certificate. That one has run out is not looked at here: the cluster's
    own clock decides on that.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load(context, certificate, key)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= _ANY_TIME
    _trust(context, client_authorities)
    return context


def client(authorities: str, certificate: str = "", key: str = "") -> ssl.SSLContext:
    """What a client trusts, and the certificate that it shows, if any. ValueError for PEM that
    cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _trust(context, authorities)
    if certificate:
        _load(context, certificate, key)
    return context


def _trust(context: ssl.SSLContext, authorities: str) -> None:
    try:
        context.load_verify_locations(cadata=authorities)
    except ssl.SSLError:
        raise ValueError("no certificate that can be read") from None


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # Python only loads from files. These lie in memory: a key has no business on a disk.
    try:
        with _file(certificate) as certfile, _file(key) as keyfile:
            context.load_cert_chain(certfile, keyfile)
    except ssl.SSLError:
        raise ValueError("no certificate that can be read, or the key of another") from None


@contextlib.contextmanager
def _file(text: str) -> Iterator[str]:
    """A path by which a text can be read once: that of a pipe."""
    reader, writer = os.pipe()

    def write() -> None:
        with contextlib.suppress(OSError), os.fdopen(writer, "w") as pipe:
            pipe.write(text)

    # A pipe holds less than a long chain of certificates.
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)
        thread.join()
