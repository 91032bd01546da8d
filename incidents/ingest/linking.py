"""From what the evidence says to our entities, for a whole batch at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from incidents.ingest.copying import array_literal
from incidents.ingest.draft import EvidenceDraft, ReadyAlert
from incidents.ingest.evidence_rows import EvidenceRow
from incidents.services.entity_index import Known
from incidents.services.facts import DeviceFacts, FileFacts, IdentityFacts, MailboxFacts
from incidents.services.resolve_entities import (
    resolve_devices,
    resolve_files,
    resolve_identities,
    resolve_mailboxes,
)


@dataclass(slots=True)
class Linked:
    """Per alert, in order: its evidence rows and the device groups of the devices that it names."""

    rows: list[list[EvidenceRow]] = field(default_factory=list)
    group_ids: list[list[int]] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    devices: dict[int, Known]
    files: dict[int, Known]
    identities: dict[int, Known]
    mailboxes: dict[int, Known]


def link_entities(alerts: Sequence[ReadyAlert], *, exercise: str) -> Linked:
    """Resolve every entity that the alerts name, in a bounded number of queries."""
    found = _resolve(alerts, exercise)
    linked = Linked()
    for alert in alerts:
        rows, groups = [], set()
        for draft in alert.evidence:
            rows.append(_row(draft, found))
            if draft.device is not None:
                groups.add(found.devices[id(draft.device)].columns["device_group_id"])
        linked.rows.append(rows)
        linked.group_ids.append(sorted(groups))
    return linked


def _resolve(alerts: Sequence[ReadyAlert], exercise: str) -> _Found:
    """Facts are told apart by identity: one object is shared by all evidence of the same device."""
    devices: dict[int, DeviceFacts] = {}
    files: dict[int, FileFacts] = {}
    identities: dict[int, IdentityFacts] = {}
    mailboxes: dict[int, MailboxFacts] = {}
    seen: dict[int, datetime] = {}
    for alert in alerts:
        for draft in alert.evidence:
            for named in (draft.device, draft.file, draft.identity, draft.mailbox):
                if named is not None:
                    seen[id(named)] = max(seen.get(id(named), alert.last_activity), alert.last_activity)
            if draft.device is not None:
                devices[id(draft.device)] = draft.device
            if draft.file is not None:
                files[id(draft.file)] = draft.file
            if draft.identity is not None:
                identities[id(draft.identity)] = draft.identity
            if draft.mailbox is not None:
                mailboxes[id(draft.mailbox)] = draft.mailbox
    at = max(alert.last_activity for alert in alerts)

    def found[F](resolve: Callable[..., list[Known]], facts: dict[int, F]) -> dict[int, Known]:
        rows = resolve(list(facts.values()), at=at, exercise=exercise, seen=[seen[one] for one in facts])
        return dict(zip(facts, rows, strict=True))

    return _Found(
        found(resolve_devices, devices), found(resolve_files, files), found(resolve_identities, identities),
        found(resolve_mailboxes, mailboxes),
    )  # fmt: skip


def _row(draft: EvidenceDraft, found: _Found) -> EvidenceRow:
    return EvidenceRow(
        draft.type[:40],
        array_literal(draft.roles),
        draft.verdict,
        draft.remediation_status,
        draft.remediation_status_details,
        draft.display,
        draft.key,
        array_literal(draft.members),
        draft.data if isinstance(draft.data, str) else "{}",
        found.devices[id(draft.device)].pk if draft.device is not None else None,
        found.files[id(draft.file)].pk if draft.file is not None else None,
        found.identities[id(draft.identity)].pk if draft.identity is not None else None,
        found.mailboxes[id(draft.mailbox)].pk if draft.mailbox is not None else None,
    )
