"""The endpoint agent. It imports nothing of the portal; what both know is the protocol (docs/agent.md)."""

__version__ = "0.3.0"
