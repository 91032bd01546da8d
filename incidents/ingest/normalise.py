"""Bounding and mending what came from outside, so that nothing hostile reaches a column.

`purify()` cleans one raw item and gives its digest; `finish()` turns a draft into columns. What was cut or mended is
marked on the alert: `[{"field", "code", "message"}]` with the codes `truncated`, `mended`, `out_of_range`, `missing`.
"""

import hashlib
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from incidents.enums import Category, EvidenceRole
from incidents.ingest.draft import AlertDraft, EvidenceDraft, ReadyAlert, Rejected
from incidents.ingest.mending import Mark, Mender, mark, sound

MAX_EVIDENCE = 1_000
MAX_MARKS = 50
# Keys beside its own that one piece of evidence may stand for, and the longest of them.
MAX_MEMBERS, MAX_MEMBER_LENGTH = 200, 120
MAX_DESCRIPTION = 32_000
MAX_ADDITIONAL_BYTES = 64 * 1024
MAX_EVIDENCE_DATA_BYTES = 16 * 1024
# An item up to this size is taken as it is when it is sound; a larger one is walked and its long values are cut.
LARGE_ITEM_BYTES = 256 * 1024
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
MAX_FUTURE = timedelta(days=1)
MIN_EPOCH_MS = 10**11

_ROLES = frozenset(EvidenceRole.values)
_CATEGORIES = {value.lower(): value for value in Category.values}
_TACTIC_IDS = {
    "ta0001": Category.INITIAL_ACCESS, "ta0002": Category.EXECUTION, "ta0003": Category.PERSISTENCE,
    "ta0004": Category.PRIVILEGE_ESCALATION, "ta0005": Category.DEFENSE_EVASION,
    "ta0006": Category.CREDENTIAL_ACCESS, "ta0007": Category.DISCOVERY, "ta0008": Category.LATERAL_MOVEMENT,
    "ta0009": Category.COLLECTION, "ta0010": Category.EXFILTRATION, "ta0011": Category.COMMAND_AND_CONTROL,
    "ta0040": Category.IMPACT,
}  # fmt: skip


def purify(item: Any, *, loose: bool = False) -> tuple[dict[str, Any], bytes, list[Mark]]:
    """The item without anything PostgreSQL or JSON cannot hold, its digest, and marks for what was mended.

    A sound item of usual size costs one serialisation in C; only others are walked. `loose` says that the item came
    from the tolerant parser, which lets through what the strict one refuses.
    """
    if not isinstance(item, dict):
        raise Rejected("wrong_type", f"An alert is a JSON object, not {_kind(item)}.")
    marks: list[Mark] = []
    canonical = None if loose else sound(item)
    if canonical is None or len(canonical) > LARGE_ITEM_BYTES:
        mender = Mender()
        item = mender.mend(item)
        marks = mender.marks
        canonical = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
    return item, hashlib.blake2b(canonical, digest_size=16).digest(), marks


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def finish(
    draft: AlertDraft, *, source: str, format_key: str, digest: bytes, marks: list[Mark], arrived: datetime
) -> ReadyAlert:
    """The draft with every value in its column's bounds. Raises `Rejected` without an id or a title."""
    marks = [*marks, *draft.marks]
    identifier = _identifier(draft.provider_alert_id, marks)
    first, last = _activity(draft, marks, arrived)
    evidence = _with_named_devices(_finish_evidence(draft.evidence, marks))
    state = {"status": draft.status, "classification": draft.classification, "determination": draft.determination}
    columns = {
        "title": _title(draft.title, marks),
        "description": _text(draft.description, "description", MAX_DESCRIPTION, marks),
        "recommended_actions": _text(draft.recommended_actions, "recommended_actions", MAX_DESCRIPTION, marks),
        "severity": draft.severity,
        "detector_id": _text(draft.detector_id, "detector_id", 200, marks),
        "categories": categories_of(draft.categories),
        "mitre_techniques": _techniques(draft.mitre_techniques),
        "service_source": _text(draft.service_source, "service_source", 80, marks) or "unknown",
        "detection_source": _text(draft.detection_source, "detection_source", 80, marks) or "unknown",
        "product_name": _text(draft.product_name, "product_name", 200, marks),
        "provider_incident_id": _text(draft.provider_incident_id, "provider_incident_id", 200, marks),
        "actor_display_name": _text(draft.actor_display_name, "actor_display_name", 200, marks),
        "threat_display_name": _text(draft.threat_display_name, "threat_display_name", 200, marks),
        "additional_data": bounded_json(draft.additional, MAX_ADDITIONAL_BYTES, "additional_data", marks),
        **state,
    }
    columns["marks"] = orjson.dumps(marks[:MAX_MARKS]).decode()
    return ReadyAlert(source, identifier, format_key, digest, columns, first, last, evidence, state)


