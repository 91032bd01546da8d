"""Reading the truth at the remote side."""

from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.ports import ObservedState
from connectors.registry import open_connection
from connectors.targets import Target
from core import clock


def observe(connection: Connection, target: Target, facet: str, key: str = "") -> ObservedState:
    """What is there now; `known` is false, with the reason, when it cannot be told."""
    try:
        return open_connection(connection).observe(target, facet, key)
    except ConnectorError as error:
        return ObservedState(facet, known=False, detail=error.message, method=error.code, at=clock.now())
