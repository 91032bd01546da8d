"""The words, colours and icons of severities, states and things, by the value the rows hold."""

from collections.abc import Mapping

SEVERITIES = {
    "high": ("high", "High"),
    "medium": ("medium", "Medium"),
    "low": ("low", "Low"),
    "informational": ("info", "Informational"),
}
# Bands of the priority score: red above 85, tinted from 15, grey below.
TOP_SCORE, MIDDLE_SCORE = 85, 15

# value without case or separators -> (word, kind of pill, icon)
STATES: Mapping[str, tuple[str, str, str]] = {
    "new": ("New", "new", ""),
    "active": ("New", "new", ""),
    "inprogress": ("In progress", "", ""),
    "awaitingaction": ("Waiting", "warn", "clock"),
    "resolved": ("Resolved", "ok", "check"),
    "redirected": ("Merged", "line", "link"),
    "notrequired": ("No approval needed", "line", ""),
    "pending": ("Waiting for approval", "warn", "clock"),
    "approved": ("Approved", "", "check"),
    "rejected": ("Rejected", "danger", "x"),
    "withdrawn": ("Withdrawn", "line", "undo"),
    "expired": ("Expired", "line", "clock"),
    "waiting": ("Waiting", "", "clock"),
    "queued": ("Queued", "", "clock"),
    "delivered": ("Sent, not yet checked", "new", "send"),
    "started": ("Running", "new", "play"),
    "succeeded": ("Verified", "ok", "check"),
    "partiallysucceeded": ("Partly verified", "warn", "warn"),
    "failed": ("Failed", "danger", "x"),
    "timedout": ("Timed out", "danger", "clock"),
    "cancelled": ("Cancelled", "line", "x"),
    "skipped": ("Skipped", "line", "right"),
    "unknown": ("Unknown", "warn", "warn"),
    "draft": ("Draft", "", "pen"),
    "signed": ("Signed", "ok", "check"),
    "open": ("Open", "", ""),
    "done": ("Done", "ok", "check"),
    "late": ("Late", "danger", "clock"),
    "slaactive": ("On time", "", "clock"),
    "slaatrisk": ("At risk", "warn", "clock"),
    "slabreached": ("Overdue", "danger", "clock"),
    "slapaused": ("Paused", "line", "pause"),
    "slacompletedmet": ("Met", "ok", "check"),
    "slacompletedbreached": ("Missed", "danger", "x"),
    "slabegun": ("Begun in time", "warn", "check"),
    "slabegunandclosed": ("Begun in time", "ok", "check"),
    "slabegunlate": ("Begun late", "danger", "x"),
    "slaneverbegun": ("Never begun", "line", "x"),
    "proposed": ("Proposed", "new", ""),
    "adopted": ("Adopted", "", "check"),
    "verified": ("Verified", "ok", "check"),
    "ready": ("Ready", "ok", "check"),
}

THING_ICONS: Mapping[str, str] = {
    "device": "laptop",
    "server": "server",
    "user": "user",
    "identity": "user",
    "account": "user",
    "mailbox": "mail",
    "mail": "mail",
    "mailmessage": "mail",
    "message": "mail",
    "file": "file",
    "process": "proc",
    "ip": "globe",
    "url": "globe",
    "domain": "globe",
    "dns": "globe",
    "registrykey": "key",
    "registryvalue": "key",
    "application": "box",
    "cloudresource": "cloud",
    "incident": "queue",
    "alert": "bell",
}
ADDRESSES = {"ip", "url", "domain", "dns"}


def key(value: object) -> str:
    return str(value).lower().replace("_", "").replace("-", "").replace(" ", "")
