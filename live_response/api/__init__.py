"""The same through the API."""
