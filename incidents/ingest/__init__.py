"""From what a source sent to stored alerts: one path for the API, for files and for exercises."""
