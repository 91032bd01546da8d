"""What is known of the devices, accounts, files and mailboxes that a batch names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from incidents.correlation.addresses import Machine, is_internal, load_machines
from incidents.services.facts import BUILT_IN_ACCOUNTS, BUILT_IN_SIDS

# Programs that are part of the system or on every desk: naming one says nothing about who started it.
ORDINARY_PROGRAMS = frozenset({
    "powershell.exe", "pwsh.exe", "cmd.exe", "explorer.exe", "svchost.exe", "rundll32.exe", "regsvr32.exe",
    "wscript.exe", "cscript.exe", "mshta.exe", "services.exe", "lsass.exe", "winlogon.exe", "conhost.exe",
    "schtasks.exe", "net.exe", "net1.exe", "sc.exe", "reg.exe", "wmic.exe", "wmiprvse.exe", "bitsadmin.exe",
    "certutil.exe", "msiexec.exe",
    "taskhostw.exe", "dllhost.exe", "psexec.exe", "psexesvc.exe", "vssadmin.exe", "wbadmin.exe", "bcdedit.exe",
    "whoami.exe", "ipconfig.exe", "systeminfo.exe", "tasklist.exe", "nltest.exe", "ping.exe", "notepad.exe",
    "chrome.exe", "msedge.exe", "firefox.exe", "outlook.exe", "winword.exe", "excel.exe", "teams.exe", "onedrive.exe",
    "bash", "sh", "dash", "zsh", "python", "python3", "perl", "curl", "wget", "ssh", "sshd", "sudo", "systemd", "cron",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """One evidence row, as far as correlation needs it."""

    alert_id: int
    type: str
    key: str
    display: str
    verdict: str
    roles: Sequence[str]
    members: Sequence[str]
    device_id: int | None
    file_id: int | None
    identity_id: int | None
    mailbox_id: int | None


@dataclass(slots=True)
class Entities:
    """What is known of the entities that the batch names."""

    devices: dict[int, tuple[str, bool]] = field(default_factory=dict)
    # Device id -> its internal addresses.
    addresses: dict[int, list[str]] = field(default_factory=dict)
    # Internal address -> the machines that have it.
    machines: dict[str, list[Machine]] = field(default_factory=dict)
    identities: dict[int, tuple[str, bool]] = field(default_factory=dict)
    telling_files: dict[int, tuple[str, bool]] = field(default_factory=dict)
    # Identity or mailbox id -> the person behind it, by address; and back.
    person_of_identity: dict[int, str] = field(default_factory=dict)
    person_of_mailbox: dict[int, str] = field(default_factory=dict)
    mailbox_names: dict[int, str] = field(default_factory=dict)
    # Keys of evidence that a rule compares.
    keys: set[str] = field(default_factory=set)
    # Keys that evidence stands for beside its own.
    members: set[str] = field(default_factory=set)

    def machine_at(self, address: str, exercise: str) -> Machine | None:
        """The one machine that has the address; an exercise's machine is none for real alerts."""
        found = [one for one in self.machines.get(address, ()) if one.exercise in ("", exercise)]
        return found[0] if len(found) == 1 else None


def load_entities(cursor: Any, rows: Sequence[Named], *, marked_hubs: bool = True) -> Entities:
    found = Entities()  # `marked_hubs`: whether the marks count that were put on hubs before
    ids = {
        name: sorted({value for row in rows if (value := getattr(row, name)) is not None})
        for name in ("device_id", "file_id", "identity_id", "mailbox_id")
    }
    if ids["device_id"]:
        cursor.execute(
            "SELECT id, display_name, is_hub, ip_addresses FROM incidents_device WHERE id = ANY(%s)", [ids["device_id"]]
        )
        for pk, name, hub, addresses in cursor.fetchall():
            found.devices[pk] = (name, hub and marked_hubs)
            found.addresses[pk] = [address for address in addresses if is_internal(address)]
    named_addresses = {row.key[3:] for row in rows if row.key.startswith("ip:")}
    load_machines(cursor, {address for address in named_addresses if is_internal(address)}, found.machines)
    if ids["file_id"]:
        cursor.execute(
            "SELECT id, display_name, is_hub, publisher, signer FROM incidents_file WHERE id = ANY(%s)",
            [ids["file_id"]],
        )
        found.telling_files = {
            pk: (name, hub and marked_hubs)
            for pk, name, hub, publisher, signer in cursor.fetchall()
            if name.lower() not in ORDINARY_PROGRAMS and "microsoft" not in f"{publisher} {signer}".lower()
        }
    if ids["identity_id"]:
        cursor.execute(
            "SELECT id, key, display_name, account_name, sid, is_hub FROM incidents_identity WHERE id = ANY(%s)",
            [ids["identity_id"]],
        )
        for pk, key, name, account, sid, hub in cursor.fetchall():
            found.person_of_identity[pk] = f"person:{key}" if "@" in key else f"identity:{pk}"
            if is_personal(account, sid):
                found.identities[pk] = (name, hub and marked_hubs)
    if ids["mailbox_id"]:
        cursor.execute(
            "SELECT id, key, display_name, upn FROM incidents_mailbox WHERE id = ANY(%s)", [ids["mailbox_id"]]
        )
        for pk, key, name, upn in cursor.fetchall():
            found.person_of_mailbox[pk] = f"person:{upn.lower() or key}"
            found.mailbox_names[pk] = name
    return found


def is_personal(account: str, sid: str) -> bool:
    """Not one of the accounts that exist on every machine, nor a machine itself."""
    name = account.lower()
    return name not in BUILT_IN_ACCOUNTS and not name.endswith("$") and sid.lower() not in BUILT_IN_SIDS
