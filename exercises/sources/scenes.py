"""Who or what the benign habits are about, and how one alert differs from the next."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from exercises.company import COMPANY, Account, Machine
from exercises.sources.sighting import Address, Letter, Program, Sighting, Wire

_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
# Countries an internet background address seems to come from.
_COUNTRIES = (("NL", "Amsterdam"), ("BR", "São Paulo"), ("VN", "Hanoi"), ("US", "Ashburn"), ("PL", "Warsaw"))


def stranger(rng: Random) -> Address:
    """An address of the internet's background; attackers of the demo use other ones."""
    country, city = rng.choice(_COUNTRIES)
    return Address(f"192.0.2.{rng.randrange(1, 255)}", country, city)


def somebody(rng: Random) -> Account:
    return rng.choice([account for account in COMPANY.employees if not account.is_sensitive])


def some_workplace(rng: Random) -> Machine:
    return rng.choice(COMPANY.workplaces)


def _sighting(wire: Wire, title: str, severity: str, category: str, detector: str, **values: object) -> Sighting:
    base = Sighting(wire, "", _SOME_DAY, title, severity, category, detector, suspicious=False)
    return replace(base, **values)  # type: ignore[arg-type]  # the fields of Sighting, checked where it is made


def scanner(_rng: Random) -> Sighting:
    return _sighting(
        Wire.WAZUH,
        "Port scan from the vulnerability scanner",
        "low",
        "Discovery",
        "86602/5",
        machine=COMPANY.machine("SCAN-01"),
        account=COMPANY.account("svc-scan"),
        techniques=("T1046",),
        extra={
            "decoder": "json",
            "groups": "ids,suricata,recon",
            "location": "/var/log/suricata/eve.json",
            "direction": "out",
        },
    )


def other_target(rng: Random, scene: Sighting) -> Sighting:
    target = rng.choice([one for one in COMPANY.machines if "-SRV-" in one.name or one.name.startswith("DC-")])
    return replace(scene, extra={**scene.extra, "far": target.ip, "port": str(rng.choice((22, 135, 443, 445, 3389)))})


def web_probe(_rng: Random) -> Sighting:
    return _sighting(
        Wire.WAZUH,
        "Suricata: Alert - WEB_SERVER probe for a known weakness",
        "low",
        "InitialAccess",
        "86601/4",
        machine=COMPANY.machine("WEB-SRV-01"),
        techniques=("T1190",),
        blocked=True,
        extra={"decoder": "json", "groups": "ids,suricata,web", "location": "/var/log/suricata/eve.json"},
    )


def gateway_guess(_rng: Random) -> Sighting:
    return _sighting(
        Wire.WAZUH,
        "sshd: Attempt to login using a non-existent user",
        "low",
        "CredentialAccess",
        "5710/5",
        machine=COMPANY.machine("VPN-GW-01"),
        techniques=("T1110.001",),
        extra={"decoder": "sshd", "groups": "syslog,sshd,authentication_failed", "location": "/var/log/auth.log"},
    )


def other_stranger(rng: Random, scene: Sighting) -> Sighting:
    return replace(scene, address=stranger(rng))


def other_guess(rng: Random, scene: Sighting) -> Sighting:
    """Whoever guesses at the gateway rents a new address for each try."""
    address = Address(f"2001:db8:{rng.randrange(1, 65536):x}:{rng.randrange(1, 65536):x}::{rng.randrange(1, 4096):x}")
    return replace(scene, address=address, extra={**scene.extra, "user": rng.choice(("admin", "root", "test"))})


_BACKUP = Program("agent-backup.exe", r"C:\Program Files\Keelback Backup", signer="Keelback Software")


def backup(_rng: Random) -> Sighting:
    return _sighting(
        Wire.WAZUH,
        "Integrity checksum changed for many files",
        "medium",
        "Impact",
        "554/8",
        machine=COMPANY.machine("BKP-SRV-01"),
        account=COMPANY.account("svc-backup"),
        techniques=("T1486",),
        extra={"decoder": "syscheck", "groups": "ossec,syscheck,syscheck_file", "location": "syscheck"},
    )


def other_set(rng: Random, scene: Sighting) -> Sighting:
    path = rf"E:\Backup\{rng.choice(COMPANY.machines).name}\set-{rng.randrange(100, 999)}.kbk"
    return replace(scene, extra={**scene.extra, "path": path})


