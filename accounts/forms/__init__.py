"""What people type in the pages of this room."""
