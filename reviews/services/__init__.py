"""Verbs of reviews: write, sign, follow up, print."""
