"""What the deeds of a sample mean: each kind with how grave it is and the ATT&CK techniques that it hints at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`severity` is informational, low, medium or high. A hint is no proof: ordinary programs do many of these."""

    key: str
    title: str
    severity: str
    techniques: tuple[str, ...] = ()


_ALL = (
    Kind("reads_accounts", "Reads the store of password hashes", "high", ("T1003.008",)),
    Kind("reads_keys", "Reads private keys or credentials of others", "high", ("T1552.004", "T1552.001")),
    Kind("mounts", "Tries to mount a file system", "high", ("T1611",)),
    Kind("namespaces", "Tries to make or enter namespaces", "high", ("T1611",)),
    Kind("traces_others", "Tries to trace another process", "high", ("T1055.008",)),
    Kind("traced_by_parent", "Asks whether it is being traced", "medium", ("T1622",)),
    Kind("injects", "Reads or writes the memory of another process", "high", ("T1055",)),
    Kind("memory_file", "Makes a file that exists in memory alone", "medium", ("T1620",)),
    Kind("runs_memory_file", "Runs a program from memory", "high", ("T1620",)),
    Kind("kernel_module", "Tries to load a kernel module", "high", ("T1547.006",)),
    Kind("cron", "Persists with a scheduled job", "high", ("T1053.003",)),
    Kind("service", "Persists as a service", "high", ("T1543.002",)),
    Kind("shell_start", "Persists in what a shell reads at its start", "medium", ("T1546.004",)),
    Kind("autostart", "Persists in the start of a desktop", "medium", ("T1547.013",)),
    Kind("boot_script", "Persists in a script of the start", "high", ("T1037.004",)),
    Kind("authorized_keys", "Adds a key that may sign in", "high", ("T1098.004",)),
    Kind("preload", "Makes every program load a library", "high", ("T1574.006",)),
    Kind("accounts_changed", "Changes the accounts of the machine", "high", ("T1136.001",)),
    Kind("deletes_itself", "Deletes itself", "medium", ("T1070.004",)),
    Kind("deletes_traces", "Deletes logs or the history of commands", "medium", ("T1070.002", "T1070.003")),
    Kind("decoys", "Changes or deletes documents that are not its own", "high", ("T1486",)),
    Kind("makes_runnable", "Makes a file runnable", "low", ("T1222.002",)),
    Kind("set_id", "Sets the set-user-id mark on a file", "high", ("T1548.001",)),
    Kind("runs_dropped", "Runs a file that it dropped", "high", ("T1204.002",)),
    Kind("hidden", "Makes a hidden file", "low", ("T1564.001",)),
    Kind("shell", "Runs a shell", "low", ("T1059.004",)),
    Kind("python", "Runs Python", "informational", ("T1059.006",)),
    Kind("looks_at_system", "Looks at the system", "low", ("T1082",)),
    Kind("looks_at_accounts", "Looks at the accounts", "low", ("T1087.001",)),
    Kind("looks_at_processes", "Looks at the processes", "low", ("T1057",)),
    Kind("looks_at_network", "Looks at the network's settings", "low", ("T1016",)),
    Kind("downloads", "Runs a program that fetches files", "medium", ("T1105",)),
    Kind("looks_for_sandbox", "Looks for signs of a virtual machine", "medium", ("T1497.001",)),
    Kind("names", "Asks for names", "low", ("T1071.004",)),
    Kind("http", "Talks HTTP", "medium", ("T1071.001",)),
    Kind("tls", "Opens an encrypted connection", "medium", ("T1573.002",)),
    Kind("raw", "Sends data of a protocol of its own", "medium", ("T1095",)),
    Kind("odd_port", "Talks to an unusual port", "low", ("T1571",)),
    Kind("connects", "Tries to reach an address", "low", ()),
    Kind("listens", "Waits for connections", "medium", ("T1571",)),
    Kind("drops", "Writes files", "low", ()),
    Kind("process_limit", "Starts processes until none is left", "high", ("T1499.001",)),
    Kind("memory_limit", "Takes memory until none is left", "medium", ("T1499.001",)),
    Kind("outlives", "Still ran when the time was over", "low", ("T1497.003",)),
    Kind("stays", "Leaves processes running", "low", ("T1036.009",)),
)
KINDS: dict[str, Kind] = {kind.key: kind for kind in _ALL}
GRAVITY = ("high", "medium", "low", "informational")
