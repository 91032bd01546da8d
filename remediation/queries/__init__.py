"""Query-sets of runs; each begins with `visible_to(user)`."""
