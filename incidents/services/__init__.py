"""Verbs of the incidents room."""