def _identifier(value: Any, marks: list[Mark]) -> str:
    """A cut id could equal another's, so a long one ends in the digest of the whole."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text:
        raise Rejected("missing_field", "The alert has no id, so a repeat could not be told from a new one.", "id")
    if len(text) <= 200:
        return text
    marks.append(mark("provider_alert_id", "truncated", f"{len(text):,} characters, kept as a digest"))
    return f"{text[:160]}:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def _title(value: Any, marks: list[Mark]) -> str:
    title = " ".join(_text(value, "title", 500, marks).split())
    if not title:
        marks.append(mark("title", "missing", "the source gave no title"))
    return title or "Untitled alert"


def _text(value: Any, field: str, limit: int, marks: list[Mark]) -> str:
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""
    if not text:
        marks.append(mark(field, "mended", f"was {_kind(value)}, not a text"))
    if len(text) > limit:
        marks.append(mark(field, "truncated", f"{len(text):,} characters, {limit:,} kept"))
        return text[:limit]
    return text


def _activity(draft: AlertDraft, marks: list[Mark], arrived: datetime) -> tuple[datetime, datetime]:
    """First and last activity in order; what is missing or impossible falls back to what is known."""
    latest = arrived + MAX_FUTURE
    said = [
        _plausible(value, name, latest, marks)
        for name, value in (
            ("first_activity", draft.first_activity),
            ("last_activity", draft.last_activity),
            ("created", draft.said_at),
        )
    ]
    fallback = next((moment for moment in said if moment is not None), None)
    if fallback is None:
        marks.append(mark("first_activity", "missing", "no usable time, taken as the time of arrival"))
        fallback = arrived
    first, last = said[0] or said[1] or fallback, said[1] or said[0] or fallback
    return min(first, last), max(first, last)


def _plausible(value: Any, field: str, latest: datetime, marks: list[Mark]) -> datetime | None:
    if value in (None, ""):
        return None
    moment = parse_time(value)
    if moment is None or not EARLIEST <= moment <= latest:
        marks.append(mark(field, "out_of_range", f"{str(value)[:60]!r} is not a possible time"))
        return None
    return moment


def parse_time(value: Any) -> datetime | None:
    """ISO 8601 in any of its dialects, or seconds or milliseconds since 1970; no zone means UTC."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return datetime.fromtimestamp(value / 1000 if value >= MIN_EPOCH_MS else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def categories_of(values: Any) -> list[str]:
    """Kill-chain categories by any of their spellings (`Initial access`, `TA0001`); unknown words are kept."""
    found: dict[str, None] = {}
    for value in list(values or ())[:30]:
        word = str(value).strip()
        compact = "".join(letter for letter in word.lower() if letter.isalnum())
        known = _CATEGORIES.get(compact) or _TACTIC_IDS.get(compact)
        if known or word:
            found[known or word[:60]] = None
    return list(found)


def _techniques(values: Any) -> list[str]:
    words = (str(value).strip().upper() for value in list(values or ())[:100])
    return list(dict.fromkeys(word[:20] for word in words if word))


def _finish_evidence(drafts: list[EvidenceDraft], marks: list[Mark]) -> list[EvidenceDraft]:
    """Bounded, each thing once."""
    if len(drafts) > MAX_EVIDENCE:
        marks.append(mark("evidence", "truncated", f"{len(drafts):,} items, {MAX_EVIDENCE:,} kept"))
        drafts = drafts[:MAX_EVIDENCE]
    seen: dict[tuple[str, str, str, str], EvidenceDraft] = {}
    kept = []
    for draft in drafts:
        draft.display = draft.display[:500] if draft.display.strip() else draft.type
        draft.key = draft.key[:300]
        name = (draft.type, draft.key, draft.display, draft.device.key if draft.device else "")
        if name in seen:
            seen[name].members = _members(seen[name].members + draft.members)
            continue
        seen[name] = draft
        draft.members = _members(draft.members)
        draft.roles = [role for role in draft.roles[:15] if role in _ROLES]
        if isinstance(draft.data, dict):
            draft.data = bounded_json(draft.data, MAX_EVIDENCE_DATA_BYTES, "evidence.data", marks)
        draft.remediation_status_details = draft.remediation_status_details[:300]
        kept.append(draft)
    return kept


def _members(keys: list[str]) -> list[str]:
    return [key for key in dict.fromkeys(keys[:MAX_MEMBERS]) if len(key) <= MAX_MEMBER_LENGTH]


def _with_named_devices(drafts: list[EvidenceDraft]) -> list[EvidenceDraft]:
    """Each device that a file or process names is evidence by itself, also when the source lists it only there."""
    listed = {draft.device.key for draft in drafts if draft.type == "device" and draft.device is not None}
    for facts in [draft.device for draft in drafts if draft.device is not None]:
        if facts.key not in listed:
            listed.add(facts.key)
            drafts.append(EvidenceDraft("device", facts.display, f"device:{facts.key}"[:300], data="{}", device=facts))
    return drafts


def bounded_json(value: dict[str, Any], limit: int, field: str, marks: list[Mark]) -> str:
    """The object as JSON text; over the limit its largest fields are left out, and that is marked."""
    encoded = orjson.dumps(value)
    if len(encoded) <= limit:
        return encoded.decode()
    sizes = sorted(((len(orjson.dumps(entry)) + len(name) + 4, name) for name, entry in value.items()))
    kept, total = {}, 2
    for size, name in sizes:
        if total + size > limit:
            break
        kept[name] = value[name]
        total += size
    dropped = [name for name in value if name not in kept]
    marks.append(mark(field, "truncated", f"{len(encoded):,} bytes, left out: {', '.join(dropped)[:200]}"))
    return orjson.dumps(kept).decode()
