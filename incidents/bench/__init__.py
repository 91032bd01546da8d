"""Measurements of this room; `./soc bench NAME` runs them."""
