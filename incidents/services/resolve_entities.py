"""Which of our devices, files, accounts and mailboxes a source means; what we do not know yet is made.

Everything works on many facts at once with a bounded number of queries, and runs in the caller's transaction. New
rows are inserted in the order of their keys, so that two batches never wait for each other in a circle.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from django.db import connection

from incidents.ingest.copying import array_literal
from incidents.services.device_groups import GroupMatcher
from incidents.services.entity_index import EntityIndex, Known
from incidents.services.facts import DeviceFacts, FileFacts, IdentityFacts, MailboxFacts

Moments = Sequence[datetime]
Spans = Mapping[str, tuple[datetime, datetime]]
MAX_LISTED = 30
ENTITY_LOCK = 0x50C_E7
LOCK_BUCKETS = 128


def resolve_devices(
    facts: Sequence[DeviceFacts], *, at: datetime, exercise: str = "", seen: Moments = ()
) -> list[Known]:
    """For each fact its device, in the same order. `at` is when they were seen (event time), `seen` when each was by
    itself."""
    by_key = _distinct(facts)
    if not by_key:
        return []
    matcher = GroupMatcher(exercise)
    found = _resolve_named(
        "incidents_device", by_key,
        columns=_DEVICE_COLUMNS,
        names_of=lambda entry: (*entry.ids, entry.full_name, entry.bare_name),
        match=lambda entry, index: _device_of(entry, index, matcher, at, exercise),
        at=at, exercise=exercise, spans=_spans(facts, seen),
    )  # fmt: skip
    return [found[entry.key] for entry in facts]


def resolve_identities(
    facts: Sequence[IdentityFacts], *, at: datetime, exercise: str = "", seen: Moments = ()
) -> list[Known]:
    """For each fact its account, in the same order."""
    by_key = _distinct(facts)
    if not by_key:
        return []
    found = _resolve_named(
        "incidents_identity", by_key,
        columns=_IDENTITY_COLUMNS,
        names_of=lambda entry: (*entry.ids, entry.key, entry.domain_name, entry.bare_name),
        match=lambda entry, index: _identity_of(entry, index, at, exercise),
        at=at, exercise=exercise, spans=_spans(facts, seen),
    )  # fmt: skip
    return [found[entry.key] for entry in facts]


def resolve_files(facts: Sequence[FileFacts], *, at: datetime, exercise: str = "", seen: Moments = ()) -> list[Known]:
    """For each fact its file, by the strongest hash that is known on either side."""
    by_key = _distinct(facts)
    if not by_key:
        return []
    rows = _load_files(by_key.values())
    index = EntityIndex(rows)
    for row in rows:
        for kind in ("sha256", "sha1", "md5"):
            if value := row.columns[kind]:
                index.name(row, f"{kind}:{value}")
    found = {key: _file_of(entry, index, at, exercise) for key, entry in by_key.items()}
    _see(found, _spans(facts, seen))
    index.store("incidents_file", used=found.values(), at=at, exercise=exercise)
    return [found[entry.key] for entry in facts]


def resolve_mailboxes(
    facts: Sequence[MailboxFacts], *, at: datetime, exercise: str = "", seen: Moments = ()
) -> list[Known]:
    by_key = _distinct(facts)
    if not by_key:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, key, last_seen, '{}'::text[], upn, exercise FROM incidents_mailbox WHERE key = ANY(%s)",
            [list(by_key)],
        )
        index = EntityIndex([_known(row, ("upn", "exercise")) for row in cursor.fetchall()])
    found = {}
    for key, entry in by_key.items():
        row = index.one(key)
        if row is None:
            row = index.add(key, {
                "primary_address": entry.address.strip()[:320], "display_name": (entry.display_name or key)[:255],
                "upn": entry.upn[:255], **_fresh(at, exercise),
            })  # fmt: skip
        found[key] = row
    _see(found, _spans(facts, seen))
    index.store("incidents_mailbox", used=found.values(), at=at, exercise=exercise)
    return [found[entry.key] for entry in facts]


def _resolve_named[F: (DeviceFacts, IdentityFacts)](
    table: str,
    by_key: dict[str, F],
    *,
    columns: Sequence[str],
    names_of: Callable[[F], Iterable[str]],
    match: Callable[[F, EntityIndex], Known],
    at: datetime,
    exercise: str,
    spans: Spans,
) -> dict[str, Known]:
    """Resolve and write things that go by several names. Most are found by their key. The names of what seems to be new
    are locked before they are looked for everywhere, because a simultaneous batch may just be making the same thing
    under another name, which no unique key would notice."""
    names = {name for entry in by_key.values() for name in names_of(entry) if name}
    rows = _Rows(table, columns)
    rows.find_by_key(names)
    rows.find_by_alias(by_key.keys() - rows.names)
    fresh = {name for key, entry in by_key.items() if key not in rows.names for name in names_of(entry) if name}
    if fresh:
        _lock_names(table, fresh)
        rows.find_by_key(fresh)
    rows.find_by_alias(names - rows.names)
    index = EntityIndex(rows.found.values())
    found = {key: match(entry, index) for key, entry in by_key.items()}
    _see(found, spans)
    index.store(table, used=found.values(), at=at, exercise=exercise)
    return found


class _Rows:
    """Rows of one table, each once, and every name that they go by."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        self._table, self._columns = table, columns
        self._selected = f"SELECT t.id, t.key, t.last_seen, t.aliases, {', '.join(columns)}"
        self.found: dict[int, Known] = {}
        self.names: set[str] = set()

    def find_by_key(self, names: Iterable[str]) -> None:
        self._read(f"{self._selected} FROM {self._table} t WHERE t.key = ANY(%s::varchar[])", names)

    def find_by_alias(self, names: Collection[str]) -> None:
        """One index search each: `&&` with thousands of names would compare them all with every row."""
        if names:
            self._read(
                f"{self._selected} FROM unnest(%s::varchar[]) n(name) JOIN {self._table} t "
                "ON t.aliases @> ARRAY[n.name]",
                names,
            )

    def _read(self, statement: str, names: Iterable[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, [array_literal(sorted(names))])
            for row in cursor.fetchall():
                if row[0] not in self.found:
                    known = self.found[row[0]] = _known(row, self._columns)
                    self.names |= {known.key, *known.aliases}


def _lock_names(table: str, names: Iterable[str]) -> None:
    """Until the transaction ends, and always in the same order. Names share a bounded number of locks."""
    buckets = sorted({crc32(f"{table}:{name}".encode()) % LOCK_BUCKETS for name in names})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, b) FROM unnest(%s::int[]) b", [ENTITY_LOCK, buckets])