def backup_behaviour(_rng: Random) -> Sighting:
    """The agent runs as the system itself, so no account is named."""
    return _sighting(
        Wire.GRAPH,
        "Mass file changes by one process",
        "medium",
        "Ransomware",
        "mass-file-changes",
        machine=COMPANY.machine("BKP-SRV-01"),
        program=_BACKUP,
        command='"agent-backup.exe" --job nightly --compress',
        techniques=("T1486",),
    )


def service_round(_rng: Random) -> Sighting:
    """The backup service signs in everywhere once a night: one alert that names all of its machines."""
    served = [one for one in COMPANY.machines if one.managed and one.online and one.is_windows]
    return _sighting(
        Wire.SENTINEL,
        "Service account signed in to many devices",
        "informational",
        "LateralMovement",
        "service-round",
        machine=served[0],
        others=tuple(served[1:]),
        account=COMPANY.account("svc-backup"),
        techniques=("T1078.002",),
    )


def telephone(rng: Random) -> Sighting:
    account = somebody(rng)
    return _sighting(
        Wire.WAZUH,
        "Logon failure - Unknown user or bad password",
        "low",
        "CredentialAccess",
        "60122/5",
        machine=COMPANY.machine("DC-02"),
        account=account,
        techniques=("T1110",),
        extra={
            "event": "4625",
            "provider": "Microsoft-Windows-Security-Auditing",
            "channel": "Security",
            "status": "0xc000006d",
            "logon_type": "3",
            "groups": "windows,authentication_failed",
        },
    )


def printer_login(_rng: Random) -> Sighting:
    return _sighting(
        Wire.SENTINEL,
        "Sign-in with a legacy protocol",
        "low",
        "InitialAccess",
        "legacy-protocol",
        account=COMPANY.account("svc-print"),
        address=Address("10.40.10.23"),
        techniques=("T1078",),
    )


def remote_tool(rng: Random) -> Sighting:
    tool = Program("RemoteDesk.exe", r"C:\Windows\Temp", signer="Lanternfish Remote")
    machine = rng.choice([one for one in COMPANY.workplaces if one.name.startswith("OPS-")])
    return _sighting(
        Wire.GRAPH,
        "Remote tool installed outside its window",
        "medium",
        "LateralMovement",
        "remote-tool",
        machine=machine,
        account=COMPANY.account("adm-d.reyes"),
        program=tool,
        techniques=("T1219", "T1569.002"),
        command=r"RemoteDesk.exe -accepteula \\" + machine.name + " -s cmd",
        extra={"parent": "services.exe"},
    )


def remote_service(rng: Random) -> Sighting:
    machine = rng.choice([one for one in COMPANY.workplaces if one.name.startswith(("OPS-", "GATE-"))])
    return _sighting(
        Wire.WAZUH,
        "New Windows service created by an administrator",
        "low",
        "Persistence",
        "61138/5",
        machine=machine,
        account=COMPANY.account("adm-s.winther"),
        techniques=("T1543.003",),
        extra={"event": "7045", "provider": "Service Control Manager", "channel": "System"},
    )


def traveller(rng: Random) -> Sighting:
    country, city = rng.choice((("SG", "Singapore"), ("AE", "Dubai"), ("CA", "Montreal")))
    return _sighting(
        Wire.SENTINEL,
        "Impossible travel for a travelling executive",
        "medium",
        "InitialAccess",
        "atypical-travel",
        account=COMPANY.account("c.moreau"),
        address=Address("192.0.2.201", country, city),
        techniques=("T1078.004",),
        description="Sign-ins from the head office and from abroad lie closer together than a flight takes.",
    )


def unwanted(rng: Random) -> Sighting:
    name = rng.choice(("toolbar-setup.exe", "pdf-joiner.exe", "coupon-helper.exe", "driver-finder.exe"))
    machine = some_workplace(rng)
    return _sighting(
        Wire.GRAPH,
        "Unwanted software was prevented",
        "informational",
        "UnwantedSoftware",
        "pua-prevented",
        machine=machine,
        account=COMPANY.account(machine.users[0]),
        product="antivirus",
        blocked=True,
        program=Program(name, r"C:\Users\Public\Downloads", label=f"{name}:{machine.name}"),
    )


