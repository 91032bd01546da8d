"""Human-operated ransomware: a mail, a program, stolen credentials of the backup service, then host after host.

A host whose line is cut is lost to the operator, for good: the try that ran into the isolation is reported as
refused. With the stolen account disabled every further sign-in fails. Left alone, the next host follows in minutes.
"""

from datetime import datetime, timedelta

from exercises.attacks.course import Course, Surroundings, ago
from exercises.attacks.ransomware_signs import PROGRAM, STOLEN, Reporter
from exercises.company import COMPANY
from exercises.sources.sighting import Sighting

FIRST = ("FIN-WS-014", "FIN-WS-022", "HR-WS-007", "FILE-SRV-02")
ROUTE = (
    "OPS-WS-031",
    "FILE-SRV-01",
    "SAL-LT-007",
    "HR-WS-005",
    "FILE-SRV-03",
    "OPS-WS-026",
    "SQL-SRV-01",
    "DC-01",
)
BETWEEN_HOSTS = timedelta(minutes=5)
UNTIL_ENCRYPTION = timedelta(minutes=2)
_OPEN, _LOST = "open", "lost"
_TRIES_WITH_DEAD_ACCOUNT = 3


class Ransomware:
    key = "ransomware"
    title = "Human-operated ransomware"

    def opening(self, now: datetime, *, prefix: str) -> tuple[list[Sighting], Course]:
        tell = Reporter(f"{prefix}:{self.key}")
        first, second, third, fourth = (COMPANY.machine(name) for name in FIRST)
        found = [
            *tell.entry(first, ago(now, 45)),
            tell.encryption(first, ago(now, 33), files=1204),
            tell.spread(first, (second, third), ago(now, 30)),
            *tell.arrival(second, ago(now, 25)),
            tell.shadow_copies(second, ago(now, 24)),
            *tell.encryption_both(second, ago(now, 22), files=611),
            *tell.arrival(third, ago(now, 15)),
            tell.encryption(third, ago(now, 10), files=88),
            *tell.arrival(fourth, ago(now, 3)),
            tell.encryption(fourth, ago(now, 0.4), files=40),
        ]
        hosts = {name: {"state": _OPEN, "encrypt": ""} for name in FIRST}
        return found, Course(due=now + BETWEEN_HOSTS + timedelta(minutes=1), hosts=hosts)

    def advance(self, course: Course, around: Surroundings, now: datetime, *, prefix: str) -> list[Sighting]:
        tell = Reporter(f"{prefix}:{self.key}")
        if course.over and not any(host["encrypt"] for host in course.hosts.values()):
            return []
        found = self._lose_contained_hosts(course, around, now, tell)
        found += self._encrypt(course, now, tell)
        if not course.over and course.due <= now:
            found += self._move_on(course, around, now, tell)
        return found

    def _lose_contained_hosts(
        self, course: Course, around: Surroundings, now: datetime, tell: "Reporter"
    ) -> list[Sighting]:
        found = []
        for name, host in course.hosts.items():
            if host["state"] == _LOST:
                continue
            if around.is_isolated(name):
                found.append(tell.refused(COMPANY.machine(name), now, step=name))
            elif not around.is_quarantined(PROGRAM, name):
                continue
            host.update(state=_LOST, encrypt="")
        if found and not self._held(course):
            course.over = "every host is contained"
        return found

    def _held(self, course: Course) -> list[str]:
        return [name for name, host in course.hosts.items() if host["state"] == _OPEN]

    def _encrypt(self, course: Course, now: datetime, tell: "Reporter") -> list[Sighting]:
        found = []
        for name, host in course.hosts.items():
            if host["encrypt"] and datetime.fromisoformat(host["encrypt"]) <= now:
                host["encrypt"] = ""
                machine = COMPANY.machine(name)
                found += tell.encryption_both(machine, now, files=37 * len(course.hosts) + len(name))
        return found

    def _move_on(self, course: Course, around: Surroundings, now: datetime, tell: "Reporter") -> list[Sighting]:
        held = self._held(course)
        if not held:
            course.over = "every host is contained"
            return []
        source = COMPANY.machine(held[-1])
        if around.is_disabled(STOLEN.name):
            course.denied += 1
            course.due = now + timedelta(minutes=2)
            if course.denied >= _TRIES_WITH_DEAD_ACCOUNT:
                course.over = "the stolen account is disabled"
            return [tell.failed_sign_in(source, now, step=f"denied-{course.denied}")]
        if course.step >= len(ROUTE):
            course.over = "nothing is left to encrypt"
            return []
        target = COMPANY.machine(ROUTE[course.step])
        course.step += 1
        course.due = now + BETWEEN_HOSTS
        if around.is_isolated(target.name):
            return [tell.refused(source, now, step=f"to-{target.name}", target=target)]
        if not around.is_online(target.name):
            return [tell.unreachable(source, target, now)]
        course.hosts[target.name] = {"state": _OPEN, "encrypt": (now + UNTIL_ENCRYPTION).isoformat()}
        return tell.arrival(target, now)


RANSOMWARE = Ransomware()