def _spans(facts: Sequence[DeviceFacts | FileFacts | IdentityFacts | MailboxFacts], seen: Moments) -> Spans:
    """By key, when each was seen first and last."""
    found: dict[str, tuple[datetime, datetime]] = {}
    for entry, at in zip(facts, seen, strict=False):
        first, last = found.get(entry.key, (at, at))
        found[entry.key] = (min(first, at), max(last, at))
    return found


def _see(found: Mapping[str, Known], spans: Spans) -> None:
    for key, (first, last) in spans.items():
        found[key].see(first, last)


def _distinct[F: (DeviceFacts, FileFacts, IdentityFacts, MailboxFacts)](facts: Sequence[F]) -> dict[str, F]:
    """One fact per key; the one that says most wins, and whole names come before bare ones, so that nothing depends
    on order."""
    distinct: dict[str, F] = {}
    for entry in facts:
        known = distinct.get(entry.key)
        if known is None or (known != entry and _said(entry) > _said(known)):
            distinct[entry.key] = entry
    return dict(sorted(distinct.items(), key=lambda entry: ("@" not in entry[0], "." not in entry[0], entry[0])))


def _said(facts: Any) -> tuple[int, str]:
    values = [getattr(facts, name) for name in facts.__slots__]
    return sum(1 for value in values if value), str(values)


_DEVICE_COLUMNS = ("device_group_id", "os_platform", "os_version", "ip_addresses", "logged_on_users", "health",
                   "onboarding", "domain", "exercise", "tags", "mac_addresses")  # fmt: skip
_IDENTITY_COLUMNS = ("upn", "sid", "domain", "display_name", "exercise")
_FILE_COLUMNS = ("sha256", "sha1", "md5", "names", "path", "size", "exercise")


def _load_files(facts: Iterable[FileFacts]) -> list[Known]:
    hashes: dict[str, list[str]] = {"sha256": [], "sha1": [], "md5": []}
    keys = []
    for entry in facts:
        keys.append(entry.key)
        for kind, values in hashes.items():
            if value := getattr(entry, kind):
                values.append(value)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, key, last_seen, '{{}}'::text[], {', '.join(_FILE_COLUMNS)} FROM incidents_file "
            "WHERE key = ANY(%s) OR (sha1 <> '' AND sha1 = ANY(%s)) OR (md5 <> '' AND md5 = ANY(%s))",
            [[*keys, *(f"sha256:{value}" for value in hashes["sha256"])], hashes["sha1"], hashes["md5"]],
        )
        return [_known(row, _FILE_COLUMNS) for row in cursor.fetchall()]


def _known(row: tuple[Any, ...], columns: Sequence[str]) -> Known:
    return Known(row[0], row[1], row[2], set(row[3]), dict(zip(columns, row[4:], strict=True)))


def _fresh(at: datetime, exercise: str) -> dict[str, Any]:
    return {"first_seen": at, "last_seen": at, "exercise": exercise}


