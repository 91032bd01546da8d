"""Live response: a person works on a device with typed commands, each a signed order of its own, all of it recorded."""
