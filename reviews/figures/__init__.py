"""Figures of the managers' room. Each is computed over the incidents that the person who looks may see, and each can
name the rows behind it (`rows`)."""
