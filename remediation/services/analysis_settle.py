"""What follows of an analysis by itself: samples that devices sent, time that is over, matches that raise alerts."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from core import clock, jobs
from core.actors import Actor
from incidents.enums import EvidenceVerdict
from incidents.ingest.accept import accept_alerts
from incidents.models import Device, Evidence, File
from remediation.analysis_report import techniques_in
from remediation.enums import OPEN_STATUSES, AnalysisState, IndicatorType
from remediation.indicator_values import clean_value, key_of
from remediation.lifecycle import ANALYSIS_STATE
from remediation.models import DeepAnalysis, Indicator
from remediation.refused import Refused
from remediation.services.analysis import announce, keep_sample, wake_worker
from remediation.services.analysis_collect import collected, device_of
from remediation.services.analysis_work import SWEEPER, fail, take_back_lost
from remediation.services.sample_custody import take_sample

SOURCE = "deep-analysis"
RAISER = Actor.system("deep analysis")
AT_ONCE, MOST_NAMES = 50, 400


def settle() -> int:
    """Look after everything that is due; told twice it does the same as told once."""
    done = take_samples() + give_up_collecting() + take_back_lost() + compare_reports()
    if DeepAnalysis.objects.to_analyse().exists():
        wake_worker()
    return done


def run_ended(*, run_id: int, **_: object) -> None:
    """Listener of `run.ended`: a device has sent its file, or will not."""
    if DeepAnalysis.objects.filter(run_id=run_id, state=AnalysisState.COLLECTING_SAMPLE).exists():
        jobs.wake("remediation.tasks.settle_analyses")


def take_samples() -> int:
    """From collecting to the queue, for those whose run has ended."""
    due = DeepAnalysis.objects.filter(state=AnalysisState.COLLECTING_SAMPLE).exclude(run__status__in=OPEN_STATUSES)
    return sum(_take(pk) for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]))


def _take(pk: int) -> bool:
    with transaction.atomic():
        analysis = _locked(pk, AnalysisState.COLLECTING_SAMPLE)
        if analysis is None:
            return False
        found = collected(analysis.run, analysis.file)
        if found is None:
            said = f": {analysis.run.status_detail}" if analysis.run is not None and analysis.run.status_detail else ""
            fail(analysis, code="not_collected", message=f"The device did not send this file{said}"[:300],
                 actor=SWEEPER)  # fmt: skip
            return True
        try:
            sample = keep_sample(found.blob, analysis.name)
        except Refused as refused:
            fail(analysis, code="too_large", message=refused.message, actor=SWEEPER)
            return True
        device = analysis.device or (device_of(analysis.run) if analysis.run is not None else None)
        ANALYSIS_STATE.move(analysis, AnalysisState.QUEUED, actor=SWEEPER, thread=analysis.thread, sample=sample,
                            device=device,
                            submitted=clock.now(), stage="Waits for the analysis host")  # fmt: skip
        take_sample(analysis, came_with=found)
        announce(analysis)
    return True


def give_up_collecting() -> int:
    late = DeepAnalysis.objects.filter(state=AnalysisState.COLLECTING_SAMPLE, collect_until__lt=clock.now())
    given_up = 0
    for pk in list(late.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            analysis = _locked(pk, AnalysisState.COLLECTING_SAMPLE)
            if analysis is not None:
                fail(analysis, code="no_device", message="No device sent the file within three hours.", actor=SWEEPER)
                given_up += 1
    return given_up


def compare_reports() -> int:
    """Reports that nobody has compared yet with what is known; a match raises one alert for the whole report."""
    waiting = DeepAnalysis.objects.filter(state=AnalysisState.COMPLETED, matched=False)
    return sum(_compare(pk) for pk in list(waiting.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]))


def _compare(pk: int) -> bool:
    with transaction.atomic():
        analysis = _locked(pk, AnalysisState.COMPLETED)
        if analysis is None or analysis.matched:
            return False
        found = matches_in(analysis)
        analysis.matched, analysis.matches = True, found
        if found:
            device = analysis.device or _device_that_saw(analysis.file)
            receipt = accept_alerts([_item(analysis, found, device)], format="graph", source=SOURCE, actor=RAISER,
                                    exercise=analysis.exercise, is_feed=False)  # fmt: skip
            analysis.alert_id = next((int(row["id"]) for row in receipt.alerts), None)
        analysis.save(update_fields=["matched", "matches", "alert"])
        announce(analysis)
    return bool(found)


def matches_in(analysis: DeepAnalysis) -> list[dict[str, str]]:
    """What the sample dropped or reached that is under an indicator, or known to be bad. Allowed is no match."""
    things = things_in(analysis.report or {})
    keys = {key_of(kind, value): (kind, value) for kind, value in things}
    rows = (
        Indicator.objects.active().filter(key__in=keys, exercise__in={"", analysis.exercise}).exclude(action="allowed")
    )
    found = [{"kind": keys[row.key][0], "value": keys[row.key][1], "why": f"{row.number} {row.title}"[:200]}
             for row in rows.order_by("pk")[:50]]  # fmt: skip
    hashes = [value for kind, value in things if kind == IndicatorType.SHA256]
    bad = Evidence.objects.filter(file__sha256__in=hashes, verdict=EvidenceVerdict.MALICIOUS).exclude(
        file_id=analysis.file_id
    )
    known = bad.values_list("file__sha256", flat=True).distinct()[:50]
    told = {one["value"] for one in found}
    return found + [{"kind": IndicatorType.SHA256.value, "value": one, "why": "An alert called this file malicious"}
                    for one in known if one not in told]  # fmt: skip


def things_in(report: dict[str, Any]) -> list[tuple[str, str]]:
    """(type, value) of each dropped file and each address, name and URL that was reached, as indicators spell them."""
    network = report.get("network", {})
    raw: list[tuple[IndicatorType, str]] = [
        (IndicatorType.SHA256, one["sha256"]) for one in report.get("files", ()) if one["change"] != "deleted"
    ]
    for name in network.get("names", ()):
        raw += [(IndicatorType.DOMAIN, part) for part in _with_parents(name)]
    for one in network.get("connections", ()):
        if not one["invented"]:
            raw.append((IndicatorType.IP, one["address"]))
        words = one["summary"].split(" ")
        if one["kind"] == "http" and len(words) == 3 and one["host"]:
            raw.append((IndicatorType.URL, f"http://{one['host']}{words[1]}"))
    return list(dict.fromkeys(_cleaned(raw)))[:MOST_NAMES]


def _with_parents(name: str) -> list[str]:
    """An indicator on a domain covers what lies below it."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(max(1, len(labels) - 1))][:6]


