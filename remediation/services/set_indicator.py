"""Making and changing indicators. Every deed leaves a line with the former fields, and is sent to the connections."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import keys
from accounts.models import DeviceGroup, User
from core import audit, clock, live
from core.actors import Actor
from core.wording import unix_lines
from incidents.enums import Severity
from incidents.models import Device, Incident
from remediation import policy
from remediation.enums import IndicatorAction, IndicatorDeed, IndicatorSource, IndicatorType, MatchBy
from remediation.indicator_values import STOPPING, check_action, check_may_stop, clean_value, host_of, key_of
from remediation.models import Indicator, IndicatorChange, ProtectedAsset
from remediation.policy import protection
from remediation.refused import Refused
from remediation.services.want_indicators import want_everywhere

MOST_ACTIVE = 15_000
FIELDS = (
    "type", "value", "action", "title", "description", "severity", "recommended_actions", "category", "techniques",
    "device_group_ids", "expires_at", "generate_alert",
)  # fmt: skip
CHANGEABLE = tuple(name for name in FIELDS if name not in {"type", "value"})
_TEXTS = {"title": 200, "description": 4_000, "recommended_actions": 4_000, "category": 40}
_MOST_TECHNIQUES, _MOST_GROUPS = 30, 200


def create_indicator(
    *,
    fields: Mapping[str, Any],
    reason: str,
    actor: Actor,
    user: User,
    source: str = IndicatorSource.MANUAL,
    incident: Incident | None = None,
    origin: Mapping[str, str] | None = None,
    exercise: str = "",
) -> Indicator:
    """Put an indicator in force. Raises `ValidationError` (a field is wrong) and `Refused` (right, scope, one on this
    value is there already, too many)."""
    cleaned = clean_fields(fields)
    check_may_manage(user, cleaned["device_group_ids"])
    _check_incident(user, incident)
    made = Indicator(
        **cleaned,
        key=key_of(cleaned["type"], cleaned["value"]),
        scope_key=scope_key_of(cleaned["device_group_ids"]),
        source=source,
        incident=incident,
        origin=dict(origin or {}),
        created_by=actor.as_json(),
        exercise=exercise,
    )
    with transaction.atomic():
        if Indicator.objects.active().count() >= MOST_ACTIVE:
            raise Refused("cap_reached", f"{MOST_ACTIVE:,} indicators are active; remove some before adding more.")
        _save_alone(made)
        keep_change(made, deed=IndicatorDeed.MADE, before={}, actor=actor, reason=reason)
        want_everywhere([made])
    return made


def change_indicator(
    indicator: Indicator, *, changes: Mapping[str, Any], reason: str, actor: Actor, user: User
) -> Indicator:
    """Change some of `CHANGEABLE`. Raises `ValidationError` and `Refused`."""
    foreign = set(changes) - set(CHANGEABLE)
    if foreign:
        raise ValidationError({min(foreign): "Type and value stay; make another indicator instead."})
    with transaction.atomic():
        row = locked(indicator)
        if not row.is_active:
            raise Refused("already_ended", f"{row.number} is no longer active: {row.get_status_display().lower()}.")
        check_may_manage(user, row.device_group_ids)
        before = fields_of(row)
        cleaned = clean_fields({**before, "expires_at": row.expires_at, **changes}, former_expiry=row.expires_at)
        check_may_manage(user, cleaned["device_group_ids"])
        if {**fields_of(row)} == as_json(cleaned):
            return row
        write_fields(row, cleaned)
        keep_change(row, deed=IndicatorDeed.CHANGED, before=before, actor=actor, reason=reason)
        want_everywhere([row])
    return row


def clean_fields(fields: Mapping[str, Any], *, former_expiry: datetime | None = None) -> dict[str, Any]:
    """Every field checked and spelt as it is kept; raises `ValidationError` naming the first wrong one."""
    kind, action = str(fields.get("type", "")), str(fields.get("action", ""))
    _one_of("type", kind, IndicatorType.values)
    _one_of("action", action, IndicatorAction.values)
    value = clean_value(kind, fields.get("value"))
    check_action(kind, action)
    if action in STOPPING:
        check_may_stop(kind, value)
        _check_unprotected(kind, value)
    severity = str(fields.get("severity") or Severity.MEDIUM)
    _one_of("severity", severity, [one for one in Severity.values if one != Severity.UNKNOWN])
    alert = bool(fields.get("generate_alert"))
    if action == IndicatorAction.AUDIT and not alert:
        raise ValidationError({"generate_alert": "Audit only tells of what it sees, so it must raise an alert."})
    if action == IndicatorAction.ALLOWED and alert:
        raise ValidationError({"generate_alert": "What is allowed raises no alert."})
    return {
        "type": kind,
        "value": value,
        "action": action,
        "severity": severity,
        "generate_alert": alert,
        "expires_at": _clean_expiry(fields.get("expires_at"), former_expiry),
        "device_group_ids": _clean_groups(fields.get("device_group_ids") or ()),
        "techniques": _clean_techniques(fields.get("techniques") or ()),
        **{name: _clean_text(name, fields.get(name), limit) for name, limit in _TEXTS.items()},
    }


def check_may_manage(user: User, group_ids: Sequence[int]) -> None:
    """The right to manage responses, for every device that the indicator reaches."""
    policy.check_permissions(user, (keys.DECIDE_RESPONSE,), to_do="manage indicators")
    if user.scope.everything:
        return
    if not group_ids:
        raise Refused("out_of_scope", f"An indicator for all devices reaches beyond the scope of {user}.")
    if not set(group_ids) <= user.scope.group_ids:
        raise Refused("out_of_scope", f"Some of the device groups lie outside the scope of {user}.")


def _check_unprotected(kind: str, value: str) -> None:
    """What destructive actions must not touch is not made unreachable either. A name rule counts when it tells a whole
    DNS name: `dc-*` alone would also mean machines of others."""
    host = host_of(kind, value)
    if not host:
        return
    named = Device(key=host, display_name=host, ip_addresses=[host])
    rules = ProtectedAsset.objects.filter(match_by__in=[MatchBy.ADDRESS, MatchBy.NAME])
    for rule in rules:
        whole = rule.match_by == MatchBy.ADDRESS or "." in rule.pattern
        if whole and protection.matches(rule, named):
            kind_of_rule = rule.get_kind_display().lower()
            raise ValidationError({"value": f"{host} is protected ({kind_of_rule}): {rule.note}"})


def _check_incident(user: User, incident: Incident | None) -> None:
    if incident is not None and not Incident.objects.visible_to(user).filter(pk=incident.pk).exists():
        raise Refused("out_of_scope", f"{incident.number} is not visible to {user}.")


def scope_key_of(group_ids: Sequence[int]) -> str:
    """Empty for all devices; else a word that is the same for the same groups."""
    return sha256(",".join(map(str, sorted(group_ids))).encode()).hexdigest() if group_ids else ""


def fields_of(indicator: Indicator) -> dict[str, Any]:
    """The fields a person sets, as they go into the history."""
    return as_json({name: getattr(indicator, name) for name in FIELDS})


def as_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    expiry = fields["expires_at"]
    return {**fields, "expires_at": expiry.isoformat() if expiry else None}


def write_fields(row: Indicator, cleaned: Mapping[str, Any]) -> None:
    """Set the fields of a locked row; raises `Refused` when another active one holds the value and scope."""
    for name in CHANGEABLE:
        setattr(row, name, cleaned[name])
    row.scope_key = scope_key_of(row.device_group_ids)
    row.updated, row.version = clock.now(), row.version + 1
    _save_alone(row)


def keep_change(
    row: Indicator, *, deed: IndicatorDeed, before: Mapping[str, Any], actor: Actor, reason: str, undone: bool = False
) -> None:
    """A line of the indicator's history, and the event of the audit log."""
    after = fields_of(row)
    row.changes.create(deed=deed, before=dict(before), after=after, actor=actor.as_json(), reason=reason, undone=undone)
    audit.record(
        f"indicator.{deed.value}",
        subject=f"indicator:{row.pk}",
        thread=row.thread,
        actor=actor,
        reason=reason,
        changes={
            name: (before.get(name), after[name]) for name in FIELDS if before and before.get(name) != after[name]
        },
        data={"type": row.type, "value": row.value, "action": row.action, "origin": row.origin},
    )
    announce(row)


