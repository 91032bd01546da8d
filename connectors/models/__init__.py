from connectors.models.agent import Agent, AgentPolicy, EnrolmentToken
from connectors.models.agent_order import (
    AgentOrder,
    AgentUpload,
    AgentUploadPart,
    SignedList,
    WantedState,
)
from connectors.models.connection import Connection
from connectors.models.delivery import Delivery
from connectors.models.halt import Halt
from connectors.models.state import ConnectorState

__all__ = [
    "Agent", "AgentOrder", "AgentPolicy", "AgentUpload", "AgentUploadPart", "Connection", "ConnectorState", "Delivery",
    "EnrolmentToken", "Halt", "SignedList", "WantedState",
]  # fmt: skip
