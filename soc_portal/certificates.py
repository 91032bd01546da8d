"""Reads a certificate from its file, without importing more than its end needs."""

import time
from pathlib import Path

from cryptography import x509


def expires_in_s(file: str) -> float | None:
    """Seconds until the certificate ends, negative afterwards; None when no file is named."""
    if not file:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(Path(file).read_bytes())
    except ValueError as error:
        raise OSError(f"{file} holds no certificate") from error
    return certificate.not_valid_after_utc.timestamp() - time.time()
