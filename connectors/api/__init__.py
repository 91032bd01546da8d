"""Endpoints of connections. Their secrets never leave the server."""
