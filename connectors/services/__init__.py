"""Verbs of connections and deliveries. Side effects outside the database happen here and in the kinds only."""
