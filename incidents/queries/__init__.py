"""Query-sets; each begins with `visible_to(user)`.

An alert is visible when it names no device or one in my groups, an incident when any of its alerts is; a restricted
incident and its alerts only to the named people. What is hidden is counted, not shown.
"""