def _device_of(facts: DeviceFacts, index: EntityIndex, matcher: GroupMatcher, at: datetime, exercise: str) -> Known:
    row = (
        next((found for identifier in facts.ids if (found := index.one(identifier))), None)
        or index.one(facts.full_name)
        or index.by_weak_name(facts.bare_name, whole_name=facts.full_name)
    )
    if row is None:
        domain = facts.domain or facts.full_name.partition(".")[2]
        columns = {
            "display_name": facts.display, "host_name": (facts.host_name or facts.display)[:255],
            "domain": domain[:255], "os_platform": facts.os_platform[:80], "os_version": facts.os_version[:80],
            "category": facts.category or "computersAndMobile",
            "ip_addresses": list(facts.ip_addresses)[:MAX_LISTED],
            "mac_addresses": [address[:17] for address in facts.mac_addresses][:MAX_LISTED],
            "logged_on_users": [name[:255] for name in facts.logged_on_users][:MAX_LISTED],
            "tags": [tag[:80] for tag in facts.tags][:MAX_LISTED],
            "health": facts.health, "onboarding": facts.onboarding, **_fresh(at, exercise),
        }  # fmt: skip
        columns["device_group_id"] = matcher.group_of(facts)
        row = index.add(facts.key, columns)
    else:
        if facts.full_name and "." not in row.key and not row.key.startswith(("mde:", "aad:")):
            index.rename(row, facts.full_name)
        _fill(
            row,
            os_platform=facts.os_platform[:80],
            os_version=facts.os_version[:80],
            domain=facts.domain[:255] or facts.full_name.partition(".")[2],
        )
        _join_lists(row, ip_addresses=facts.ip_addresses, logged_on_users=facts.logged_on_users)
        if facts.health != "unknown":
            row.set("health", facts.health)
        if facts.onboarding != "insufficientInfo":
            row.set("onboarding", facts.onboarding)
    for identifier in facts.ids:
        index.add_alias(row, identifier)
    index.add_weak_alias(row, facts.bare_name)
    return row


def _identity_of(facts: IdentityFacts, index: EntityIndex, at: datetime, exercise: str) -> Known:
    row = (
        next((found for identifier in facts.ids if (found := index.one(identifier))), None)
        or index.one(facts.key if "@" in facts.key else "")
        or index.one(facts.domain_name)
        or index.by_weak_name(facts.bare_name, whole_name=facts.key, domain=facts.domain)
    )
    if row is None:
        row = index.add(facts.key, {
            "display_name": facts.display, "account_name": facts.bare_name, "domain": facts.domain[:255],
            "upn": facts.upn[:255], "sid": facts.sid[:200],
            "is_service": facts.bare_name.startswith(("svc-", "svc_", "svc.", "service-")), **_fresh(at, exercise),
        })  # fmt: skip
    else:
        if "@" in facts.key and "@" not in row.key:
            index.rename(row, facts.key)
        _fill(row, upn=facts.upn[:255], sid=facts.sid[:200], domain=facts.domain[:255])
    for identifier in (*facts.ids, facts.domain_name):
        index.add_alias(row, identifier)
    index.add_weak_alias(row, facts.bare_name)
    return row


def _file_of(facts: FileFacts, index: EntityIndex, at: datetime, exercise: str) -> Known:
    hashes = {"sha256": facts.sha256, "sha1": facts.sha1, "md5": facts.md5}
    row = next((found for kind, value in hashes.items() if value and (found := index.one(f"{kind}:{value}"))), None)
    if row is None:
        name = (facts.name or facts.path or facts.key)[:255]
        row = index.add(facts.key, {
            **hashes, "display_name": name, "names": [name] if facts.name else [], "path": facts.path[:1000],
            "size": facts.size, "publisher": facts.publisher[:255], "signer": facts.signer[:255],
            **_fresh(at, exercise),
        })  # fmt: skip
    else:
        _fill(row, path=facts.path[:1000], size=facts.size, **hashes)
        if row.columns["sha256"] and not row.key.startswith("sha256:"):
            index.rename(row, f"sha256:{row.columns['sha256']}")
        if facts.name:
            _join_lists(row, names=(facts.name,))
    for kind, value in hashes.items():
        if value:
            index.name(row, f"{kind}:{value}")
    return row


def _fill(row: Known, **values: Any) -> None:
    """Take what was not known before; what is known stays."""
    for name, value in values.items():
        if value and not row.columns.get(name):
            row.set(name, value)


def _join_lists(row: Known, **values: Sequence[str]) -> None:
    """Newest first, bounded."""
    for name, added in values.items():
        known = row.columns.get(name) or []
        fresh = [value[:255] for value in added if value[:255] not in known]
        if fresh:
            row.set(name, [*dict.fromkeys(fresh), *known][:MAX_LISTED])
