"""The process that holds the lines to endpoint agents, over TLS by an authority that they pin."""

import argparse
import asyncio.sslproto
import logging
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from soc_portal.up.web import CertificatePair

BACKLOG = 1_024
# Of each connection, for as long as it lives; the default of 256 KiB is half a gigabyte for 2,000 agents.
BUFFER = 16 * 1024
logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="soc_portal.up.agent_line")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--socket", type=Path)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    options = parser.parse_args(arguments)
    config = uvicorn.Config(
        "connectors.agent_line.asgi:application",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Polls are held for a minute; the devices ask again by themselves.
        timeout_graceful_shutdown=1,
        timeout_keep_alive=120,
        proxy_headers=False,
        backlog=BACKLOG,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )
    config.load()
    if config.ssl is not None:
        pair = CertificatePair(options.certificate, options.key, config.ssl)
        threading.Thread(target=pair.watch, name="certificate", daemon=True).start()
    asyncio.sslproto.SSLProtocol.max_size = BUFFER
    uvicorn.Server(config).run(sockets=_sockets(options.address, options.port, options.socket))


def _sockets(address: str, port: int, path: Path | None) -> list[socket.socket]:
    """A port for machines, and a socket for hosts on this machine that cannot reach its loopback."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((address, port))
    found = [listening]
    if path is not None:
        path.unlink(missing_ok=True)
        local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        local.bind(str(path))
        path.chmod(0o600)
        found.append(local)
    return found


if __name__ == "__main__":
    main()
