# ruff: noqa: E501 - one invented thing a line reads best
"""Invented things for the gallery of components: the shapes are those that the pages give them."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from core import marks

NOW = datetime.now(UTC).replace(microsecond=0)


class Person(SimpleNamespace):
    def __str__(self) -> str:
        return str(self.display_name)


ADA = Person(pk=1, display_name="Ada Lindqvist", username="ada", kind="person", theme="system",
                      density="comfortable", role_names="Analyst", is_authenticated=True, single_key_shortcuts=True)  # fmt: skip
RITA = Person(pk=2, display_name="Rita Brandt", kind="person")
DISRUPTION = SimpleNamespace(id="disruption", name="Attack disruption", kind="system")


def minutes_ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


NAVIGATION: list[dict[str, Any]] = [
    {"items": [
        {"label": "Waiting for me", "url": "/waiting/", "icon": "inbox", "count": 4, "hot": True},
        {"label": "Incidents", "url": "/queue/", "icon": "queue", "count": 23, "current": True},
        {"label": "Action center", "url": "/actions/", "icon": "bolt", "count": 3},
        {"label": "Reviews", "url": "/review/", "icon": "review", "count": 2}]},
    {"label": "Entities", "items": [
        {"label": "Devices", "url": "/devices/", "icon": "laptop"}, {"label": "Identities", "url": "/identities/", "icon": "user"},
        {"label": "Files", "url": "/files/", "icon": "file"}, {"label": "Mailboxes", "url": "/mailboxes/", "icon": "mail"}]},
    {"foot": True, "items": [
        {"label": "Administration", "url": "/admin/users/", "icon": "gear"}, {"label": "Audit log", "url": "/admin/audit/", "icon": "audit"}]},
]  # fmt: skip

INCIDENTS = [
    {"pk": 1048 - at, "name": name, "severity": severity, "status": status, "score": score, "owner": owner,
     "meta": meta, "alerts": alerts, "last": minutes_ago(at * at * 61 + 3), "unread": owner is None, "fresh": at == 1}
    for at, (name, severity, status, score, owner, meta, alerts) in enumerate([
        ("Ransomware spreading on 4 hosts", "high", "inProgress", 97, ADA, "4 devices, 2 accounts · 3 sources", 17),
        ("Sign-in token replayed from a new country", "high", "active", 88, None, "just in · 1 account, 1 mailbox · j.lindqvist", 6),
        ("Payment details changed, new inbox rules", "high", "inProgress", 84, RITA, "2 mailboxes, 1 account · Accounts payable", 9),
        ("Remote tool installed outside its window", "medium", "active", 61, None, "1 device · OPS-WS-031, look-alike of 2 earlier", 3),
        ("Many failed sign-ins, then one success", "medium", "active", 57, None, "1 account · svc-backup, seen on 41 devices", 5),
        ("Mass file changes by backup job", "medium", "inProgress", 52, ADA, "1 device · BKP-SRV-01, known job", 4),
        ("Suspicious PowerShell download on 2 hosts", "medium", "active", 44, None, "2 devices · DEV-WS-011, DEV-WS-019", 4),
        ("Hostile \u202egpj.exe name with a very long tail that must end somewhere before the severity column begins", "medium", "awaitingAction", 41, RITA, "1 account · c.moreau", 2),
        ("Phishing reported by 3 people", "low", "active", 33, None, "3 mailboxes · 1 message, kept", 3),
        ("Unsigned driver loaded", "low", "active", 14, None, "1 device · LAB-WS-004", 1),
        ("Port scan from the vulnerability scanner", "low", "resolved", 12, None, "1 device · SCAN-01, hub, not correlated", 12),
        ("USB storage used by a contractor", "informational", "active", 9, None, "1 device · HR-WS-009", 1),
        ("Legacy protocol sign-in", "informational", "redirected", None, None, "1 account · scanner-3f", 1)])]  # fmt: skip

CHIPS = [{"label": label, "value": value, "remove_url": "?"} for label, value in
         [("Status", "New, In progress"), ("Severity", "High, Medium, Low"), ("Last activity", "7 days")]]  # fmt: skip

FACTORS = [{"label": label, "points": points, "share": points * 100 // 30} for label, points in [
    ("Encryption seen on a file server", 30), ("Spreading: 4 hosts in 33 minutes", 25),
    ("Account with rights on 41 devices", 18), ("High-value group: File servers", 14), ("3 sources agree", 10)]]  # fmt: skip

HASH = "3fa9c1d2b7a1f2ccd0f4e9a86b5f7e110d7c0a31c9dd92e45ab1f77c8c7be204"

ASSETS = [("server", "FILE-SRV-02", True), ("device", "FIN-WS-014", False), ("device", "FIN-WS-022", False),
          ("device", "HR-WS-007", False), ("account", "svc-backup", False), ("ip", "203.0.113.77", True)]  # fmt: skip

TABS = [{"label": label, "url": f"/incident/?tab={at}", "count": count, "current": at == 0, "waiting": waiting}
        for at, (label, count, waiting) in enumerate([
            ("Attack story", 0, 0), ("Alerts", 17, 0), ("Assets", 6, 0), ("Evidence and response", 31, 0),
            ("Actions", 0, 1), ("Activities", 0, 0), ("Review", 0, 0)])]  # fmt: skip

STEPS = [
    {"at": minutes_ago(ago), "severity": severity, "name": name, "what": what, "nodes": nodes}
    for ago, severity, name, what, nodes in [
        (52, "low", "Mail with a look-alike link", "m.okafor · mail", "mail okafor"),
        (46, "medium", "Program run from a profile folder", "FIN-WS-014 · svc_update.exe", "fin14 exe"),
        (43, "medium", "Credentials read from memory", "FIN-WS-014 · svc-backup", "fin14 backup"),
        (40, "high", "Files encrypted in bulk", "FIN-WS-014 · 1,204 files", "fin14"),
        (37, "medium", "One account signs in to 3 devices", "svc-backup · 3 devices", "backup fin22 hr07 file02"),
        (31, "high", "Shadow copies deleted", "FIN-WS-022 · vssadmin.exe", "fin22"),
        (22, "medium", "Service created from afar", "HR-WS-007 · svc_update.exe", "hr07"),
        (10, "high", "Known program arrives", "FILE-SRV-02 · svc_update.exe", "file02"),
        (7, "high", "Files encrypted in bulk", "FILE-SRV-02 · 40 files so far", "file02"),
    ]
]  # fmt: skip


def story(spread: int = 0) -> dict[str, Any]:
    """The graph of the ransomware; `spread` adds hosts to show what happens past forty things."""
    nodes = [
        {"id": "mail", "kind": "mail", "label": "Invoice 1187", "state": "mail", "first": minutes_ago(52).isoformat()},
        {"id": "okafor", "kind": "user", "label": "m.okafor", "state": "account", "first": minutes_ago(52).isoformat()},
        {"id": "fin14", "kind": "device", "label": "FIN-WS-014", "state": "isolated 09:22", "look": "safe", "first": minutes_ago(46).isoformat()},
        {"id": "exe", "kind": "file", "label": "svc_update.exe", "state": "3fa9c1d2…7be204", "look": "bad", "first": minutes_ago(46).isoformat()},
        {"id": "backup", "kind": "account", "label": "svc-backup", "state": "disabled 09:40", "look": "safe", "first": minutes_ago(43).isoformat()},
        {"id": "ip", "kind": "ip", "label": "203.0.113[.]77", "state": "address", "look": "bad", "first": minutes_ago(45).isoformat()},
        {"id": "fin22", "kind": "device", "label": "FIN-WS-022", "state": "isolated 09:33", "look": "safe", "first": minutes_ago(37).isoformat()},
        {"id": "hr07", "kind": "device", "label": "HR-WS-007", "state": "isolated 09:38", "look": "safe", "first": minutes_ago(22).isoformat()},
        {"id": "file02", "kind": "server", "label": "FILE-SRV-02", "state": "encrypting since 09:41", "look": "bad", "count": 2, "url": "/node/", "first": minutes_ago(10).isoformat()},
        {"id": "dc", "kind": "server", "label": "DC-01", "state": "sign-in refused 09:40", "first": minutes_ago(8).isoformat()},
    ]  # fmt: skip
    edges = [dict(zip(("source", "target", "label", "look"), edge, strict=True)) for edge in [
        ("mail", "okafor", "opened", ""), ("okafor", "fin14", "runs 09:02", ""), ("fin14", "exe", "drops", ""),
        ("fin14", "backup", "09:05", ""), ("fin14", "ip", "connects", ""), ("exe", "fin22", "copied", ""),
        ("backup", "fin22", "09:11", "hot"), ("backup", "hr07", "09:26", "hot"), ("backup", "file02", "09:38", "hot"),
        ("backup", "dc", "refused", "stop")]]  # fmt: skip
    for at in range(spread):
        nodes.append(
            {"id": f"ws{at}", "kind": "device", "label": f"OPS-WS-{at:03}", "state": "reached", "group": "devices"}
        )
        edges.append({"source": "backup", "target": f"ws{at}", "label": "", "look": "hot"})
    return {"nodes": nodes, "edges": edges}


RUN_STEPS = [
    {"title": "Requested", "text": 'Ada Lindqvist: "1,204 files encrypted in 90 s, still going."', "at": minutes_ago(30), "symbol": "bolt", "kind": "acc"},
    {"title": "Approved", "text": 'Rita Brandt: "Confirmed by phone with M. Okafor."', "at": minutes_ago(29.4), "symbol": "check", "kind": ""},
    {"title": "Delivered", "text": "1st attempt, answered in 420 ms, receipt kept", "at": minutes_ago(29.3), "symbol": "send", "hash": "7f3b0c9922aa01b4d19e"},
    {"title": "Started", "text": "Device applied the block list", "at": minutes_ago(28.7), "symbol": "play"},
    {"title": "Verified by probe", "text": "From the device: 3 of 3 outside addresses refused.", "at": minutes_ago(28.1), "symbol": "probe", "kind": "ok"},
    {"title": "Undo", "text": "Not asked for. Release is a run of its own and needs an approver.", "symbol": "undo", "next": True},
]  # fmt: skip

APPROVALS = [
    {"id": 1, "title": "Delete 14 copies of a phishing message", "quote": "Same invoice lure as the one that started this.", "by": "Dev Anand",
     "at": minutes_ago(10000), "simulated": True, "soon": True, "expires": minutes_ago(-12.4), "effect": "Moves the message to the recoverable folder of 14 mailboxes",
     "undo": "Restore message, within 14 days", "targets": [{"kind": "message", "name": "Updated bank details — Q4", "url": "#"}], "incident": {"label": "INC-1046", "url": "#"},
     "approve_url": "/confirm/", "reject_url": "/confirm/", "url": "/run/"},
    {"id": 2, "title": "Isolate FILE-SRV-02", "quote": "Encryption began 09:41, svc-backup already disabled.", "by": "Ada Lindqvist", "at": minutes_ago(5),
     "simulated": True, "expires": minutes_ago(-10060), "effect": "Cuts all network except the portal; 212 people lose open files", "undo": "Release, needs an approver",
     "targets": [{"kind": "server", "name": "FILE-SRV-02", "url": "#", "bad": True}], "incident": {"label": "INC-1048", "url": "#"}, "url": "/run/",
     "refusal": "Your own request: it waits for somebody else to decide. Rita Brandt and Dev Anand can."},
]  # fmt: skip

KPIS = [
    {"name": "Time to acknowledge", "target": "15 min", "value": "9", "unit": "min mean", "facts": [{"label": "half under", "value": "6 min"}, {"label": "9 of 10 under", "value": "22 min"}],
     "verdict": "2 min faster", "good": True, "definition": "than the 30 days before", "spark": {"area": "M0,32 L0,7.6 L20,14.700 L40,18 L60,22 L80,25 L100,25 L120,25 L120,32z", "line": "0,7.6 20,14.700 40,18 60,22 80,25 100,25 120,25", "target_y": "4"}},
    {"name": "Time to contain", "target": "30 min", "value": "38", "unit": "min mean", "facts": [{"label": "half under", "value": "29 min"}], "verdict": "5 min slower", "good": False, "definition": "than the 30 days before",
     "spark": {"area": "M0,32 L0,29 L20,25 L40,27 L60,11 L80,8 L100,4 L120,8 L120,32z", "line": "0,29 20,25 40,27 60,11 80,8 100,4 120,8", "target_y": "22"}},
    {"name": "Contain", "value": "47", "unit": "min", "facts": [{"label": "Target", "value": "30 min"}], "verdict": "17 min over", "good": False, "definition": "First alert to first verified containment."},
    {"name": "Open now", "value": "23", "unit": "incidents", "facts": [], "definition": "1 without an owner among the High ones"},
]  # fmt: skip

TIMELINE = [
    {"at": minutes_ago(60 * 24 * 9), "text": "Sign-in to p.nowak from 198.51.100[.]24, first time from this provider", "kind": "bad"},
    {"at": minutes_ago(60 * 24 * 9 - 23), "strong": "First alert:", "text": "inbox rule moves mail with “invoice”", "kind": "mile", "note": "clock starts"},
    {"at": minutes_ago(60 * 24 * 9 - 70), "text": "Account disabled, verified by a refused sign-in", "kind": "mile", "note": "contained, 47 min: 17 over", "note_kind": "warn"},
    {"at": minutes_ago(60 * 24 * 9 - 85), "text": "Both messages recalled; customers told by phone", "kind": "ok"},
]  # fmt: skip

STATUSES = [*marks.STATES, "odd one"]
