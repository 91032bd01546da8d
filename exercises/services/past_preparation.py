"""What the company has prepared, and what it has let slide: who decides, and the exercises of the last year."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from core import clock
from exercises.company import COMPANY
from exercises.keys import DEMO, DIRECTOR
from reviews.enums import DecisionKind, DrillKind
from reviews.models import Contact, Drill, Lesson
from reviews.services.contacts import add_contact
from reviews.services.drills import add_drill

# Decision, who, deputy (accounts of the company), in words, note, and how many days ago it was reviewed.
_DECIDERS = (
    (DecisionKind.SHUT_DOWN, "a.thorsen", "u.eriksen", "Terminal operating system and gate",
     "Ships at berth first: ask the berth planner.", 40),
    (DecisionKind.CALL_RESPONDERS, "j.adler", "h.baptiste", "Retainer with the outside response team",
     "The contract number is in the safe of the service desk.", 40),
    (DecisionKind.LAW_ENFORCEMENT, "c.moreau", "n.hoang", "", "", 40),
    (DecisionKind.PRIVACY_REGULATOR, "n.hoang", "c.moreau", "Within 72 hours of knowing", "", 230),
    (DecisionKind.OTHER_REGULATOR, "h.baptiste", "g.lombardi", "Port authority and customs", "", 40),
    (DecisionKind.TELL_BOARD, "c.moreau", "h.baptiste", "", "", 40),
    (DecisionKind.TELL_PUBLIC, "v.marsh", "", "Press and customers", "", 40),
)  # fmt: skip
# Kind, days ago, what was played, who, what it showed, days until the next.
_DRILLS: tuple[tuple[DrillKind, int, str, str, str, int | None], ...] = (
    (DrillKind.TABLETOP, 310, "Ransomware in the yard planning on a Friday evening", "Board, IT, operations",
     "Nobody knew who may stop the cranes. The list of contacts lay on the file server that was encrypted.", 180),
    (DrillKind.TABLETOP, 96, "A stolen session of the chief financial officer", "Security team, finance, board",
     "Finance called back before paying. The deputy of the press officer was not named.", 180),
    (DrillKind.DRILL, 61, "Isolate a machine of the laboratory and bring it back", "Security team, service desk",
     "Eleven minutes from request to isolation; four of them waited for an approver.", None),
)  # fmt: skip


def leave_preparation(*, anchor: datetime) -> None:
    """Done once."""
    with transaction.atomic():
        if Contact.objects.filter(exercise=DEMO).exists() or Drill.objects.filter(exercise=DEMO).exists():
            return
        for number, (decision, who, deputy, words, note, days) in enumerate(_DECIDERS):
            with clock.at(anchor - timedelta(days=days)):
                values = {**_person(who, 2 * number), **_deputy(deputy, 2 * number + 1)}
                values |= {"decision": decision.value, "words": words, "note": note, "reviewed": clock.now().date()}
                add_contact(values, actor=DIRECTOR, exercise=DEMO)
        lesson = Lesson.objects.filter(incident__exercise=DEMO).order_by("pk").first()
        for kind, days, scenario, people, findings, next_in in _DRILLS:
            with clock.at(anchor - timedelta(days=days)):
                held = clock.now().date()
                due = held + timedelta(days=next_in) if next_in else None
                add_drill(
                    {"kind": kind.value, "held": held, "scenario": scenario, "participants": people,
                     "findings": findings, "next_due": due},
                    lessons=[lesson] if lesson and kind == DrillKind.DRILL else [], actor=DIRECTOR, exercise=DEMO,
                )  # fmt: skip


def _person(account: str, number: int) -> dict[str, Any]:
    found = next(one for one in COMPANY.employees if one.name == account)
    return {"name": found.display_name, "mail": found.upn, "phone": f"+44 20 7946 {100 + number:04d}"}


def _deputy(account: str, number: int) -> dict[str, Any]:
    return {f"deputy_{name}": value for name, value in _person(account, number).items()} if account else {}
