"""One folder per kind of system the portal talks to; kinds do not know each other."""