def _cleaned(raw: Iterable[tuple[IndicatorType, str]]) -> Iterable[tuple[str, str]]:
    for kind, value in raw:
        try:
            yield kind.value, clean_value(kind, value)
        except ValidationError:
            continue


def _device_that_saw(file: File) -> Device | None:
    seen = Evidence.objects.filter(file=file).exclude(device=None).select_related("device").order_by("-pk").first()
    return seen.device if seen is not None else None


def _locked(pk: int, state: AnalysisState) -> DeepAnalysis | None:
    rows = DeepAnalysis.objects.select_for_update(skip_locked=True, of=("self",))
    return rows.select_related("incident", "device", "file", "run").filter(pk=pk, state=state).first()


def _item(analysis: DeepAnalysis, found: list[dict[str, str]], device: Device | None) -> dict[str, Any]:
    """The alert as a source would send it. Its id comes from the analysis, so that there is never a second one."""
    moment = clock.now().isoformat()
    what = "; ".join(f"{one['value'][:100]} ({one['why'][:80]})" for one in found[:10])
    grave = "high" if analysis.gravest == "high" else "medium"
    evidence: list[dict[str, Any]] = [
        {"@odata.type": _type("file"), "verdict": "suspicious",
         "fileDetails": {"sha256": analysis.file.sha256, "fileName": analysis.name}},
        *(_device(device) if device is not None else ()), *(_thing(one) for one in found[:20]),
    ]  # fmt: skip
    return {
        "id": f"{analysis.number}-matches",
        "title": f"Deep analysis: {analysis.name[:120]} uses what is known to be bad",
        "description": f"Run in the sandbox, {analysis.name[:200]} dropped or reached: {what}. See {analysis.number}.",
        "severity": grave, "category": "malware", "mitreTechniques": techniques_in(analysis.report or {})[:20],
        "serviceSource": "deepAnalysis", "detectionSource": "customTi", "productName": "Deep analysis of the portal",
        "detectorId": "deep-analysis", "firstActivityDateTime": moment, "lastActivityDateTime": moment,
        "createdDateTime": moment, "evidence": evidence,
    }  # fmt: skip


def _device(device: Device) -> list[dict[str, Any]]:
    ids = {alias.partition(":")[0]: alias.partition(":")[2] for alias in device.aliases if ":" in alias}
    field = "deviceDnsName" if "." in device.key else "hostName"
    return [{"@odata.type": _type("device"), field: device.key, "mdeDeviceId": ids.get("mde", ""),
             "azureAdDeviceId": ids.get("aad", "")}]  # fmt: skip


def _thing(found: dict[str, str]) -> dict[str, Any]:
    names = {IndicatorType.IP: ("ip", "ipAddress"), IndicatorType.URL: ("url", "url"),
             IndicatorType.DOMAIN: ("dns", "domainName")}  # fmt: skip
    if found["kind"] == IndicatorType.SHA256:
        details = {"sha256": found["value"], "fileName": f"{found['value'][:12]}"}
        return {"@odata.type": _type("file"), "fileDetails": details, "verdict": "suspicious"}
    kind, field = names[IndicatorType(found["kind"])]
    return {"@odata.type": _type(kind), field: found["value"], "verdict": "suspicious"}


def _type(kind: str) -> str:
    return f"#microsoft.graph.security.{kind}Evidence"
