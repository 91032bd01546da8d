"""What the page of a report shows: its parts, with links where something can be done about them."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts import keys
from accounts.models import User
from core import clock
from incidents.models import Alert, File, Incident
from incidents.techniques import technique_facts
from remediation.analysis_report import techniques_in
from remediation.analysis_settings import runs_here
from remediation.enums import AnalysisState, IndicatorType
from remediation.indicator_values import clean_value
from remediation.models import DeepAnalysis
from remediation.views.links import target_link

# After so long without anybody taking a sample the pages say what to do.
PATIENCE_S = 60
ENDS = {
    "exited": "It ended by itself", "time": "It still ran when the time was over, and was ended",
    "memory": "It took more memory than allowed, and was ended",
    "left running": "It ended and left processes running, which were ended",
}  # fmt: skip


def standing(user: User) -> dict[str, Any]:
    """Whether anybody analyses: what waits, since when, and what to do about it."""
    waiting = DeepAnalysis.objects.to_analyse()
    oldest = waiting.first()
    late = (
        oldest is not None
        and oldest.submitted is not None
        and ((clock.now() - oldest.submitted).total_seconds() > PATIENCE_S)
    )
    here = runs_here()
    at_work = DeepAnalysis.objects.filter(state=AnalysisState.ANALYZING).exists()
    return {"here": here, "idle": not here and not at_work and (late or not _ever_worked()), "late": late,
            "options_url": reverse("accounts:options") if user.holds(keys.MANAGE_SETTINGS) else ""}  # fmt: skip


def _ever_worked() -> bool:
    return DeepAnalysis.objects.exclude(host="").exists()


def report_context(analysis: DeepAnalysis, user: User) -> dict[str, Any]:
    report = analysis.report or {}
    may_block = user.holds(keys.DECIDE_RESPONSE)
    others = DeepAnalysis.objects.visible_to(user).filter(file=analysis.file).exclude(pk=analysis.pk)
    incident = Incident.objects.visible_to(user).filter(deep_analyses=analysis).first()
    alert = Alert.objects.visible_to(user).filter(pk=analysis.alert_id).first() if analysis.alert_id else None
    return {
        "analysis": analysis, "report": report, "incident": incident, "alert": alert,
        "ended": ENDS.get(report.get("dynamic", {}).get("ended", ""), ""),
        "techniques": [technique_facts(one) for one in techniques_in(report)],
        "processes": _tree(report.get("processes", [])), "files": _files(report, analysis, user, may_block=may_block),
        "observables": _observables(report, analysis, may_block=may_block),
        "others": others.order_by("-created", "-pk")[:20], "standing": standing(user),
        "target": target_link("file", analysis.file_id, str(analysis.file)),
        "may_submit": user.holds(keys.REQUEST_ANALYSIS) and not analysis.is_open,
        "crumbs": [{"label": "Deep analysis", "url": reverse("remediation:analyses")}, {"label": analysis.number}],
    }  # fmt: skip


def _tree(processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each below the one that started it, with how deep it lies."""
    below: dict[int, list[dict[str, Any]]] = {}
    known = {one["pid"] for one in processes}
    for one in processes:
        below.setdefault(one["parent"] if one["parent"] in known else 0, []).append(one)
    rows: list[dict[str, Any]] = []
    waiting = [(one, 0) for one in reversed(below.get(0, []))]
    seen: set[int] = set()
    while waiting:
        one, depth = waiting.pop()
        if one["pid"] in seen:
            continue
        seen.add(one["pid"])
        rows.append({**one, "depth": min(depth, 6)})
        waiting += [(child, depth + 1) for child in reversed(below.get(one["pid"], []))]
    return rows


def _files(report: dict[str, Any], analysis: DeepAnalysis, user: User, *, may_block: bool) -> list[dict[str, Any]]:
    hashes = [one["sha256"] for one in report.get("files", ()) if one["sha256"]]
    known = dict(File.objects.visible_to(user).filter(sha256__in=hashes).values_list("sha256", "pk"))
    return [
        {**one, "known": known.get(one["sha256"]),
         "block": _indicator_url(IndicatorType.SHA256, one["sha256"], analysis) if may_block else ""}
        for one in report.get("files", ())
    ]  # fmt: skip


def _observables(report: dict[str, Any], analysis: DeepAnalysis, *, may_block: bool) -> list[dict[str, Any]]:
    """Names and addresses that it wanted to reach. The addresses that the sandbox made up for names are none."""
    network = report.get("network", {})
    rows = [{"kind": "Name", "type": IndicatorType.DOMAIN, "value": name, "ports": "", "said": []}
            for name in network.get("names", ())]  # fmt: skip
    by_value = {row["value"]: row for row in rows}
    for one in network.get("connections", ()):
        value = one["name"] or one["address"]
        kind = ("Name", IndicatorType.DOMAIN) if one["name"] else ("Address", IndicatorType.IP)
        row = by_value.setdefault(value, {"kind": kind[0], "type": kind[1], "value": value, "ports": "", "said": []})
        if row not in rows:
            rows.append(row)
        row["ports"] = ", ".join(dict.fromkeys([*filter(None, row["ports"].split(", ")), str(one["port"])]))
        if one["summary"]:
            row["said"] = [*row["said"], one["summary"]][:5]
    return [{**row, "block": _indicator_url(row["type"], row["value"], analysis) if may_block else ""} for row in rows]


def _indicator_url(kind: IndicatorType, value: str, analysis: DeepAnalysis) -> str:
    """The form for a new indicator, filled in; empty for what no indicator may name."""
    try:
        cleaned = clean_value(kind, value)
    except ValidationError:
        return ""
    query = {"type": kind.value, "value": cleaned, "title": f"Seen in {analysis.number}"}
    if analysis.incident_id:
        query["incident"] = str(analysis.incident_id)
    return f"{reverse('remediation:new_indicator')}?{urlencode(query)}"
