"""What goes on in the company anyway: habits that raise alerts all day, and single harmless deeds that look bad."""

# ruff: noqa: E501 - tables are read across

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from exercises.company import Machine
from exercises.labelled.attack import sighting_of
from exercises.labelled.detections import DETECTIONS, WIRES, Detection
from exercises.labelled.network import Network, stranger
from exercises.sources.habits import ALWAYS, NIGHT, OFFICE
from exercises.sources.sighting import Letter, Program, Run, Sighting

_WEEKEND = 0.2


@dataclass(frozen=True)
class Habit:
    """`share` of all noise; `about` says whom it concerns."""

    detection: Detection
    share: float
    about: str
    hours: tuple[int, ...]


# key | title | severity | category | wires | product | share | about | hours | decoder
_TABLE = """
n_probe | Probe for a known weakness was refused | low | InitialAccess | w | endpoint | 9 | dmz | always | json
n_scan | Port scan inside the network | low | Discovery | w | endpoint | 6 | scanner | night | json
n_logon | Failed sign-in | informational | CredentialAccess | ws | endpoint | 12 | person | office
n_old_password | Failed sign-ins with an old password | low | CredentialAccess | sw | endpoint | 6 | some people | office
n_backup | Many files were changed | medium | Impact | wg | endpoint | 4 | backup | night
n_policy | Group policy script was run | informational | Execution | w | endpoint | 10 | machine | office
n_admin_script | Script with an encoded command | medium | Execution | gw | endpoint | 4 | admin | office
n_deploy | Software was installed by distribution | low | Persistence | gw | endpoint | 7 | deploy | office
n_pua | Unwanted software was blocked | low | UnwantedSoftware | g | antivirus | 6 | program | office
n_spam | Suspicious mail was removed after delivery | low | InitialAccess | g | office | 7 | mail | office
n_vpn | Sign-in from an unusual place | low | InitialAccess | gs | entra | 5 | egress | office
n_sudo | Privileged command on a server | informational | PrivilegeEscalation | w | endpoint | 8 | server | always
n_cert | Connection with an expired certificate | informational | SuspiciousActivity | w | endpoint | 6 | traffic | always | json
n_usb | Removable drive was plugged in | informational | SuspiciousActivity | gw | endpoint | 4 | machine | office
n_share | Unusual number of files read from a share | medium | Collection | sg | endpoint | 3 | person | office
n_update | Update service restarted | informational | SuspiciousActivity | w | endpoint | 5 | machine | always
"""
_HOURS = {"office": OFFICE, "night": NIGHT, "always": ALWAYS}


def _read(line: str) -> Habit:
    key, title, severity, category, wires, product, share, about, hours, *decoder = (
        word.strip() for word in line.split("|")
    )
    sources = tuple(WIRES[letter] for letter in wires)
    detection = Detection(key, title, severity, category, sources, product, "T1000", 0, *decoder)
    return Habit(detection, float(share), about, _HOURS[hours])


HABITS = tuple(_read(line) for line in _TABLE.strip().splitlines())


