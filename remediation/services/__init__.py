"""Verbs of actions: ask, decide, carry out, verify, take back. Views, API and playbooks all go through these."""
