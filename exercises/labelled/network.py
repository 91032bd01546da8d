"""A company of any size to attack: the same machines and people for the same seed."""

from dataclasses import dataclass
from random import Random

from exercises.company import Account, Machine
from exercises.sources.sighting import Address

_FIRST_NAMES = """
ana ben carla dirk elsa farid greta hugo ines jan kira liam mara nils olga pavel qadir rosa stefan tanja umut vera wim
yara zoe
"""
_LAST_NAMES = """
adair brandt castro duval ekman fabbri gruen hollis ivarsen jansen kovac larsen moreno novak okoye prieto quist renard
silva toth urban varga
"""
_SERVERS = ("DC", "FILE", "WEB", "MAIL", "SQL", "APP", "BKP", "UPD", "VPN", "PRN")
_SERVICES = ("svc-backup", "svc-deploy", "svc-scan", "svc-monitor", "svc-sql")
_COUNTRIES = (("NL", "Rotterdam"), ("US", "Ashburn"), ("VN", "Hanoi"), ("BR", "Recife"), ("PL", "Lodz"), ("RO", "Iasi"))


@dataclass(frozen=True)
class Network:
    """`desks` are the machines of people, in the order of `people`; some people use no machine of their own."""

    desks: tuple[Machine, ...]
    servers: dict[str, tuple[Machine, ...]]
    people: tuple[Account, ...]
    admins: tuple[Account, ...]
    services: tuple[Account, ...]
    egress: Address

    @property
    def machines(self) -> tuple[Machine, ...]:
        return (*self.desks, *(one for listed in self.servers.values() for one in listed))

    def desk_of(self, person: Account) -> Machine:
        return next(one for one in self.desks if one.name == person.machine)

    def user_of(self, machine: Machine) -> Account | None:
        return next((one for one in self.people if one.machine == machine.name), None)


def build_network(rng: Random, hosts: int) -> Network:
    """One machine in ten is a server."""
    kinds = _SERVERS if hosts >= 5 * len(_SERVERS) else _SERVERS[:4]
    servers: dict[str, list[Machine]] = {kind: [] for kind in kinds}
    count = max(len(servers), hosts // 10)
    for number in range(count):
        kind = list(servers)[number % len(servers)]
        servers[kind].append(_machine(f"{kind}-SRV-{number // len(servers) + 1:02d}", number + 1, rng, server=True))
    known = [(first, last) for first in _FIRST_NAMES.split() for last in _LAST_NAMES.split()]
    names = rng.sample(known, min(hosts, len(known)))
    desks, people = [], []
    for number in range(hosts - count):
        name = f"{rng.choice(('WS', 'LT'))}-{number + 1:04d}"
        first, last = names[number % len(names)]
        account = f"{first}.{last}" + (str(number) if number >= len(names) else "")
        desks.append(_machine(name, number + 1000, rng, server=False))
        people.append(Account(account, f"{first.title()} {last.title()}", "Staff", "", name))
    admins = tuple(
        Account(f"adm-{one.name}", f"{one.display_name} (admin)", "IT", "", one.machine) for one in people[:5]
    )
    services = tuple(Account(name, name, "", "", is_service=True) for name in _SERVICES)
    egress = Address("198.51.100.10", "DE", "Bremen")
    return Network(tuple(desks), {k: tuple(v) for k, v in servers.items()}, tuple(people), admins, services, egress)


def _machine(name: str, number: int, rng: Random, *, server: bool) -> Machine:
    platform = rng.choice(("WindowsServer2022", "Linux")) if server else "Windows11"
    ip = f"10.{60 if server else 61 + number // 60_000}.{number // 250 % 240}.{number % 250 + 2}"
    return Machine(name, platform, "22H2", "low", "normal", "low", ip, f"{number:04d}")


def stranger(rng: Random) -> Address:
    """Some address on the internet; one in four is of the new kind."""
    country, city = rng.choice(_COUNTRIES)
    if rng.random() < 0.25:
        return Address(f"2001:db8:{rng.randrange(1, 65536):x}::{rng.randrange(1, 65536):x}", country, city)
    return Address(f"{rng.choice(('192.0', '198.18', '203.0', '45.83', '91.210', '185.7'))}."
                   f"{rng.randrange(256)}.{rng.randrange(1, 255)}", country, city)  # fmt: skip
