"""Query-sets; each begins with `visible_to(user)`."""
