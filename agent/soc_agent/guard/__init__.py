"""The guard: a process of its own that the kernel asks before a file is opened or run.

It stands alone, for whoever is asked by the kernel must not wait for anybody: no import, no child, no file of a guarded
disk while it decides. What it is to decide it reads from one file, what it did it writes to another (`soc_agent.guard
.policy`). The helper starts it again within two seconds; while it is away the kernel lets everything through.
"""
