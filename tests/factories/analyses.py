"""Deep analyses at any stage, without a sandbox."""

from typing import Any

from accounts.models import User
from core.actors import Actor
from core.models import Blob
from incidents.models import File
from remediation.models import DeepAnalysis
from remediation.services.analysis import Sample, request_analysis
from remediation.services.analysis_work import claim, store_report

HOST = Actor.system("test analysis host")
DROPPED = "ab" * 32


def deed(key: str, detail: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "detail": detail, "times": 1, "at": 0.2, "pid": 7, "worked": True, **more}


def told(**more: Any) -> dict[str, Any]:
    """A report as the sandbox tells it."""
    return {
        "version": 1, "began": 1.0, "seconds": 2.5, "cut": [],
        "static": {"kind": "elf", "type": "ELF, for Linux", "size": 120, "entropy": 5.1, "strings": ["/tmp/x"],
                   "strings_found": 9, "urls": ["http://c2.example/gate"], "addresses": ["203.0.113.5"],
                   "facts": [{"label": "Machine", "value": "x64"}], "imports": ["needs libc.so.6"],
                   "sections": [{"name": ".text", "size": 99, "flags": "ax"}], "notes": []},
        "dynamic": {"ran": True, "started": True, "ended": "exited", "exit_code": 0, "seconds": 1.25, "said": "hi"},
        "behaviours": [deed("http", "c2.example:80 GET /gate HTTP/1.1"), deed("mounts", "mount(x)", worked=False),
                       deed("cron", "/etc/cron.d/update")],
        "processes": [{"pid": 7, "parent": 0, "path": "/sample/x", "command": "/sample/x --now", "began": 0.0,
                       "ended": 1.2, "exit": "0"},
                      {"pid": 8, "parent": 7, "path": "/bin/sh", "command": "sh -c id", "began": 0.3, "ended": 0.4}],
        "files": [{"path": "/tmp/.payload", "change": "created", "size": 17, "mode": "-rwxr-xr-x", "sha256": DROPPED,
                   "kind": "script", "head": "#!/bin/sh", "entropy": 3.0}],
        "network": {"names": ["c2.example"], "connections": [
            {"address": "198.18.0.10", "port": 80, "name": "c2.example", "kind": "http", "host": "c2.example",
             "summary": "GET /gate HTTP/1.1", "bytes": 40, "times": 2, "invented": True, "at": 0.3},
            {"address": "203.0.113.5", "port": 4444, "name": "", "kind": "raw", "host": "", "summary": "hello",
             "bytes": 5, "times": 1, "invented": False, "at": 0.4}]},
        "timeline": [{"at": 0.0, "what": "Process", "detail": "/sample/x --now"}],
        **more,
    }  # fmt: skip


def submitted(user: User, content: bytes = b"\x7fELF sample", name: str = "dropper", **more: Any) -> DeepAnalysis:
    return request_analysis(Sample(content, name), reason="Seen on FIN-WS-007", actor=user.actor, user=user, **more)


def analysed(user: User, content: bytes = b"\x7fELF sample", report: Any = None, **more: Any) -> DeepAnalysis:
    """Submitted, claimed and reported."""
    made = submitted(user, content, **more)
    order = claim(actor=HOST, host="throw-away-1")
    assert order is not None
    assert order.analysis.pk == made.pk
    return store_report(made.pk, lease=order.lease, told=told() if report is None else report, actor=HOST)


def report_of(analysis: DeepAnalysis) -> dict[str, Any]:
    analysis.refresh_from_db()
    assert analysis.report is not None
    return dict(analysis.report)


def copy_of(analysis: DeepAnalysis) -> Blob:
    assert analysis.sample is not None
    return analysis.sample


def words_of_analyses(file: File, user: User) -> dict[str, Any]:
    """For the addresses of pages and API: an analysis of the stage's own file."""
    made = analysed(user, b"stage", name="svc_update.exe")
    own = made.file
    DeepAnalysis.objects.filter(pk=made.pk).update(file=file)
    own.delete()
    return {"remediation:analysis.pk": made.pk, "remediation:download_analysis.pk": made.pk,
            "remediation.file_id": file.pk}  # fmt: skip
