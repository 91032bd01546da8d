"""The investigation package: what an analyst wants to see of a host, collected step by step into one encrypted file."""
