"""Asks the portal of this machine how it is, as a load balancer would."""

import http.client
import ssl
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from soc_portal.up.errors import UpError
from soc_portal.up.given_certificate import read_chain

LONGEST_S = 5.0


def ask_health(port: int, certificate: Path | None = None) -> str:
    """Empty when everything answers, else what does not. Over TLS the portal must present this very certificate: asked
    by its number, it is not asked by a name that a certificate could vouch for."""
    connection = _connection(port, secure=certificate is not None)
    try:
        connection.connect()
        if certificate is not None and _presented(connection) != read_chain(certificate)[0].public_bytes(Encoding.DER):
            return f"it presents another certificate than {certificate} holds"
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        told = answer.read(2000).decode(errors="replace")
        return "" if answer.status == 200 else told
    except (OSError, http.client.HTTPException, UpError) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()


def _connection(port: int, *, secure: bool) -> http.client.HTTPConnection:
    if not secure:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # compared below, byte by byte
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=LONGEST_S, context=context)


def _presented(connection: http.client.HTTPConnection) -> bytes | None:
    sock = connection.sock
    return sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
