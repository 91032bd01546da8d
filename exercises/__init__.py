"""The demo company and its attacks. Drives the product through its ordinary doors; read by none."""
