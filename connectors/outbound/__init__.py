"""What leaves the portal to tell somebody something. Calls of other systems' addresses go through `core.http`."""
