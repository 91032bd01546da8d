"""Verbs of people, roles, tokens and device groups."""