def spam(rng: Random) -> Sighting:
    subject = rng.choice(
        ("Parcel waiting for you", "Your storage is full", "Berth fees overdue", "Voicemail 0:42", "Shared file: rota")
    )
    sender = f"notice{rng.randrange(1000)}@mail-{rng.randrange(10, 99)}.example"
    letter = Letter(
        subject, sender, "Notification", stranger(rng).ip, url=f"https://mail-{rng.randrange(99)}.example/v"
    )
    return _sighting(
        Wire.GRAPH,
        "Phishing message removed after delivery",
        "informational",
        "InitialAccess",
        "zap-phish",
        letter=letter,
        recipient=somebody(rng).upn,
        product="office",
        blocked=True,
        techniques=("T1566.002",),
    )


def other_recipient(rng: Random, scene: Sighting) -> Sighting:
    return replace(scene, recipient=somebody(rng).upn)


def usb(rng: Random) -> Sighting:
    machine = rng.choice([one for one in COMPANY.workplaces if one.name.startswith(("CUS-", "YARD-", "GATE-"))])
    return _sighting(
        Wire.WAZUH,
        "USB storage used",
        "low",
        "Collection",
        "60227/4",
        machine=machine,
        techniques=("T1052.001",),
        extra={"event": "6416", "provider": "Microsoft-Windows-Security-Auditing", "channel": "Security"},
    )


def driver(_rng: Random) -> Sighting:
    return _sighting(
        Wire.GRAPH,
        "Unsigned driver loaded",
        "low",
        "PrivilegeEscalation",
        "unsigned-driver",
        machine=COMPANY.machine("LAB-WS-004"),
        account=COMPANY.account("a.rossetti"),
        techniques=("T1068",),
        program=Program("probe.sys", r"C:\Windows\System32\drivers", label="laboratory probe driver"),
    )


def build_script(rng: Random) -> Sighting:
    machine = COMPANY.machine(rng.choice(("DEV-WS-011", "DEV-WS-019")))
    return _sighting(
        Wire.SENTINEL,
        "Suspicious PowerShell download",
        "medium",
        "Execution",
        "powershell-download",
        machine=machine,
        account=COMPANY.account(machine.users[0]),
        techniques=("T1059.001",),
        program=Program("powershell.exe", r"C:\Windows\System32\WindowsPowerShell\v1.0", signer="Microsoft"),
        command="powershell.exe -NoProfile -Command iwr https://packages.brinehaven.example/build.zip -o build.zip",
    )


def sudo(_rng: Random) -> Sighting:
    return _sighting(
        Wire.WAZUH,
        "Successful sudo to ROOT executed",
        "informational",
        "PrivilegeEscalation",
        "5402/3",
        machine=COMPANY.machine("APP-SRV-02"),
        account=COMPANY.account("svc-monitor"),
        techniques=("T1548.003",),
        extra={"decoder": "sshd", "groups": "syslog,sudo", "location": "/var/log/auth.log"},
    )


def gate_camera(_rng: Random) -> Sighting:
    return _sighting(
        Wire.WAZUH,
        "Suricata: Alert - POLICY cleartext password on the local network",
        "low",
        "CredentialAccess",
        "86601/4",
        machine=COMPANY.machine("APP-SRV-01"),
        account=COMPANY.account("svc-gate"),
        techniques=("T1040",),
        extra={
            "decoder": "json",
            "groups": "ids,suricata",
            "location": "/var/log/suricata/eve.json",
            "far": "10.40.30.26",
        },
    )


def forwarding(rng: Random) -> Sighting:
    account = somebody(rng)
    return _sighting(
        Wire.SENTINEL,
        "Mail forwarded to a private address",
        "low",
        "Collection",
        "mail-forwarding",
        account=account,
        recipient=account.upn,
        techniques=("T1114.003",),
    )


def distribution(rng: Random) -> Sighting:
    machine = some_workplace(rng)
    return _sighting(
        Wire.SENTINEL,
        "Program installed by software distribution",
        "informational",
        "Execution",
        "software-install",
        machine=machine,
        account=COMPANY.account("svc-deploy"),
        techniques=("T1072",),
    )