def announce(row: Indicator) -> None:
    live.publish("indicator.changed", row.pk, groups=list(row.device_group_ids) or None)


def locked(indicator: Indicator) -> Indicator:
    return Indicator.objects.select_for_update(of=("self",)).select_related("incident").get(pk=indicator.pk)


def last_change(indicator: Indicator) -> IndicatorChange | None:
    """The newest deed that nobody took back yet."""
    return indicator.changes.filter(undone=False).first()


def _save_alone(row: Indicator) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        held = Indicator.objects.active().filter(key=row.key, scope_key=row.scope_key).exclude(pk=row.pk).first()
        if held is None:
            raise
        message = f"{held.number} names this value for the same devices already: {held}."
        raise Refused("conflict", message, link=f"/indicators/{held.pk}/") from None


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValidationError({name: f"One of {', '.join(known)} is needed."})


def _clean_text(name: str, value: object, limit: int) -> str:
    text = unix_lines(value).replace("\x00", "").strip() if isinstance(value, str) else ""
    if name == "title" and not text:
        raise ValidationError({"title": "A title is needed."})
    if len(text) > limit:
        raise ValidationError({name: f"At most {limit:,} characters."})
    return text


def _clean_expiry(value: object, former: datetime | None) -> datetime | None:
    if value in (None, ""):
        return None
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValidationError({"expires_at": "A time with zone is needed."})
    if moment <= clock.now() and moment != former:
        raise ValidationError({"expires_at": "The expiry lies in the past."})
    return moment


def _clean_groups(value: Sequence[object]) -> list[int]:
    wanted = {int(str(one)) for one in value if str(one).isascii() and str(one).isdigit() and len(str(one)) <= 18}
    if len(value) > _MOST_GROUPS or len(wanted) != len(set(map(str, value))):
        raise ValidationError({"device_group_ids": "A list of device groups is needed."})
    known = set(DeviceGroup.objects.filter(pk__in=wanted, retired=False).values_list("pk", flat=True))
    if known != wanted:
        raise ValidationError({"device_group_ids": "There is no such device group."})
    return sorted(known)


def _clean_techniques(value: Sequence[object]) -> list[str]:
    words = [str(one).strip().upper() for one in value if str(one).strip()]
    if len(words) > _MOST_TECHNIQUES or any(not _is_technique(word) for word in words):
        raise ValidationError({"techniques": "ATT&CK techniques such as T1566 or T1566.001, at most 30."})
    return list(dict.fromkeys(words))


def _is_technique(word: str) -> bool:
    head, _, tail = word.partition(".")
    numbers = head[1:] + tail
    return word.isascii() and head.startswith("T") and len(head) == 5 and len(tail) in {0, 3} and numbers.isdigit()
