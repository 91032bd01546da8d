"""The native API under `/api/v1`: every resource of every room, the schema and the page that shows it."""

from django.contrib.auth.decorators import login_required
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.api import schemes as _schemes  # noqa: F401 - tells the schema how to sign in
from accounts.api import step_up as _step_up  # noqa: F401 - tells how a missing confirmation is answered
from accounts.api.administration import DeviceGroupViewSet, RoleViewSet, UserViewSet
from accounts.api.history import AuditViewSet
from accounts.api.me import MeViewSet
from accounts.api.options import OptionViewSet
from accounts.api.permissions import SIGNED_IN
from accounts.api.retention import RetentionViewSet
from accounts.api.tokens import TokenViewSet
from connectors.api.agents import AgentOrderViewSet, AgentViewSet, EnrolmentTokenViewSet
from connectors.api.connections import ConnectionViewSet
from core.api.routing import addresses
from incidents.api.alerts import AlertViewSet
from incidents.api.correlation import CorrelationChangeViewSet, CorrelationRuleViewSet
from incidents.api.dead_letters import DeadLetterViewSet
from incidents.api.entities import DeviceViewSet, FileViewSet, IdentityViewSet, MailboxViewSet
from incidents.api.incidents import IncidentViewSet
from incidents.api.ingest import IngestViewSet
from incidents.api.legal_holds import LegalHoldViewSet
from live_response.api.library import LiveLibraryViewSet
from live_response.api.sessions import LiveQuestionViewSet, LiveSessionViewSet
from notifications.api.notices import NoticeViewSet
from notifications.api.rules import RuleViewSet
from remediation.api.actions import ActionViewSet
from remediation.api.agent_rules import IsolationRuleViewSet
from remediation.api.analyses import AnalysisViewSet
from remediation.api.brake_settings import ApproverRuleViewSet, ProtectionViewSet
from remediation.api.brakes import EmergencyViewSet, HoldViewSet, PolicyViewSet, RefusalViewSet, StopViewSet
from remediation.api.control import ControlStateViewSet
from remediation.api.evidence import (
    EvidenceViewSet,
    FindingViewSet,
    QuarantineViewSet,
    RecoveryViewSet,
    SweepViewSet,
)
from remediation.api.experts import ExpertViewSet
from remediation.api.indicators import IndicatorViewSet
from remediation.api.trusted_programs import TrustedProgramsViewSet
from reviews.api.figures import FiguresViewSet
from reviews.api.follow_ups import FollowUpViewSet, LessonViewSet
from reviews.api.period_reports import PeriodReportViewSet
from reviews.api.readiness import ContactViewSet, DrillViewSet, ReadinessViewSet
from reviews.api.report import ReportViewSet

RESOURCES = {
    "incidents": IncidentViewSet,
    "alerts": AlertViewSet,
    "devices": DeviceViewSet,
    "files": FileViewSet,
    "identities": IdentityViewSet,
    "mailboxes": MailboxViewSet,
    "actions": ActionViewSet,
    "control-states": ControlStateViewSet,
    "sweeps": SweepViewSet,
    "sweep-findings": FindingViewSet,
    "recoveries": RecoveryViewSet,
    "evidence": EvidenceViewSet,
    "quarantine": QuarantineViewSet,
    "holds": HoldViewSet,
    "emergencies": EmergencyViewSet,
    "refusals": RefusalViewSet,
    "protections": ProtectionViewSet,
    "approvers": ApproverRuleViewSet,
    "isolation-exclusions": IsolationRuleViewSet,
    "trusted-programs": TrustedProgramsViewSet,
    "indicators": IndicatorViewSet,
    "analyses": AnalysisViewSet,
    "experts": ExpertViewSet,
    "live-sessions": LiveSessionViewSet,
    "live-questions": LiveQuestionViewSet,
    "live-library": LiveLibraryViewSet,
    "connections": ConnectionViewSet,
    "agents": AgentViewSet,
    "agent-orders": AgentOrderViewSet,
    "enrolment-tokens": EnrolmentTokenViewSet,
    "dead-letters": DeadLetterViewSet,
    "legal-holds": LegalHoldViewSet,
    "correlation-rules": CorrelationRuleViewSet,
    "correlation-changes": CorrelationChangeViewSet,
    "notices": NoticeViewSet,
    "notification-rules": RuleViewSet,
    "follow-ups": FollowUpViewSet,
    "lessons": LessonViewSet,
    "contacts": ContactViewSet,
    "drills": DrillViewSet,
    "period-reports": PeriodReportViewSet,
    "audit": AuditViewSet,
    "options": OptionViewSet,
    "device-groups": DeviceGroupViewSet,
    "users": UserViewSet,
    "roles": RoleViewSet,
    "tokens": TokenViewSet,
}


class SchemaView(SpectacularAPIView):
    """The OpenAPI schema, for anybody who is signed in."""

    required_permissions = {"GET": SIGNED_IN}


class DocsView(SpectacularSwaggerSplitView):
    """The schema to read and try. Its script is a file of its own, so the content policy holds."""

    required_permissions = {"GET": SIGNED_IN}
    template_name = "api/docs.html"


def _singles(slash: str) -> list[URLPattern | URLResolver]:
    """Addresses that are no collection."""
    return [
        path(f"ingest/<slug:format_key>{slash}", IngestViewSet.as_view({"post": "accept"}), name="ingest"),
        path(f"retention{slash}", RetentionViewSet.as_view({"get": "show_retention"}), name="retention"),
        path(f"stop{slash}", StopViewSet.as_view({"get": "state", "post": "stop"}), name="stop"),
        path(f"stop/resume{slash}", StopViewSet.as_view({"post": "resume"}), name="stop-resume"),
        path(f"policy{slash}", PolicyViewSet.as_view({"get": "explain"}), name="policy"),
        path(f"figures{slash}", FiguresViewSet.as_view({"get": "figures"}), name="figures"),
        path(f"figures/rows{slash}", FiguresViewSet.as_view({"get": "rows"}), name="figures-rows"),
        path(f"figures/navigator-layer{slash}", FiguresViewSet.as_view({"get": "layer"}), name="figures-layer"),
        path(f"readiness{slash}", ReadinessViewSet.as_view({"get": "show_readiness"}), name="readiness"),
        path(f"me{slash}", MeViewSet.as_view({"get": "show_me"}), name="me"),
        re_path(
            rf"^incidents/(?P<pk>[0-9]{{1,18}})/report{slash}$",
            ReportViewSet.as_view({"get": "report"}, detail=True),
            name="incidents-report",
        ),
    ]


app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", login_required(DocsView.as_view(url_name="api:schema")), name="docs"),
    *_singles(""),
    *addresses(RESOURCES, trailing_slash=False),
    path("", include((_singles("/") + addresses(RESOURCES, trailing_slash=True), "with_slash"))),
]
