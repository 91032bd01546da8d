"""One thing a sensor noticed, in the company's own words. The renderers beside this module put it on the wire."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from exercises.company import Account, Machine


class Wire(StrEnum):
    """The formats the demo speaks, by the names of the ingest."""

    GRAPH = "graph"
    SENTINEL = "sentinel"
    WAZUH = "wazuh"


@dataclass(frozen=True)
class Program:
    """A file that was run or written. Its hash follows from its label, so the same label is the same file."""

    name: str
    folder: str
    label: str = ""
    size: int = 412_160
    signer: str = ""

    def _digest(self, algorithm: str) -> str:
        return hashlib.new(algorithm, f"demo:{self.label or self.name}".encode(), usedforsecurity=False).hexdigest()

    @property
    def sha256(self) -> str:
        return self._digest("sha256")

    @property
    def sha1(self) -> str:
        return self._digest("sha1")

    @property
    def md5(self) -> str:
        return self._digest("md5")

    @property
    def path(self) -> str:
        separator = "\\" if "\\" in self.folder or ":" in self.folder else "/"
        return f"{self.folder}{separator}{self.name}"


@dataclass(frozen=True)
class Run:
    """One run of a program on a machine, with the run that started it, as far as the sensor knows it."""

    number: int
    began: datetime
    image: str
    parent: "Run | None" = None

    @property
    def identifier(self) -> str:
        """As sensors name a run that they have seen begin."""
        digest = hashlib.sha256(f"{self.number}:{self.began.isoformat()}:{self.image}".encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


@dataclass(frozen=True)
class Letter:
    """A mail message. Its ids follow from its subject and sender."""

    subject: str
    sender: str
    sender_name: str = ""
    sender_ip: str = ""
    url: str = ""
    attachments: int = 0
    outbound: bool = False

    @property
    def message_id(self) -> str:
        digest = hashlib.md5(f"{self.sender}:{self.subject}".encode(), usedforsecurity=False).hexdigest()
        return f"<{digest}@{self.sender.rpartition('@')[2]}>"

    @property
    def network_id(self) -> str:
        digest = hashlib.md5(f"net:{self.sender}:{self.subject}".encode(), usedforsecurity=False).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


@dataclass(frozen=True)
class Address:
    """An address on the internet, from the ranges kept for documentation."""

    ip: str
    country: str = ""
    city: str = ""


@dataclass(frozen=True)
class Sighting:
    """What one sensor noticed at one moment.

    `key` is unique within the play: the source's own alert id follows from it. `detector` names the rule that fired.
    `others` are further machines of the same deed. `blocked` says that the deed was stopped on the way. `extra` carries
    what only one wire format has.
    """

    wire: Wire
    key: str
    at: datetime
    title: str
    severity: str
    category: str
    detector: str
    description: str = ""
    techniques: tuple[str, ...] = ()
    machine: Machine | None = None
    others: tuple[Machine, ...] = ()
    account: Account | None = None
    program: Program | None = None
    command: str = ""
    run: Run | None = None
    address: Address | None = None
    letter: Letter | None = None
    recipient: str = ""
    mailbox_rule: str = ""
    url: str = ""
    files_changed: int = 0
    blocked: bool = False
    suspicious: bool = True
    span: timedelta = timedelta(0)
    product: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def provider_id(self) -> str:
        digest = hashlib.sha256(self.key.encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"

    @property
    def number(self) -> int:
        """A stable number for ports, process ids and counters."""
        return int(self.provider_id[:8], 16)

    @property
    def verdict(self) -> str:
        return "malicious" if self.severity == "high" and self.suspicious else "suspicious"
