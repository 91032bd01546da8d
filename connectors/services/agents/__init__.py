"""Endpoint agents: how they join, what is asked of them, what they answer."""
