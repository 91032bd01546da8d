"""The portal's own agents on Linux hosts."""

from connectors.kinds.endpoint_agent.connector import EndpointAgentConnector
from connectors.registry import Kind

KIND = Kind(
    key="endpoint_agent",
    label="Endpoint agents",
    description="The portal's own agents on Linux hosts: they isolate, quarantine, collect and scan, and show what is.",
    simulated=False,
    open=EndpointAgentConnector,
)

__all__ = ["KIND"]
