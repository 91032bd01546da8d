"""What of remediation is deleted by age: runs that have ended, files that they produced, refusals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from core import blobs, retention
from core.models import Blob
from remediation.enums import OPEN_STATUSES
from remediation.models import (
    ActionRun,
    ControlState,
    DeepAnalysis,
    ExpertRequest,
    IndicatorChange,
    IndicatorHit,
    Refusal,
    RunArtefact,
)
from remediation.services.custody import forget_blobs, kept_by_holds

RUNS, ARTEFACTS = "runs", "artefacts"
EXPERTS, CHANGES = "expert_requests", "indicator_changes"
HITS = "indicator_hits"
ANALYSES = "deep_analyses"
ON_HOLD = "of an incident under a legal hold"
TIME_OVER = "Its time was over."


def declare_kinds() -> None:
    blobs.keep_back(kept_by_holds)
    blobs.forget_with(lambda keys: forget_blobs(keys, why=TIME_OVER))
    retention.declare(
        retention.Kind(
            RUNS, "Actions that have ended", "With their logs and files. The audit log keeps that they were done.",
            _ended_before, "ended", forget_runs, least=90,
        )
    )  # fmt: skip
    retention.keep_back(RUNS, ON_HOLD, lambda rows: rows.filter(incident__on_hold=True))
    retention.keep_back(RUNS, "whose effect is in force", _in_force)
    retention.keep_back(RUNS, "that are being undone", _being_undone)
    retention.declare(
        retention.Kind(
            ARTEFACTS, "Files that actions produced", "Packages, reports and scan results, which may hold anything.",
            lambda edge: RunArtefact.objects.filter(created__lt=edge), "created", forget_artefacts, days=180,
        )
    )  # fmt: skip
    retention.keep_back(ARTEFACTS, ON_HOLD, lambda rows: rows.filter(run__incident__on_hold=True))
    retention.declare(
        retention.Kind(
            "refusals", "Refusals", "Requests, decisions and executions that the policy refused.",
            lambda edge: Refusal.objects.filter(at__lt=edge), "at",
            lambda keys: Refusal.objects.filter(pk__in=keys).delete()[0], days=400,
        )
    )  # fmt: skip
    retention.keep_back("refusals", ON_HOLD, lambda rows: rows.filter(incident__on_hold=True))
    _declare_what_people_asked()
    _declare_indicators()
    retention.keep_back("incidents", "with an action that is open", _with_open_run)


def _declare_what_people_asked() -> None:
    retention.declare(
        retention.Kind(
            EXPERTS, "Questions to experts that are closed", "With what was shared and said.",
            lambda edge: ExpertRequest.objects.filter(closed__lt=edge), "closed", forget_questions, days=730, least=90,
        )
    )  # fmt: skip
    retention.keep_back(EXPERTS, ON_HOLD, lambda rows: rows.filter(incident__on_hold=True))
    retention.declare(
        retention.Kind(
            ANALYSES, "Deep analyses that have ended", "With their reports. Samples go earlier, by an option.",
            lambda edge: DeepAnalysis.objects.filter(ended__lt=edge), "ended",
            lambda keys: DeepAnalysis.objects.filter(pk__in=keys).delete()[0], days=730, least=90,
        )
    )  # fmt: skip
    retention.keep_back(ANALYSES, ON_HOLD, lambda rows: rows.filter(incident__on_hold=True))


def _declare_indicators() -> None:
    retention.declare(
        retention.Kind(
            CHANGES, "History of indicators", "Who changed what. The indicators stay, and the audit log tells it.",
            lambda edge: IndicatorChange.objects.filter(at__lt=edge), "at",
            lambda keys: IndicatorChange.objects.filter(pk__in=keys).delete()[0], days=730, least=90,
        )
    )  # fmt: skip
    retention.declare(
        retention.Kind(
            HITS, "Hits of indicators", "Where something that an indicator names was met. Alerts stay.",
            lambda edge: IndicatorHit.objects.filter(noted__lt=edge, wants_alert=False), "noted",
            lambda keys: IndicatorHit.objects.filter(pk__in=keys).delete()[0], days=400, least=90,
        )
    )  # fmt: skip
    retention.keep_back(HITS, ON_HOLD, lambda rows: rows.filter(alert__incident__on_hold=True))
    retention.keep_back(CHANGES, "that can still be taken back", _newest_of_an_indicator)
    retention.keep_back(CHANGES, ON_HOLD, lambda rows: rows.filter(indicator__incident__on_hold=True))


def _ended_before(edge: datetime) -> QuerySet[ActionRun]:
    """Whole actions: a parent goes with its parts."""
    return ActionRun.objects.filter(parent=None, ended__lt=edge)


def _in_force(rows: QuerySet[Any]) -> QuerySet[Any]:
    part = ActionRun.objects.filter(parent=OuterRef("pk"), pk__in=ControlState.objects.values("run_id"))
    return rows.filter(Q(pk__in=ControlState.objects.values("run_id")) | Exists(part))


def _being_undone(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(Exists(ActionRun.objects.filter(undoes=OuterRef("pk"), status__in=OPEN_STATUSES)))


def _with_open_run(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(Exists(ActionRun.objects.filter(incident=OuterRef("pk"), status__in=OPEN_STATUSES)))


def _newest_of_an_indicator(rows: QuerySet[Any]) -> QuerySet[Any]:
    newer = IndicatorChange.objects.filter(indicator=OuterRef("indicator"), pk__gt=OuterRef("pk"), undone=False)
    return rows.filter(~Exists(newer), undone=False)


def forget_questions(keys: Sequence[int]) -> int:
    ExpertRequest.objects.filter(pk__in=keys).delete()
    return len(keys)


def forget_runs(keys: Sequence[int]) -> int:
    every = ActionRun.objects.filter(Q(pk__in=keys) | Q(parent__in=keys))
    forget_blobs(list(RunArtefact.objects.filter(run__in=every).values_list("blob", flat=True)), why=TIME_OVER)
    Blob.objects.filter(pk__in=RunArtefact.objects.filter(run__in=every).values("blob")).delete()
    every.delete()
    return len(keys)


def forget_artefacts(keys: Sequence[int]) -> int:
    """The file goes with the row that names it; its custody record stays and says so."""
    forget_blobs(list(RunArtefact.objects.filter(pk__in=keys).values_list("blob", flat=True)), why=TIME_OVER)
    Blob.objects.filter(pk__in=RunArtefact.objects.filter(pk__in=keys).values("blob")).delete()
    return len(keys)