def background(rng: Random, network: Network, start: datetime, days: int, count: int) -> list[Sighting]:
    """`count` harmless alerts: most of habits, some of mistakes anywhere."""
    scale = len(network.machines) / 300 * days / 14
    found = list(_mistakes(rng, network, start, days, min(1.0, scale), most=count // 8))
    whole = sum(habit.share for habit in HABITS)
    stage = _Stage(rng, network, start)
    rest = count - len(found)
    for place, habit in enumerate(HABITS):
        wanted = round(rest * habit.share / whole) if habit is not HABITS[-1] else count - len(found)
        for number, at in enumerate(moments(rng, habit.hours, start, days, wanted)):
            fields = stage.cast(habit.about)
            found.append(
                sighting_of(habit.detection, rng, key=f"n:{place}:{number}", at=at, suspicious=False, **fields)
            )
    return found


def moments(rng: Random, hours: tuple[int, ...], start: datetime, days: int, count: int) -> list[datetime]:
    """Moments with the rhythm of the day, and of the week where people are at work."""
    weights = []
    for day in range(days):
        quiet = hours is OFFICE and (start + timedelta(days=day)).weekday() >= 5
        weights += [hour * (_WEEKEND if quiet else 1.0) for hour in hours]
    chosen = rng.choices(range(len(weights)), weights, k=count)
    return [start + timedelta(hours=hour, seconds=rng.uniform(0, 3600)) for hour in chosen]


class _Stage:
    """Who or what a habit is about. What a habit needs all the time is chosen once."""

    def __init__(self, rng: Random, network: Network, start: datetime) -> None:
        self._rng, self._network = rng, network
        self._forgetful = rng.sample(network.people, max(3, len(network.people) // 20))
        self._packages = [Program(f"package{n}.msi", r"C:\Windows\ccmcache", label=f"package{n}") for n in range(12)]
        self._unwanted = [Program(f"toolbar{n}.exe", r"C:\Users\Public\Downloads", label=f"pua{n}") for n in range(40)]
        self._letters = [
            Letter(f"Offer {n}", f"news@shop{n % 60}.example", sender_ip=stranger(rng).ip) for n in range(200)
        ]
        self._start, self._agents = start, dict[str, Run]()
        self._sites = [stranger(rng) for _ in range(60)]

    def cast(self, about: str) -> dict[str, Any]:
        choose, net = self._rng.choice, self._network
        servers = [one for listed in net.servers.values() for one in listed]
        backups = net.servers.get("BKP", servers)
        dmz = [one for kind in ("WEB", "VPN", "MAIL") for one in net.servers.get(kind, ())]
        casts: dict[str, Callable[[], dict[str, Any]]] = {
            "dmz": lambda: {"machine": choose(dmz), "address": stranger(self._rng)},
            "scanner": lambda: {
                "machine": servers[-1], "account": net.services[2], "address": choose(self._sites),
            },
            "backup": lambda: {"machine": choose(backups), "account": net.services[0]},
            "server": lambda: {"machine": choose(servers), "account": choose(net.services)},
            "admin": lambda: {
                "machine": choose(net.machines), "account": choose(net.admins), "command": "powershell.exe -enc",
            },
            "deploy": lambda: {
                **self._managed(choose(net.machines)), "account": net.services[1], "program": choose(self._packages),
            },
            "mail": lambda: {"letter": choose(self._letters), "recipient": choose(net.people).upn},
        }  # fmt: skip
        if about in casts:
            return casts[about]()
        person = choose(self._forgetful if about == "some people" else net.people)
        return self._at_desk(about, net.desk_of(person), {"account": person})

    def _managed(self, machine: Machine) -> dict[str, Any]:
        """What the agent of the software distribution does, which runs for weeks."""
        agent = self._agents.get(machine.name)
        if agent is None:
            agent = self._agents[machine.name] = Run(self._rng.randrange(600, 9000), self._start, "ccmexec.exe")
        return {"machine": machine, "starter": agent}

    def _at_desk(self, about: str, desk: Machine, person: dict[str, Any]) -> dict[str, Any]:
        if about == "egress":
            return person | {"address": self._network.egress if self._rng.random() < 0.5 else stranger(self._rng)}
        if about == "traffic":
            return {"machine": desk, "address": self._rng.choice(self._sites)}
        if about == "program":
            return person | {"machine": desk, "program": self._rng.choice(self._unwanted)}
        return {"machine": desk} if about == "machine" and self._rng.random() < 0.5 else person | {"machine": desk}


def look_alike(rng: Random, network: Network, detection: Detection, key: str, at: datetime,
               machine: Machine | None = None) -> Sighting:  # fmt: skip
    """A harmless deed that sets off what attackers set off as well, on that machine or any."""
    desk = machine or rng.choice(network.machines)
    person = network.user_of(desk) or rng.choice(network.admins)
    fields: dict[str, Any] = {"machine": desk, "account": person}
    if detection.product in ("office", "cloud", "entra"):
        fields = {"account": person, "address": network.egress if rng.random() < 0.5 else stranger(rng)}
        if detection.product == "office":
            letter = Letter(f"News {rng.randrange(10**6)}", f"a@b{rng.randrange(10**4)}.example", url="")
            fields = {"recipient": person.upn, "letter": letter}
    elif detection.decoder:
        fields["address"] = stranger(rng)
    elif rng.random() < 0.6:
        fields["program"] = Program(f"tool{rng.randrange(200)}.exe", r"C:\Tools", label=f"tool{rng.randrange(200)}")
    return sighting_of(detection, rng, key=key, at=at, suspicious=rng.random() < 0.5, **fields)


def _mistakes(rng: Random, network: Network, start: datetime, days: int, scale: float, most: int) -> Iterator[Sighting]:
    planned = [(d, number) for d in DETECTIONS.values() for number in range(round(d.mistakes * scale))]
    for place, (detection, number) in enumerate(rng.sample(planned, min(most, len(planned)))):
        (at,) = moments(rng, OFFICE if place % 3 else ALWAYS, start, days, 1)
        yield look_alike(rng, network, detection, f"m:{detection.key}:{number}", at)
