from connectors.models.connection import Connection
from connectors.models.delivery import Delivery
from connectors.models.halt import Halt
from connectors.models.state import ConnectorState

__all__ = ["Connection", "ConnectorState", "Delivery", "Halt"]
