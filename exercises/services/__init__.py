"""Verbs of the demo: lay down the company, open and advance the attacks, fill in the past, remove everything."""
