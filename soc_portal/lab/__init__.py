"""A small network of Linux hosts on this machine, each with the real agent, made of namespaces and gone without trace.

`able` says whether the machine can; `keeper` holds the bridge and the hosts, `host` is the first process of each;
`conductor` is what `./soc lab` does from outside, `attacks` starts harmless stand-ins for what attackers do.
"""
