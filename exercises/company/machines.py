"""What stands in the company: name, system, group of facts, and what is special about it."""

# name | os platform | version | criticality | value | exposure | words (dc, file, internet, offline, unmanaged)
SERVERS = """
DC-01       | WindowsServer2022 | 21H2  | high     | high   | low    |
DC-02       | WindowsServer2022 | 21H2  | high     | high   | low    |
FILE-SRV-01 | WindowsServer2022 | 21H2  | high     | high   | medium |
FILE-SRV-02 | WindowsServer2022 | 21H2  | high     | high   | medium |
FILE-SRV-03 | WindowsServer2019 | 1809  | medium   | high   | medium |
BKP-SRV-01  | WindowsServer2022 | 21H2  | high     | high   | low    |
MAIL-SRV-01 | Linux             | 12    | high     | high   | medium | internet
APP-SRV-01  | WindowsServer2019 | 1809  | veryHigh | high   | medium |
APP-SRV-02  | Linux             | 12    | high     | high   | low    |
SQL-SRV-01  | WindowsServer2022 | 21H2  | high     | high   | low    |
WEB-SRV-01  | Linux             | 12    | medium   | normal | high   | internet
VPN-GW-01   | Linux             | 11    | high     | normal | high   | internet
PRN-SRV-01  | WindowsServer2019 | 1809  | low      | low    | medium |
UPD-SRV-01  | WindowsServer2022 | 21H2  | medium   | normal | low    |
SCAN-01     | Linux             | 12    | low      | low    | low    |
"""

# The crane panel is seen on the network, but nothing runs on it that could be told to act.
UNMANAGED = """
CRANE-HMI-02 | WindowsEmbedded | 7 | medium | high | high | unmanaged
"""

# Machines that belong to nobody in particular.
SHARED_WORKPLACES = """
GATE-WS-061 | Windows10 | 22H2 | low    | normal | medium |
GATE-WS-062 | Windows10 | 22H2 | low    | normal | medium |
YARD-WS-071 | Windows10 | 22H2 | low    | normal | high   |
YARD-WS-072 | Windows10 | 22H2 | low    | normal | high   |
"""

OFFLINE = frozenset({"SAL-LT-007"})

# Scopes, best rank first. The rule is what the device group matcher understands.
GROUPS: list[tuple[str, str, dict[str, dict[str, object]]]] = [
    ("Domain controllers", "Directory and sign-in", {"name": {"operator": "startswith", "values": ["DC-"]}}),
    ("File servers", "Shared files of every department", {"name": {"operator": "startswith", "values": ["FILE-SRV-"]}}),
    (
        "Servers",
        "Applications, databases, mail, backup",
        {"name": {"operator": "contains", "values": ["-SRV-", "VPN-GW-", "SCAN-"]}},
    ),
    ("Finance", "Money in and out", {"name": {"operator": "startswith", "values": ["FIN-"]}}),
    ("HR", "Personnel files", {"name": {"operator": "startswith", "values": ["HR-"]}}),
    (
        "Operations",
        "Terminal, gate, yard and cranes",
        {"name": {"operator": "startswith", "values": ["OPS-", "GATE-", "YARD-", "CRANE-", "CUS-"]}},
    ),
    ("IT", "Administration and development", {"name": {"operator": "startswith", "values": ["IT-", "LAB-", "DEV-"]}}),
    ("Workstations", "Everybody else", {"name": {"operator": "contains", "values": ["-WS-", "-LT-"]}}),
]
