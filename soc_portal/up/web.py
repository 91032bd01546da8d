"""The web process of an instance: pages, API and live updates, over TLS when there is a certificate.

A certificate that was renewed is taken for every new connection; open ones stay as they are.
"""

import argparse
import logging
import os
import ssl
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import uvicorn

logger = logging.getLogger(__name__)
LOOKS_EVERY_S = 2.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="soc_portal.up.web")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    options = parser.parse_args(arguments)
    config = uvicorn.Config(
        "soc_portal.asgi:application",
        host=options.address,
        port=options.port,
        log_config=None,  # the settings say how lines are written
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        # Who is believed is decided in one place, `core.proxies`, by the settings.
        proxy_headers=False,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )
    config.load()
    if config.ssl is not None:
        pair = CertificatePair(options.certificate, options.key, config.ssl)
        threading.Thread(target=pair.watch, name="certificate", daemon=True).start()
    uvicorn.Server(config).run()


class CertificatePair:
    """Two files, and the context that serves what they hold."""

    def __init__(self, certificate: Path, key: Path, context: ssl.SSLContext) -> None:
        self._certificate, self._key, self._context = certificate, key, context
        self._seen = self._refused = self._look()

    def watch(self) -> None:
        while True:
            time.sleep(LOOKS_EVERY_S)
            self.take_what_is_new()

    def take_what_is_new(self) -> bool:
        """False while nothing changed, or when what lies there cannot be served: the former pair goes on then."""
        now = self._look()
        if now in (self._seen, self._refused, None):
            return False
        try:
            # Tried apart first: a pair that does not fit would leave the context with half of it.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._certificate, self._key)
            self._context.load_cert_chain(self._certificate, self._key)
        except (OSError, ssl.SSLError) as error:
            # The other file of the pair may follow in a moment; then both are looked at again.
            self._refused = now
            logger.warning("the new certificate %s cannot be served: %s", self._certificate, error)
            return False
        self._seen = self._refused = now
        logger.warning("the certificate %s was read anew", self._certificate)
        return True

    def _look(self) -> tuple[tuple[int, int, int], ...] | None:
        try:
            found = [os.stat(file) for file in (self._certificate, self._key)]  # noqa: PTH116 - of links, the target
        except OSError:
            return None
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)


if __name__ == "__main__":
    main()
