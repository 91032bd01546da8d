"""The notebook of one attack: each step becomes a sighting with its phase."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from exercises.company import Account, Machine
from exercises.labelled.detections import DETECTIONS, Detection
from exercises.labelled.network import Network, stranger
from exercises.sources.sighting import Address, Letter, Program, Run, Sighting, Wire

# How often a step is done by a run that was seen before, and how often by one that such a run started.
_SAME_RUN, _CHILD_RUN = 0.3, 0.5
_FOLDERS = (r"C:\Users\Public", r"C:\ProgramData", r"C:\Windows\Temp", r"C:\Users\Default\AppData")


# Of the alerts about a machine, so many name the run of a program, by who reports them.
_NAMES_RUN = {Wire.GRAPH: 0.9, Wire.SENTINEL: 0.4, Wire.WAZUH: 0.8}
# What starts a program without the attacker's program being there: the desktop, a timer, a service.
_STARTERS = ("explorer.exe", "svchost.exe", "services.exe")


def begin_run(rng: Random, at: datetime, image: str = "powershell.exe", parent: Run | None = None) -> Run:
    """A new run that began shortly before; without a parent, started by what starts everything."""
    started = at - timedelta(seconds=rng.uniform(0.2, 40))
    starter = Run(rng.randrange(400, 9000), at - timedelta(hours=rng.uniform(1, 60)), rng.choice(_STARTERS))
    return Run(rng.randrange(600, 60_000), started, image, parent or starter)


def sighting_of(
    detection: Detection,
    rng: Random,
    *,
    key: str,
    at: datetime,
    run: Run | None = None,
    starter: Run | None = None,
    **fields: Any,
) -> Sighting:
    """The detection at that moment, by one of the sources that know it. `run` is what did it, where that is a program
    on a machine; a sensor of the network does not see it, and others not always. Without one, `starter` began it."""
    wires = [wire for wire in detection.wires if wire is not Wire.WAZUH or fields.get("machine") is not None]
    wire = rng.choice(wires or [Wire.GRAPH])
    detector = {Wire.GRAPH: f"{detection.key}-7f{len(detection.title):02x}", Wire.SENTINEL: detection.key,
                Wire.WAZUH: str(90_000 + sum(map(ord, detection.key)))}[wire]  # fmt: skip
    extra = {"decoder": detection.decoder, "direction": "out"} if wire is Wire.WAZUH and detection.decoder else {}
    if detection.key == "web_attack":
        extra["direction"] = "in"
    if wire is Wire.WAZUH and not detection.decoder and fields.get("others"):
        extra["far"] = fields["others"][0].ip
    seen = detection.product == "endpoint" and not (wire is Wire.WAZUH and detection.decoder)
    if seen and fields.get("machine") is not None and rng.random() < _NAMES_RUN[wire]:
        fields["run"] = run or begin_run(rng, at, parent=starter)
    return Sighting(
        wire, key, at, detection.title, detection.severity, detection.category, detector,
        techniques=(detection.technique,), product=detection.product, extra=extra, **fields,
    )  # fmt: skip


@dataclass
class Attack:
    """`clock` is where the attacker is; steps move it on by minutes."""

    rng: Random
    network: Network
    key: str
    clock: datetime
    steps: list[tuple[str, Sighting]] = field(default_factory=list)
    _used: set[str] = field(default_factory=set)
    _runs: dict[str, list[Run]] = field(default_factory=dict)

    def wait(self, least: float, most: float) -> None:
        """Minutes until the next step."""
        self.clock += timedelta(minutes=self.rng.uniform(least, most))

    def see(self, phase: str, detection: str, *, times: int = 1, apart: float = 10, **fields: Any) -> None:
        for _ in range(times):
            key = f"{self.key}:{len(self.steps)}"
            run = self._run_on(fields["machine"], fields.get("program")) if fields.get("machine") else None
            self.steps.append(
                (phase, sighting_of(DETECTIONS[detection], self.rng, key=key, at=self.clock, run=run, **fields))
            )  # fmt: skip
            self.wait(0.3, apart)

    def _run_on(self, machine: Machine, program: Program | None) -> Run:
        """Most of what the attacker does on a machine is started by what runs there already, some by what was left
        behind for a timer or a service to start."""
        known = self._runs.setdefault(machine.name, [])
        again = self.rng.random()
        if known and again < _SAME_RUN:
            return self.rng.choice(known)
        parent = self.rng.choice(known) if known and again < _SAME_RUN + _CHILD_RUN else None
        known.append(begin_run(self.rng, self.clock, program.name if program else "powershell.exe", parent))
        return known[-1]

    def victim(self) -> tuple[Account, Machine]:
        """Somebody who is not in this attack yet, and the machine of that person."""
        free = [one for one in self.network.people if one.name not in self._used]
        person = self.rng.choice(free)
        self._used.add(person.name)
        return person, self.network.desk_of(person)

    def server(self, kind: str) -> Machine:
        listed = self.network.servers.get(kind) or self.network.servers["FILE"]
        free = [one for one in listed if one.name not in self._used] or list(listed)
        found = self.rng.choice(free)
        self._used.add(found.name)
        return found

    def admin(self) -> Account:
        return self.rng.choice(self.network.admins)

    def stranger(self) -> Address:
        return stranger(self.rng)

    def program(self, word: str) -> Program:
        number = self.rng.randrange(10**6)
        return Program(f"{word}{number % 100}.exe", self.rng.choice(_FOLDERS), label=f"{self.key}:{word}")

    def letter(self, subject: str, *, attachments: int = 0) -> Letter:
        domain = f"{self.rng.choice(('billing', 'secure', 'portal', 'docs'))}-{self.rng.randrange(10**5)}.example"
        url = f"https://{domain}/{self.rng.randrange(10**6):x}"
        return Letter(f"{subject} {self.rng.randrange(10**4)}", f"office@{domain}", sender_ip=self.stranger().ip,
                      url="" if attachments else url, attachments=attachments)  # fmt: skip

    def command(self, word: str) -> str:
        return f"powershell.exe -nop -w hidden -enc {self.key.encode().hex()}{word.encode().hex()}aa=="


Shape = Callable[[Attack], None]
