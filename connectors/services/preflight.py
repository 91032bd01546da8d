"""Asking what an order would do, without giving it."""

from collections.abc import Mapping
from typing import Any

from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.ports import Preflight, Request
from connectors.registry import open_connection
from connectors.targets import Target


def preflight(
    connection: Connection, action: str, kind: str, remote_id: str, *, name: str, arguments: Mapping[str, Any]
) -> Preflight:
    """What would happen; a remote side that does not answer is a warning, not an obstacle."""
    request = Request(key="", action=action, target=Target(kind, remote_id, name), arguments=arguments)
    try:
        return open_connection(connection).preflight(request)
    except ConnectorError as error:
        return Preflight(warnings=(f"The connection could not be asked beforehand: {error.message}",))
