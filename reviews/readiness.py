"""What only people can know, kept as facts with a date: who decides, what was practised; and how old the backup is."""

from datetime import date, datetime, timedelta

from accounts import keys
from core import options
from core.backups import last_backup
from core.models import BackupKind
from core.options import Option
from core.readiness import Check, Finding, Group, Look, Row, State, declare, listed
from core.wording import counted
from reviews.enums import DecisionKind, DrillKind
from reviews.models import Contact, Drill


def _days(key: str, default: int, label: str) -> str:
    return options.declare(
        Option(f"readiness.{key}_days", default, f"Readiness: days after which {label}", minimum=1, maximum=1_825)
    ).key


BACKUP = _days("backup", 2, "a new backup is due")
REHEARSAL = _days("rehearsal", 90, "the restore of a backup has to be rehearsed again")
REVIEWED = _days("contact", 180, "a named decider has to be reviewed")
DRILL = _days("drill", 180, "the next exercise is due, where none is planned earlier")
_HOW = {
    BackupKind.BACKUP: "On the portal's machine: ./soc backup FILE.",
    BackupKind.REHEARSAL: "On the portal's machine: ./soc verify FILE --rehearse.",
}
REQUIRED = tuple(kind for kind in DecisionKind if kind != DecisionKind.OTHER)


def _backup(look: Look) -> Finding:
    return _of_records(look, BackupKind.BACKUP, options.get(BACKUP), "backup")


def _rehearsal(look: Look) -> Finding:
    return _of_records(look, BackupKind.REHEARSAL, options.get(REHEARSAL), "rehearsal of a restore")


def _of_records(look: Look, kind: BackupKind, days: int, noun: str) -> Finding:
    good, last = last_backup(kind), last_backup(kind, succeeded=None)
    rows = (Row(_said(last.at), f"Failed: {last.detail}"),) if last is not None and not last.succeeded else ()
    if good is None:
        return Finding(State.MISSING, f"No {noun} has succeeded yet. {_HOW[kind]}", rows=rows)
    if good.at < look.now - timedelta(days=days):
        old = f"The last good {noun} was on {_said(good.at)}; at most {counted(days, 'day')} may lie between two."
        sentence = f"{old} {_HOW[kind]}"
        return Finding(State.MISSING, sentence, rows=rows)
    sentence = f"The last good {noun} was on {_said(good.at)}."
    return Finding(State.WARN if rows else State.OK, sentence + (" A later one failed." if rows else ""), rows=rows)


def _deciders(look: Look) -> Finding:
    """For each decision one entry that can be relied on; further entries may be wrong, and are named."""
    today, days = look.now.date(), options.get(REVIEWED)
    found = list(Contact.objects.with_people())
    missing, rows = [], []
    for kind in REQUIRED:
        named = [one for one in found if one.decision == kind and one.can_be_asked]
        if not named:
            missing.append(kind)
            rows.append(Row(str(kind.label), "Nobody can be asked", "/contacts/"))
    rows += [
        Row(str(one), "; ".join(gaps), "/contacts/")
        for one in found
        if one.decision not in missing and (gaps := one.gaps(today, days=days))
    ]
    fine = len(REQUIRED) - len(missing)
    state = State.MISSING if missing else State.WARN if rows else State.OK
    sentence = f"{fine} of {len(REQUIRED)} decisions have somebody who can be asked."
    if fine and rows and not missing:
        sentence += f" {counted(len(rows), 'entry is', 'entries are')} not as it should be."
    shown, more = listed(rows)
    return Finding(state, sentence, fine, len(REQUIRED), shown, more)


def due_of(drill: Drill, *, days: int) -> date:
    """When the next one of its kind has to be held."""
    return drill.next_due or drill.held + timedelta(days=days)


def _drills(look: Look) -> Finding:
    today, days = look.now.date(), options.get(DRILL)
    latest: dict[str, Drill] = {}
    for one in Drill.objects.filter(held__lte=today).order_by("held", "pk"):
        latest[one.kind] = one
    if DrillKind.TABLETOP not in latest:
        return Finding(State.MISSING, "No tabletop exercise was ever held.")
    late = [one for one in latest.values() if due_of(one, days=days) < today]
    rows, more = listed([
        Row(one.get_kind_display(), f"Last on {_day(one.held)}; was due {_day(due_of(one, days=days))}", "/drills/")
        for one in late
    ])  # fmt: skip
    last = latest[DrillKind.TABLETOP]
    state = State.OK if not late else State.MISSING if last in late else State.WARN
    due = _day(due_of(last, days=days))
    sentence = f"The last tabletop exercise was on {_day(last.held)}, the next is due {due}."
    return Finding(state, sentence, len(latest) - len(late), len(latest), rows, more)


def _day(day: date) -> str:
    return f"{day:%d %b %Y}"


def _said(at: datetime) -> str:
    return f"{at:%d %b %Y %H:%M} UTC"


def declare_checks() -> None:
    system = keys.MANAGE_SYSTEM
    declare(Check(
        "backup", "A recent backup", Group.PREPARATION,
        "Who encrypts the company encrypts the portal as well.",
        _backup, "/admin/options/", "Options", system, order=10,
    ))  # fmt: skip
    declare(Check(
        "rehearsal", "The restore was rehearsed", Group.PREPARATION,
        "A backup that nobody has restored is a hope.",
        _rehearsal, "/admin/options/", "Options", system, order=20,
    ))  # fmt: skip
    declare(Check(
        "deciders", "Deciders and contacts are named", Group.PREPARATION,
        "At three in the morning nobody should have to find out who may switch off the shop.",
        _deciders, "/contacts/", "Contacts", keys.MANAGE_PREPARATION, order=30,
    ))  # fmt: skip
    declare(Check(
        "drills", "Exercises are held", Group.PREPARATION,
        "What was never practised is practised for the first time when it counts.",
        _drills, "/drills/", "Exercises", keys.MANAGE_PREPARATION, order=40,
    ))  # fmt: skip
