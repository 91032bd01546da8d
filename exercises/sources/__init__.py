"""Turns what happened in the company into alerts as real products send them, one module a wire format."""
