"""The company as objects, with look-ups. Built once; the same on every machine and for every seed."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from exercises.company import machines, people

NAME = "Brinehaven Harbour Logistics"
DOMAIN = "brinehaven.example"
NT_DOMAIN = "BRINEHAVEN"
TENANT_ID = "7d0c5b1e-4a56-4f0e-9c55-6f1b2d7a9e40"
_NETWORKS = {"Finance": 20, "HR": 21, "Operations": 22, "IT": 23, "Board": 24, "Sales": 25, "Customs": 26}


def stable_id(kind: str, name: str) -> str:
    """A UUID that is the same for the same thing in every play."""
    digest = hashlib.md5(f"{kind}:{name}:{DOMAIN}".encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-9{digest[17:20]}-{digest[20:32]}"


@dataclass(frozen=True)
class Account:
    """A person or a service account of the directory."""

    name: str
    display_name: str
    department: str
    title: str
    machine: str = ""
    is_service: bool = False
    is_sensitive: bool = False

    @property
    def upn(self) -> str:
        return f"{self.name}@{DOMAIN}"

    @property
    def directory_id(self) -> str:
        return stable_id("user", self.name)

    @property
    def sid(self) -> str:
        number = int(hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()[:8], 16) % 90_000 + 1100
        return f"S-1-5-21-2871004211-1190447365-3310982457-{number}"


@dataclass(frozen=True)
class Machine:
    """A device of the company. `agent_id` is its number at the log collector, empty for unmanaged ones."""

    name: str
    platform: str
    version: str
    criticality: str
    value: str
    exposure: str
    ip: str
    agent_id: str
    users: tuple[str, ...] = ()
    internet_facing: bool = False
    managed: bool = True
    online: bool = True

    @property
    def dns_name(self) -> str:
        return f"{self.name.lower()}.{DOMAIN}"

    @property
    def sensor_id(self) -> str:
        return hashlib.sha1(self.dns_name.encode(), usedforsecurity=False).hexdigest()

    @property
    def directory_id(self) -> str:
        return stable_id("device", self.name)

    @property
    def is_windows(self) -> bool:
        return self.platform.startswith("Windows")

    @property
    def mac(self) -> str:
        digest = hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()
        return "02:" + ":".join(digest[n : n + 2].upper() for n in range(0, 10, 2))


@dataclass(frozen=True)
class SharedMailbox:
    name: str
    display_name: str

    @property
    def address(self) -> str:
        return f"{self.name}@{DOMAIN}"


@dataclass
class Company:
    accounts: list[Account] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    shared_mailboxes: list[SharedMailbox] = field(default_factory=list)

    @cached_property
    def _accounts_by_name(self) -> dict[str, Account]:
        return {account.name: account for account in self.accounts}

    @cached_property
    def _machines_by_name(self) -> dict[str, Machine]:
        return {machine.name: machine for machine in self.machines}

    def account(self, name: str) -> Account:
        return self._accounts_by_name[name]

    def machine(self, name: str) -> Machine:
        return self._machines_by_name[name]

    def machine_of(self, account: str) -> Machine:
        """Where somebody works; shared workplaces are handed out by name."""
        own = self._accounts_by_name[account].machine
        if own:
            return self._machines_by_name[own]
        shared = [machine for machine in self.machines if machine.name.startswith(("GATE-", "YARD-"))]
        return shared[len(account) % len(shared)]

    @cached_property
    def employees(self) -> list[Account]:
        return [account for account in self.accounts if not account.is_service]

    @cached_property
    def workplaces(self) -> list[Machine]:
        """Managed machines that people sit at."""
        return [machine for machine in self.machines if machine.name[-7:-3] in ("-WS-", "-LT-")]


def _accounts() -> list[Account]:
    found = []
    for name, display, department, title, machine in people.rows(people.EMPLOYEES):
        sensitive = name.startswith("+")
        found.append(Account(name.lstrip("+"), display, department, title, machine, is_sensitive=sensitive))
    for name, display, purpose in people.rows(people.SERVICE_ACCOUNTS):
        is_admin = name.startswith("adm-")
        found.append(Account(name, display, "IT", purpose, is_service=not is_admin, is_sensitive=True))
    return found


def _machines(accounts: list[Account]) -> list[Machine]:
    found: list[Machine] = []
    for table, network in ((machines.SERVERS, 10), (machines.UNMANAGED, 30), (machines.SHARED_WORKPLACES, 22)):
        for name, platform, version, criticality, value, exposure, words in people.rows(table):
            number = len(found) + 11
            found.append(
                Machine(
                    name=name,
                    platform=platform,
                    version=version,
                    criticality=criticality,
                    value=value,
                    exposure=exposure,
                    ip=f"10.40.{network}.{number}",
                    agent_id="" if words == "unmanaged" else f"{number:03d}",
                    users=("svc-backup",) if words != "unmanaged" else (),
                    internet_facing=words == "internet",
                    managed=words != "unmanaged",
                )
            )
    for account in accounts:
        if account.machine:
            found.append(_workplace(account, len(found) + 11))
    return found


def _workplace(owner: Account, number: int) -> Machine:
    is_laptop = "-LT-" in owner.machine
    important = owner.department in ("Board", "Finance")
    return Machine(
        name=owner.machine,
        platform="Windows11",
        version="24H2" if is_laptop else "23H2",
        criticality="medium" if important or owner.department == "IT" else "low",
        value="high" if important else "normal",
        exposure="medium" if is_laptop else "low",
        ip=f"10.40.{_NETWORKS.get(owner.department, 27)}.{number}",
        agent_id=f"{number:03d}",
        users=(owner.name, "svc-backup"),
        online=owner.machine not in machines.OFFLINE,
    )


def _build() -> Company:
    accounts = _accounts()
    shared = [SharedMailbox(name, display) for name, display in people.rows(people.SHARED_MAILBOXES)]
    return Company(accounts, _machines(accounts), shared)


COMPANY = _build()
