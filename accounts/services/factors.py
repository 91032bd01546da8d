"""Second factors of a person: an authenticator app, passkeys, recovery codes; setting up, checking, taking away."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt, encrypt
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from accounts.services import passkeys
from accounts.services.authority import authority_of
from core import audit, clock, outbox
from core.actors import Actor

APP, PASSKEY, RECOVERY = Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN, Authenticator.Type.RECOVERY_CODES
WORDS = {APP: "authenticator app", PASSKEY: "passkey", RECOVERY: "recovery codes"}
CHANGED = "account.changed"
MOST_PASSKEYS = 10
# A clock may be one step of half a minute off.
STEPS_OFF = (0, -1, 1)
# So many used codes of an app are known one by one; of what was before them, none is taken.
REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class Factors:
    """What one person has set up."""

    app: Authenticator | None
    passkeys: list[Authenticator]
    recovery: Authenticator | None

    @property
    def any(self) -> bool:
        return self.app is not None or bool(self.passkeys)

    @property
    def codes_left(self) -> int:
        return len(RecoveryCodes(self.recovery).get_unused_codes()) if self.recovery else 0

    @property
    def in_words(self) -> str:
        """`App, 2 passkeys, 8 recovery codes`, or `None`."""
        parts = ["App"] if self.app else []
        if count := len(self.passkeys):
            parts.append(f"{count} passkey{'s' if count > 1 else ''}")
        if self.any:
            parts.append(f"{self.codes_left} recovery codes")
        return ", ".join(parts) or "None"


def factors_of(user: User) -> Factors:
    return of_people([user])[user.pk]


def of_people(users: Iterable[User]) -> dict[int, Factors]:
    """The factors of several people with one query."""
    ids = [user.pk for user in users]
    rows: dict[int, list[Authenticator]] = {pk: [] for pk in ids}
    for row in Authenticator.objects.filter(user_id__in=ids).order_by("created_at"):
        rows[row.user_id].append(row)
    return {pk: _sorted(found) for pk, found in rows.items()}


def _sorted(rows: list[Authenticator]) -> Factors:
    by_type = {row.type: row for row in rows}
    return Factors(by_type.get(APP), [row for row in rows if row.type == PASSKEY], by_type.get(RECOVERY))


def has_factor(user: User) -> bool:
    """Whether something beyond the password guards this account; recovery codes alone do not."""
    return bool(main_factors().filter(user_id=user.pk).exists())


def main_factors() -> "QuerySet[Authenticator]":
    found: QuerySet[Authenticator] = Authenticator.objects.filter(type__in=[APP, PASSKEY])
    return found


def new_secret() -> str:
    """The secret of an authenticator app that is about to be set up."""
    secret: str = totp.generate_totp_secret()
    return secret


def set_up_app(user: User, *, secret: str, code: str, actor: Actor) -> list[str]:
    """Take the app whose code proves that it has the secret; answers recovery codes when these are the first."""
    _require_self(user, actor)
    counter = _counter_of(secret, code)
    if counter is None:
        raise ValidationError("This code does not fit. Is the clock of your phone right?")
    with transaction.atomic():
        _locked(user)
        if Authenticator.objects.filter(user_id=user.pk, type=APP).exists():
            raise ValidationError("There is an authenticator app already. Remove it first.")
        data = {"secret": encrypt(secret), "used": [counter]}
        Authenticator.objects.create(user=user, type=APP, data=data, created_at=clock.real_now())
        _told(user, "user.factor_added", APP, actor=actor)
        return _first_codes(user)


def add_passkey(user: User, *, made: passkeys.Made, name: str, actor: Actor) -> list[str]:
    """Keep a passkey; answers recovery codes when it is the first factor."""
    _require_self(user, actor)
    with transaction.atomic():
        _locked(user)
        if Authenticator.objects.filter(user_id=user.pk, type=PASSKEY).count() >= MOST_PASSKEYS:
            raise ValidationError(f"{MOST_PASSKEYS} passkeys are enough. Remove one first.")
        data = passkeys.stored(made, name=name.strip()[:80] or "Passkey")
        Authenticator.objects.create(user=user, type=PASSKEY, data=data, created_at=clock.real_now())
        _told(user, "user.factor_added", PASSKEY, actor=actor, name=data["name"])
        return _first_codes(user)


def _first_codes(user: User) -> list[str]:
    User.objects.filter(pk=user.pk).update(second_factor_due=None)
    if Authenticator.objects.filter(user_id=user.pk, type=RECOVERY).exists():
        return []
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes


def new_recovery_codes(user: User, *, actor: Actor) -> list[str]:
    """Draw new codes, the only time that they are seen; the former ones end."""
    _require_self(user, actor)
    with transaction.atomic():
        _locked(user)
        if not has_factor(user):
            raise ValidationError("Recovery codes stand in for a factor. Set up an app or a passkey first.")
        Authenticator.objects.filter(user_id=user.pk, type=RECOVERY).delete()
        codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
        _told(user, "user.recovery_codes_made", RECOVERY, actor=actor)
    return codes


def remove_factor(user: User, *, factor: Authenticator, actor: Actor) -> None:
    """Take away an app or a passkey; the recovery codes go with the last one."""
    _require_self(user, actor)
    with transaction.atomic():
        _locked(user)
        Authenticator.objects.filter(pk=factor.pk, user_id=user.pk, type__in=[APP, PASSKEY]).delete()
        if not has_factor(user):
            Authenticator.objects.filter(user_id=user.pk).delete()
        _told(user, "user.factor_removed", factor.type, actor=actor, name=factor.data.get("name", ""))


def reset_factors(user: User, *, actor: Actor, reason: str = "") -> None:
    """Take away all factors of somebody who lost them; they set up new ones. Never one's own: that is `remove_factor`,
    which asks for a factor."""
    if actor.person_id == user.pk:
        raise ValidationError("Another administrator resets your factors.", code="same_person")
    authority_of(actor).require_above(user)
    with transaction.atomic():
        _locked(user)
        deleted, _ = Authenticator.objects.filter(user_id=user.pk).delete()
        if deleted:
            _told(user, "user.factors_reset", "", actor=actor, reason=reason)
            if any(role.needs_second_factor for role in user.roles.all()):
                # They had one, so there are no days of grace: whoever has just the password must not go on with it.
                User.objects.filter(pk=user.pk).update(second_factor_due=clock.real_now())


def check_code(user: User, code: str) -> Authenticator | None:
    """The factor that a typed code belongs to, used up by this: a code counts once, whoever sends it again."""
    code = code.strip()[:40]
    with transaction.atomic():
        rows = Authenticator.objects.select_for_update().filter(user_id=user.pk, type__in=[APP, RECOVERY])
        for row in sorted(rows, key=lambda one: one.type != APP):
            if _takes(row, code):
                row.last_used_at = clock.real_now()
                row.save(update_fields=["data", "last_used_at"])
                return row
    return None


def _takes(row: Authenticator, code: str) -> bool:
    if row.type == RECOVERY:
        wrapped = RecoveryCodes(row)
        taken = bool(wrapped.validate_code(code))
        row.data = wrapped.instance.data
        return taken
    counter = _counter_of(decrypt(row.data["secret"]), code)
    if counter is None or _is_used_up(row.data, counter):
        return False
    used = sorted({*_used(row.data), counter})
    dropped, kept = used[:-REMEMBERED], used[-REMEMBERED:]
    row.data = {"secret": row.data["secret"], "used": kept, "before": max([*dropped, row.data.get("before", 0)])}
    return True


def _is_used_up(data: Mapping[str, Any], counter: int) -> bool:
    """Whether this code, or a later one, was used. A code of a time that is still to come was used while the clock ran
    ahead: that one is used up, and holds up none of those before it."""
    used = _used(data)
    past = [one for one in used if one <= _step_of_time() + max(STEPS_OFF)]
    return counter in used or counter <= max([*past, data.get("before", 0)])


def _used(data: Mapping[str, Any]) -> list[int]:
    """The steps of time whose codes were used; rows of before kept the latest one alone."""
    return [*data.get("used", ()), *([data["last"]] if "last" in data else ())]


def use_passkey(user: User, answer: Any, *, state: dict[str, Any]) -> Authenticator:
    """The passkey that an answer was signed with, its use noted; raises `ValidationError` for none."""
    with transaction.atomic():
        rows = list(Authenticator.objects.select_for_update().filter(user_id=user.pk, type=PASSKEY))
        row = passkeys.finish_use(answer, state=state, known=rows)
        row.last_used_at = clock.real_now()
        row.save(update_fields=["data", "last_used_at"])
    return row


def _counter_of(secret: str, code: str) -> int | None:
    """The step of time that a code was made for."""
    now = _step_of_time()
    for counter in (now + off for off in STEPS_OFF):
        if compare_user_code(actual=code, expected=totp.format_hotp_value(totp.hotp_value(secret, counter))):
            return counter
    return None


def _step_of_time() -> int:
    return int(time.time()) // 30


def _require_self(user: User, actor: Actor) -> None:
    if actor.person_id != user.pk:
        raise ValidationError("Factors are set up by their own person.", code="escalation")


def _locked(user: User) -> None:
    User.objects.select_for_update().only("pk").get(pk=user.pk)


def _told(user: User, verb: str, kind: str, *, actor: Actor, name: str = "", reason: str = "") -> None:
    data = {"kind": str(kind), "name": name} if kind else {}
    audit.record(verb, subject=f"user:{user.pk}", thread=f"user:{user.pk}", actor=actor, data=data, reason=reason)
    outbox.publish(CHANGED, user=user.pk, what=verb, kind=str(kind), by=actor.name)
