"""How the portal talks to real systems."""
