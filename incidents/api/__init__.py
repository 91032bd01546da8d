"""Endpoints of incidents, alerts, entities and dead letters. They call the services that the pages call."""
