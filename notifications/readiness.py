"""Whether people hear of it: mail that goes out, sources that speak, rules that were tried, addresses that answer."""

from datetime import timedelta

from accounts import keys
from core import options
from core.models import AuditEvent
from core.options import Option
from core.readiness import Check, Finding, Group, Look, Row, State, declare, listed
from core.wording import counted, duration
from notifications.enums import DispatchStatus
from notifications.models import Dispatch, Endpoint, Pulse, Rule, RuleHit
from notifications.services.try_mail import SUBJECT

MAIL_DAYS = options.declare(
    Option(
        "readiness.mail_days",
        90,
        "Readiness: days after which the mail server has to be tried again",
        minimum=1,
        maximum=730,
    )
)


def _mail(look: Look) -> Finding:
    tests = AuditEvent.objects.filter(subject=SUBJECT, verb__in=("mail.tested", "mail.received")).order_by("-at", "-id")
    last = tests.first()
    if last is None:
        return Finding(State.MISSING, "No test mail was ever sent.")
    if last.verb == "mail.tested":
        if not last.data.get("ok"):
            return Finding(State.MISSING, f"The last test mail, on {last.at:%d %b %Y}, did not leave.")
        return Finding(State.WARN, f"The server took a test mail on {last.at:%d %b %Y}; nobody has said it arrived.")
    state = State.OK if last.at >= look.now - timedelta(days=options.get(MAIL_DAYS.key)) else State.WARN
    return Finding(state, f"A test mail arrived; whoever got it said so on {last.at:%d %b %Y}.")


def _sources(_look: Look) -> Finding:
    known = list(Pulse.objects.filter(watched=True, paused=False))
    if not known:
        return Finding(State.MISSING, "No source of alerts was ever heard from.", 0, 0)
    silent = [one for one in known if one.silent_since is not None or one.failing]
    rows, more = listed([
        Row(one.label, one.failing or f"Silent for {duration(one.silence)}", "/admin/sources/") for one in silent
    ])  # fmt: skip
    fine = len(known) - len(silent)
    state = State.OK if not silent else State.WARN if fine else State.MISSING
    return Finding(state, f"{fine} of {counted(len(known), 'source')} speak as usual.", fine, len(known), rows, more)


def _rules(_look: Look) -> Finding:
    """A rule that nobody saw at work may name an address that nobody reads."""
    rules = list(Rule.objects.filter(personal=False, enabled=True).order_by("name"))
    if not rules:
        return Finding(State.MISSING, "No rule tells anybody of anything.", 0, 0)
    spoke = set(RuleHit.objects.filter(rule__in=rules).values_list("rule_id", flat=True).distinct())
    sent = Dispatch.objects.filter(rule__in=rules, status=DispatchStatus.SENT)
    spoke |= set(sent.values_list("rule_id", flat=True).distinct())
    idle = [one for one in rules if one.pk not in spoke]
    rows, more = listed([Row(one.name, "Never fired, never tried", f"/notification-rules/{one.pk}/") for one in idle])
    fine = len(rules) - len(idle)
    state = State.OK if not idle else State.WARN
    sentence = f"{fine} of {counted(len(rules), 'rule')} have fired or were tried."
    return Finding(state, sentence, fine, len(rules), rows, more)


def _endpoints(_look: Look) -> Finding:
    found = list(Endpoint.objects.filter(enabled=True).order_by("name"))
    if not found:
        return Finding(State.OK, "No webhook or chat is in use.", 0, 0)
    bad = [(one, "Paused after failures" if one.paused_at else f"{one.failures} failures in a row")
           for one in found if one.paused_at or one.failures]  # fmt: skip
    rows, more = listed([Row(one.name, note, f"/admin/notifications/endpoints/{one.pk}/") for one, note in bad])
    fine = len(found) - len(bad)
    state = State.OK if not bad else State.MISSING if any(one.paused_at for one, _ in bad) else State.WARN
    sentence = f"{fine} of {counted(len(found), 'webhook or chat', 'webhooks and chats')} take what they are sent."
    return Finding(state, sentence, fine, len(found), rows, more)


def declare_checks() -> None:
    system, settings = keys.MANAGE_SYSTEM, keys.MANAGE_SETTINGS
    declare(Check(
        "test_mail", "A test mail arrived", Group.SOURCES,
        "A server that takes mail has not delivered it; only the reader knows.",
        _mail, "/admin/notifications/", "Mail and webhooks", system, whole=True, order=40,
    ))  # fmt: skip
    declare(Check(
        "sources", "Sources speak", Group.SOURCES,
        "No alert from a sensor means a quiet night, or a sensor that was switched off.",
        _sources, "/admin/sources/", "Sources", system, rows_for=system, whole=True, order=10,
    ))  # fmt: skip
    declare(Check(
        "notification_rules", "Notification rules were tried", Group.SOURCES,
        "A rule with a wrong address is found when nobody came.",
        _rules, "/admin/notification-rules/", "Notification rules", settings, rows_for=settings, whole=True, order=50,
    ))  # fmt: skip
    declare(Check(
        "endpoints", "Webhooks and chats answer", Group.SOURCES,
        "What only fails is paused, and then tells nobody.",
        _endpoints, "/admin/notifications/", "Mail and webhooks", system, rows_for=system, whole=True, order=60,
    ))  # fmt: skip
