"""Verbs: open and end a session, type a command, take what the agent answers. Views and API go through these."""
