"""What the sensors make of each deed of the ransomware."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from exercises.company import COMPANY, Machine
from exercises.sources.sighting import Address, Letter, Program, Sighting, Wire

PROGRAM = Program("svc_update.exe", r"C:\Users\Public\Libraries", label="harbour ransomware", size=1_318_400)
CONTROL = Address("203.0.113.77", "MD", "Chisinau")
LETTER = Letter(
    "Invoice 1187 - corrected",
    "billing@quaymaster-invoices.example",
    "Quaymaster billing",
    "203.0.113.61",
    url="https://quaymaster-invoices.example/d/1187",
    attachments=1,
)
STOLEN = COMPANY.account("svc-backup")


class Reporter:
    """Makes the sightings of one play; `prefix` keeps their keys apart from other plays."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def _one(
        self, wire: Wire, step: str, at: datetime, title: str, severity: str, category: str, **values: Any
    ) -> Sighting:
        detector = f"harbour-{step.partition(':')[0]}"
        return replace(
            Sighting(wire, f"{self._prefix}:{step}:{wire}", at, title, severity, category, detector), **values
        )

    def entry(self, machine: Machine, at: datetime) -> list[Sighting]:
        """A letter, a program from a profile folder, and what the program does first."""
        clerk = COMPANY.account("m.okafor")
        return [
            self._one(
                Wire.GRAPH,
                "mail",
                at,
                "Mail with a look-alike link",
                "low",
                "InitialAccess",
                account=clerk,
                letter=LETTER,
                recipient=clerk.upn,
                product="office",
                techniques=("T1566.002",),
            ),
            self._one(
                Wire.GRAPH,
                "run",
                at + timedelta(minutes=6),
                "Program run from a profile folder",
                "medium",
                "Execution",
                machine=machine,
                account=clerk,
                program=PROGRAM,
                command=PROGRAM.path,
                techniques=("T1204.002",),
            ),
            *self._at_work(machine, at),
        ]

    def _at_work(self, machine: Machine, at: datetime) -> list[Sighting]:
        dump = Program("rundll32.exe", r"C:\Windows\System32", signer="Microsoft")
        return [
            self._one(
                Wire.WAZUH,
                "control",
                at + timedelta(minutes=7),
                "Suricata: Alert - MALWARE command channel to a new address",
                "medium",
                "CommandAndControl",
                machine=machine,
                address=CONTROL,
                techniques=("T1071.001",),
                detector="86601/10",
                extra={
                    "decoder": "json",
                    "groups": "ids,suricata",
                    "location": "/var/log/suricata/eve.json",
                    "direction": "out",
                },
            ),
            self._one(
                Wire.GRAPH,
                "credentials",
                at + timedelta(minutes=9),
                "Credentials read from memory",
                "medium",
                "CredentialAccess",
                machine=machine,
                account=STOLEN,
                program=dump,
                techniques=("T1003.001",),
                command="rundll32.exe comsvcs.dll, MiniDump 704 C:\\Windows\\Temp\\m.dmp full",
                extra={"parent": PROGRAM.name},
            ),
        ]

    def spread(self, source: Machine, targets: tuple[Machine, ...], at: datetime) -> Sighting:
        return self._one(
            Wire.SENTINEL,
            "spread",
            at,
            f"One account signs in to {len(targets) + 1} devices",
            "medium",
            "LateralMovement",
            machine=source,
            others=targets,
            account=STOLEN,
            techniques=("T1021.002",),
        )

    def arrival(self, machine: Machine, at: datetime) -> list[Sighting]:
        copy = replace(PROGRAM, folder=r"C:\Windows\Temp")
        return [
            self._one(
                Wire.WAZUH,
                f"service:{machine.name}",
                at,
                "Service created from afar",
                "medium",
                "LateralMovement",
                machine=machine,
                account=STOLEN,
                program=copy,
                command=rf"\\{machine.name}\ADMIN$\Temp\{copy.name} --quiet",
                techniques=("T1569.002",),
                detector="92650/10",
                extra={"event": "7045", "parent": "services.exe"},
            ),
            self._one(
                Wire.GRAPH,
                f"arrives:{machine.name}",
                at + timedelta(seconds=40),
                "Known program arrives",
                "high",
                "LateralMovement",
                machine=machine,
                account=STOLEN,
                program=copy,
                techniques=("T1570",),
                command=rf"\\{machine.name}\ADMIN$\Temp\{copy.name} --all --quiet",
                extra={"parent": "services.exe"},
            ),
        ]

    def encryption(self, machine: Machine, at: datetime, *, files: int) -> Sighting:
        return self._one(
            Wire.GRAPH,
            f"encrypts:{machine.name}",
            at,
            "Files encrypted in bulk",
            "high",
            "Ransomware",
            machine=machine,
            program=PROGRAM,
            command=f"{PROGRAM.name} --all --quiet",
            techniques=("T1486",),
            files_changed=files,
            description=f"{files:,} files got a new ending within minutes.",
            extra={"threat": "Harbourlock", "parent": "services.exe"},
        )

    def encryption_both(self, machine: Machine, at: datetime, *, files: int) -> list[Sighting]:
        seen_by_log = self._one(
            Wire.WAZUH,
            f"integrity:{machine.name}",
            at + timedelta(seconds=25),
            "Many files changed, then renamed",
            "high",
            "Impact",
            machine=machine,
            program=PROGRAM,
            techniques=("T1486",),
            detector="554/12",
            extra={"decoder": "syscheck", "groups": "ossec,syscheck", "location": "syscheck"},
        )
        return [self.encryption(machine, at, files=files), seen_by_log]

    def shadow_copies(self, machine: Machine, at: datetime) -> Sighting:
        tool = Program("vssadmin.exe", r"C:\Windows\System32", signer="Microsoft")
        return self._one(
            Wire.SENTINEL,
            f"shadow:{machine.name}",
            at,
            "Shadow copies deleted",
            "high",
            "Impact",
            machine=machine,
            program=tool,
            command="vssadmin.exe delete shadows /all /quiet",
            techniques=("T1490",),
        )

    def refused(self, source: Machine, at: datetime, *, step: str, target: Machine | None = None) -> Sighting:
        reason = f"{(target or source).name} is isolated"
        return self._one(
            Wire.GRAPH,
            f"refused:{step}",
            at,
            f"Spread refused: {reason}",
            "low",
            "LateralMovement",
            machine=source,
            program=PROGRAM,
            command=f"{PROGRAM.name} --all --quiet",
            blocked=True,
            techniques=("T1021.002",),
            description=f"The connection to the next host was refused, because {reason}.",
        )

    def failed_sign_in(self, source: Machine, at: datetime, *, step: str) -> Sighting:
        return self._one(
            Wire.SENTINEL,
            f"sign-in:{step}",
            at,
            f"Sign-in of {STOLEN.name} failed: the account is disabled",
            "low",
            "LateralMovement",
            machine=source,
            account=STOLEN,
            blocked=True,
            techniques=("T1021.002",),
            extra={"Result": "Failure", "Status": "0xC0000072"},
        )

    def unreachable(self, source: Machine, target: Machine, at: datetime) -> Sighting:
        return self._one(
            Wire.WAZUH,
            f"unreachable:{target.name}",
            at,
            f"Connections to {target.name} found nobody",
            "low",
            "Discovery",
            machine=source,
            account=STOLEN,
            blocked=True,
            techniques=("T1018",),
            detector="60205/5",
            extra={"event": "5156", "channel": "Security"},
        )
