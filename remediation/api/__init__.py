"""Endpoints of action runs. They call the services that the pages call."""
