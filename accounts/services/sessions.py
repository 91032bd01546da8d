"""Sessions of the browser: when they begin, how long they hold, and what ends them.

What every request must know lies in the session itself; the tables are asked once a minute.
"""

from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from accounts import step_up
from accounts.models import User
from accounts.services.authority import authority_of
from accounts.services.enforcement import duty_of
from accounts.session_store import SessionStore, row_of_session
from core import audit, clock, options
from core.actors import Actor
from core.client_address import client_address
from core.options import Option, declare

BEGAN, SEEN, UNTIL, HELD = "began_at", "seen_at", "valid_until", "held"
FACTOR = "factor"  # what HELD says of somebody who must set up a second factor first
FACTOR_ELSEWHERE = "factor_elsewhere"  # whom the provider who vouched had asked for a second factor
NOTED_EVERY_S = 60
# In this order: Edge and Opera also say Chrome, and Chrome says Safari.
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("HeadlessChrome/", "Chrome"),
            ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"))  # fmt: skip
SYSTEMS = (("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Mac OS", "macOS"),
           ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip
IDLE = declare(
    Option(
        "sign_in.idle_minutes",
        120,
        "Sign-in: minutes without a click",
        help="After these a session ends. Pages that refresh themselves do not count as clicks. 0: never.",
        minimum=0,
        maximum=24 * 60,
    )
).key
LONGEST = declare(
    Option(
        "sign_in.session_hours",
        12,
        "Sign-in: hours of a session",
        help="After these everybody signs in again, however busy they are.",
        minimum=1,
        maximum=24 * 7,
    )
).key
PASSWORD_DAYS = declare(
    Option(
        "sign_in.password_days",
        0,
        "Sign-in: days a password may be used",
        help="After these a new one is asked for at the next sign-in. 0: as long as it likes.",
        minimum=0,
        maximum=3650,
    )
).key


def begin(request: HttpRequest | None, user: User, **_signal: Any) -> None:
    """Whoever signs in has just proved who they are, unless a provider vouched from a session of its own."""
    if request is None:
        return
    now = clock.real_now().timestamp()
    request.session[BEGAN] = now
    if not getattr(request, "vouched_for", False):
        step_up.confirm(request)
    _ask_for_new_password(user)
    _note(request, user, now=now)


def end(request: HttpRequest | None, **_signal: Any) -> None:
    """Signed out: the session leaves the list."""
    if request is not None and request.session.session_key:
        UserSession.objects.filter(session_key=row_of_session(request.session)).delete()


def is_over(request: HttpRequest) -> bool:
    """Whether the time of this session has run out."""
    until = request.session.get(UNTIL)
    return isinstance(until, int | float) and until < clock.real_now().timestamp()


def keep(request: HttpRequest, user: User) -> None:
    """Note once a minute that somebody is there; what a page fetches by itself does not count."""
    now = clock.real_now().timestamp()
    # Below nothing it was noted by a clock that ran ahead, and would hold for as long as that.
    if request.headers.get("X-Unattended") or 0 <= now - request.session.get(SEEN, 0) < NOTED_EVERY_S:
        return
    request.session.setdefault(BEGAN, now)
    _note(request, user, now=now)


def look_again(request: HttpRequest, user: User) -> None:
    """Ask anew whether something holds this session back: a factor was set up, a role has changed."""
    _note(request, user, now=clock.real_now().timestamp())


def is_held(request: HttpRequest) -> str:
    """What must be done before anything else opens; empty when nothing."""
    held = request.session.get(HELD, "")
    return held if isinstance(held, str) else ""


def _note(request: HttpRequest, user: User, *, now: float) -> None:
    limits = options.get_many("sign_in.")
    began = request.session[BEGAN] = min(request.session.get(BEGAN, now), now)
    ends = began + limits[LONGEST] * 3600
    if limits[IDLE]:
        ends = min(ends, now + limits[IDLE] * 60)
    held = not asked_elsewhere(request, user) and duty_of(user).overdue
    request.session.update({SEEN: now, UNTIL: ends, HELD: FACTOR if held else ""})
    row = {"last_seen_at": clock.real_now(), "ip": client_address(request), "data": {"by": how(request)}}
    if not UserSession.objects.filter(session_key=row_of_session(request.session), user=user).update(**row):
        _list(request, user, row)


def asked_elsewhere(request: HttpRequest, user: User) -> bool:
    """Whether a provider has asked exactly this person for a second factor: one who came before in the same browser
    proves nothing about who comes next."""
    return bool(request.session.get(FACTOR_ELSEWHERE) == user.pk)


def _list(request: HttpRequest, user: User, row: dict[str, Any]) -> None:
    """The row of a session, under the key that it has now."""
    if request.session.session_key is None:
        request.session.create()
    agent = request.headers.get("User-Agent", "")[: UserSession._meta.get_field("user_agent").max_length]
    began = {"user": user, "user_agent": agent, **row}
    UserSession.objects.update_or_create(session_key=row_of_session(request.session), defaults=began)


def how(request: HttpRequest) -> str:
    """How this session was signed in, in words."""
    records = request.session.get("account_authentication_methods")
    records = records if isinstance(records, list) else []
    words = {"password": "password", "provider": "provider", "totp": "app", "webauthn": "passkey",
             "recovery_codes": "recovery code"}  # fmt: skip
    found = [words.get(str(one.get("type") or one.get("method")), "") for one in records if isinstance(one, dict)]
    return " and ".join(dict.fromkeys(word for word in found if word))


def _ask_for_new_password(user: User) -> None:
    """A password that is older than the option allows must be changed now."""
    days = options.get(PASSWORD_DAYS)
    since = user.password_changed or user.created
    if days and user.has_usable_password() and since < clock.real_now() - timedelta(days=days):
        user.must_change_password = True
        User.objects.filter(pk=user.pk).update(must_change_password=True)


def sessions_of(user: User) -> list[UserSession]:
    """The live sessions with their `device`, the latest first; rows whose session is gone go with this."""
    rows = list(UserSession.objects.filter(user=user).order_by("-last_seen_at"))
    live = SessionStore.live_of(user, [row.session_key for row in rows])
    UserSession.objects.filter(pk__in=[row.pk for row in rows if row.session_key not in live]).delete()
    found = [row for row in rows if row.session_key in live]
    for row in found:
        row.device = device_of(row.user_agent)
    return found


def device_of(agent: str) -> str:
    """`Firefox on Linux`, as far as a browser says it; it may say anything."""
    browser = next((name for sign, name in BROWSERS if sign in agent), "Unknown browser")
    system = next((name for sign, name in SYSTEMS if sign in agent), "")
    return f"{browser} on {system}" if system else browser


def end_own(session: UserSession, *, actor: Actor) -> None:
    """End one of one's own sessions now."""
    if actor.person_id != session.user_id:
        raise ValidationError("This is not a session of yours.")
    _end(session.user, [session], actor=actor, reason="")


def end_all(user: User, *, actor: Actor, reason: str = "", but: str = "") -> int:
    """End every session of a person, `but` the one that is stored under this name (`row_of_session`)."""
    if actor.person_id != user.pk:
        authority_of(actor).require_above(user)
    rows = UserSession.objects.filter(user=user).exclude(session_key=but)
    return _end(user, list(rows), actor=actor, reason=reason)


def _end(user: User, rows: list[UserSession], *, actor: Actor, reason: str) -> int:
    if not rows:
        return 0
    with transaction.atomic():
        for row in rows:
            SessionStore().delete_row(row.session_key)
            row.delete()
        audit.record(
            "user.sessions_ended",
            subject=f"user:{user.pk}",
            thread=f"user:{user.pk}",
            actor=actor,
            reason=reason,
            data={"sessions": len(rows)},
        )
    return len(rows)
