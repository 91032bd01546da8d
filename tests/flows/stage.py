"""One of everything that a page can be about, and the word for it in each address."""

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.models import ApiToken, LinkedIdentity, Role, SignInProvider, User
from accounts.services.tokens import issue_token
from connectors.kinds.simulator import package
from connectors.kinds.simulator.world import put_target
from connectors.models import Connection
from connectors.services.connections import create_connection
from core import blobs, clock
from core.actors import Actor
from core.models import AuditEvent
from incidents.enums import TaughtKind
from incidents.ingest.accept import accept_alerts
from incidents.models import Alert, DeadLetter, Device, File, Identity, Incident, Mailbox
from incidents.services.bindings import bind
from incidents.services.create_incident import create_incident
from incidents.services.legal_hold import place_hold
from incidents.services.teach_correlation import Lesson, teach
from incidents.story import story_of
from notifications.models import Dispatch, Endpoint, Notice, Pulse
from notifications.services.route import route_due
from notifications.services.rules import save_rule
from notifications.services.sign import new_secret
from notifications.services.tell import tell
from notifications.services.try_mail import code_of
from remediation.enums import RunStatus
from remediation.models import (
    ActionRun,
    ApproverRule,
    ControlState,
    EmergencyApproval,
    ExpertGroup,
    ExpertMessage,
    ExpertRequest,
    Hold,
    IsolationRule,
    Refusal,
    Retainer,
    RunArtefact,
)
from remediation.services.approver_rules import save_rule as save_approver_rule
from remediation.services.ask_expert import ask_expert
from remediation.services.decide import approve_run
from remediation.services.protect import protect
from remediation.services.request import request_action
from remediation.services.set_indicator import create_indicator
from reviews.enums import DocumentState, FindingKind
from reviews.figures.period import Period
from reviews.models import FollowUp, PeriodReport, Review
from reviews.report import as_stored, digest_of
from reviews.services.contacts import add_contact
from reviews.services.drills import add_drill
from reviews.services.follow_up import add_follow_up
from reviews.services.lessons import link_incident, write_lesson
from reviews.services.period_report import contents_of, order_report
from reviews.services.write import add_finding
from tests.factories.agents import words_of_agents
from tests.factories.analyses import words_of_analyses
from tests.factories.cleaning import words_of_cleaning
from tests.factories.live import words_of_live_response
from tests.factories.people import DeviceGroupFactory
from tests.factories.reviews import resolved_incident, written_review

ACTOR = Actor.system("stage")
_REPORT = {"device": "WS-14", "at": "2026-01-01T00:00:00+00:00", "points": package.look_around({"name": "WS-14"})}


@dataclass(frozen=True)
class Entities:
    device: Device
    file: File
    identity: Identity
    mailbox: Mailbox


def set_stage(ada: User, rita: User, adam: User) -> dict[str, Any]:
    """Make it all; answers the words for `Address.fill`."""
    entities = _entities()
    incident = create_incident(
        "Ransomware spreading", severity="high", description="Files are encrypted in bulk.", category="Impact",
        entities=[entities.device, entities.file, entities.identity, entities.mailbox], tags=["ransomware"],
        actor=ACTOR,
    )  # fmt: skip
    accept_alerts([{"title": "no id"}], format="graph", source="sensor", actor=ACTOR)
    return {
        **_words_of_incidents(incident, entities, ada),
        **_words_of_actions(incident, entities, ada, rita),
        **_words_of_brakes(entities, rita, adam),
        **words_of_cleaning(incident, entities.device, entities.file, ada),
        **_words_of_reviews(ada),
        **_words_of_accounts(ada, adam),
        **_words_of_notifications(ada, adam),
        **words_of_live_response(entities.device, rita),
        **words_of_analyses(entities.file, ada),
        **words_of_agents(entities.device),
    }


def _entities() -> Entities:
    company = create_connection(name="Company", kind="simulator", actor=ACTOR)
    group = DeviceGroupFactory.create(name="Workstations")
    device = Device.objects.create(key="ws-14.example", display_name="WS-14", device_group=group)
    identity = Identity.objects.create(key="m.okafor@example.org", display_name="M. Okafor")
    mailbox = Mailbox.objects.create(key="m.okafor@example.org", display_name="M. Okafor", upn="m.okafor@example.org")
    digest = "3fa9" * 16
    file = File.objects.create(key=f"sha256:{digest}", sha256=digest, display_name="svc_update.exe")
    for entity in (device, identity, mailbox):
        put_target(company, entity.kind.value, entity.key)
        bind(entity, connection=company, remote_id=entity.key, actor=ACTOR)
    return Entities(device, file, identity, mailbox)


def _words_of_incidents(incident: Incident, entities: Entities, ada: User) -> dict[str, Any]:
    alert = incident.alerts.get()
    node = next(key for key, node in story_of(incident, ada).nodes.items() if node.entity == entities.device)
    of_entities = {
        f"incidents:{kind}{page}.pk": getattr(entities, kind).pk
        for kind in ("device", "file", "identity", "mailbox")
        for page in ("", "-describe")
    } | {f"incidents:{kind}-erase.pk": getattr(entities, kind).pk for kind in ("identity", "mailbox")}
    of_alerts = {f"incidents:{page}.pk": alert.pk for page in ("alert", "alert-pane", "manage-alert")}
    return {
        **of_entities, **of_alerts, "incidents.pk": incident.pk, "incidents:node.key": node, "incidents.tab": "alerts",
        "remediation.incident_id": incident.pk, "incidents:move-alerts?": f"?alert={alert.pk}",
        "incidents:manage?": f"?id={incident.pk}",
        "incidents:merge?": f"?id={incident.pk}",
        "incidents:lift-hold.pk": place_hold(incident, reason="Proceedings", actor=ACTOR).pk,
        **_words_of_correlation(alert, ada),
        **{f"incidents:{deed}-letter.pk": DeadLetter.objects.get().pk for deed in ("dead", "replay", "discard")},
    }  # fmt: skip


def _words_of_correlation(alert: Alert, ada: User) -> dict[str, Any]:
    """A proposal to take the alert's file for a hub, and a rule."""
    file = File.objects.latest("pk")
    lesson = Lesson(TaughtKind.HUB, "svc_update.exe proves no relation", thing=f"file:{file.pk}")
    change = teach(lesson, reason="An installer of ours", user=ada, actor=ada.actor, alert=alert)
    return {"incidents:teach.pk": alert.pk, "incidents:correlation-rule.key": "file",
            **{f"incidents:{deed}-taught.pk": change.pk for deed in ("decide", "lift")}}  # fmt: skip


def _words_of_actions(incident: Incident, entities: Entities, ada: User, rita: User) -> dict[str, Any]:
    def ask(action: str, target: Any, **arguments: str) -> ActionRun:
        return request_action(
            action, target=target, arguments=arguments, comment="Encryption began.", actor=ada.actor, user=ada,
            incident=incident,
        )  # fmt: skip

    waiting = ask("device.isolate", entities.device, isolation_type="full")
    queued = approve_run(ask("identity.disable", entities.identity), actor=rita.actor, user=rita)
    done = ask("device.antivirus_scan", entities.device, scan_type="quick")
    verification = {"done": True, "method": "Read back", "at": clock.now().isoformat(), "detail": ""}
    ActionRun.objects.filter(pk=done.pk).update(
        status=RunStatus.SUCCEEDED, verification=verification, ended=clock.now()
    )
    blob = blobs.keep(b"{}", name="scan.json", media_type="application/json", for_days=1)
    artefact = RunArtefact.objects.create(run=done, blob=blob, name="scan.json")
    zipped = blobs.keep(package.pack(_REPORT), name="package.zip", media_type="application/zip", for_days=1)
    indicator = create_indicator(
        fields={"type": "ipAddress", "value": "203.0.113.9", "action": "block", "title": "Ransomware spreading: server",
                "device_group_ids": [entities.device.device_group_id]},
        reason="Seen in the attack.", actor=rita.actor, user=rita,
    )  # fmt: skip
    against = {"type": "ipAddress", "value": "203.0.113.9", "action": "allowed", "title": "A partner of ours",
               "device_group_ids": [entities.device.device_group_id, DeviceGroupFactory.create().pk]}  # fmt: skip
    create_indicator(fields=against, reason="Their address", actor=rita.actor, user=rita)
    kept = RunArtefact.objects.create(run=done, blob=zipped, name="package.zip")
    return {
        "remediation.run_id": waiting.pk, "remediation:cancel.run_id": queued.pk, "remediation:run.run_id": done.pk,
        "remediation:artefact.run_id": done.pk, "remediation.artefact_id": artefact.pk, "remediation.kind": "device",
        "remediation:decide_many?": f"?what=approve&id={waiting.pk}",
        "remediation.target_id": entities.device.pk, "remediation.action": "device.antivirus_scan",
        **_words_of_experts(incident, ada, rita), **_words_of_states(done),
        "remediation:package.run_id": done.pk, "remediation.pk": indicator.pk, "remediation.how": "remove",
        "remediation:package.artefact_id": kept.pk, "remediation:compare_packages.artefact_id": kept.pk,
        "remediation:compare_packages.run_id": done.pk, "remediation:contain_address?": "?address=203.0.113.9",
        "connectors.pk": Connection.objects.get().pk, "incidents:bind-known.pk": Connection.objects.get().pk,
        "connectors.kind": "simulator", "incidents:unbind-known.pk": Connection.objects.get().pk,
    }  # fmt: skip


def _words_of_states(done: ActionRun) -> dict[str, Any]:
    """A device that somebody took out of its isolation elsewhere."""
    state = ControlState.objects.create(
        target_kind="device", target_id=done.target_id, facet="network", desired="isolated", observed="connected",
        run_id=done.pk, by="Ada", observed_at=clock.now(), checked_at=clock.now(), drift_since=clock.now(),
        detail="isolated is wanted, connected was seen.",
    )  # fmt: skip
    return {"remediation:reconcile.state_id": state.pk}


def _words_of_experts(incident: Incident, ada: User, rita: User) -> dict[str, Any]:
    asked = ask_expert(
        incident, topic="Is svc_update.exe known?", text="It encrypts.", share=["facts"], expert=rita, within_h=24,
        actor=ada.actor, user=ada,
    )  # fmt: skip
    group = ExpertGroup.objects.create(name="Malware analysts")
    retainer = Retainer.objects.create(name="Northwind Forensics", address="desk@northwind.example")
    outside = ExpertRequest.objects.create(
        subject_kind="incident", subject_id=incident.pk, subject_name=str(incident), incident=incident, topic="Known?",
        asker=ada, asked_by=ada.actor.as_json(), retainer=retainer, due=clock.now(),
    )  # fmt: skip
    lost = ExpertMessage.objects.create(
        request=outside,
        actor=ada.actor.as_json(),
        text="Which family?",
        delivery="failed",
        delivery_said="no such user",
    )
    return {
        "remediation:mail_again.pk": outside.pk, "remediation:mail_again.message_id": lost.pk,
        "remediation:edit_retainer.pk": retainer.pk,
        "remediation:expert_request.pk": asked.pk, "remediation:close_expert_request.pk": asked.pk,
        "remediation:ask_expert.kind": "incident", "remediation:ask_expert.target_id": incident.pk,
        "remediation:edit_expert_group.pk": group.pk,
    }  # fmt: skip


def _words_of_brakes(entities: Entities, rita: User, adam: User) -> dict[str, Any]:
    """A hold, a refusal, an approver rule, a protected asset, and what one person approved alone."""
    device = entities.device
    named = {"target_kind": "device", "target_id": device.pk, "target_name": str(device)}
    hold = Hold.objects.create(facet="network", run_id=1, by=rita.actor.as_json(), reason="False alarm", **named)
    refusal = Refusal.objects.create(
        stage="request", code="cap_reached", rule="cap", message="Cap reached", action="device.isolate",
        actor=rita.actor.as_json(), **named,
    )  # fmt: skip
    shield = protect(kind="dns", match_by="name", target_kind="device", pattern="ns-*", note="Names", actor=ACTOR)
    exclusion = IsolationRule.objects.create(name="Proxy", networks=["192.0.2.8/32"])
    rule = save_approver_rule(
        ApproverRule(), device_group=DeviceGroupFactory.create(), action="", risk="", approvers=[rita],
        fallbacks=[adam], fallback_after_min=5, actor=ACTOR,
    )  # fmt: skip
    run = ActionRun.objects.get(action="identity.disable")
    EmergencyApproval.objects.create(
        run=run, by=rita.actor.as_json(), by_id=rita.pk, reason="Nobody answers", ratify_until=clock.now()
    )
    return {
        "remediation:lift.hold_id": hold.pk, "remediation:refusal.pk": refusal.pk,
        "remediation:unprotect.pk": shield.pk,
        "remediation:edit_approver_rule.pk": rule.pk, "remediation:delete_approver_rule.pk": rule.pk,
        "remediation:edit_isolation_rule.pk": exclusion.pk, "remediation:delete_isolation_rule.pk": exclusion.pk,
        "isolation-exclusions.pk": exclusion.pk, "trusted-programs.pk": rule.device_group_id or 0,
        "remediation:edit_trusted.group_id": rule.device_group_id or 0,
        "remediation:ratify.run_id": run.pk, "remediation:disown.run_id": run.pk,
    }  # fmt: skip


def _words_of_reviews(ada: User) -> dict[str, Any]:
    review = written_review(resolved_incident(), ada)
    finding = add_finding(review, kind=FindingKind.WELL, text="The customer called back.", actor=ada.actor)
    follow_up = add_follow_up(review, text="Train the team.", owner=ada, due=date(2030, 1, 1), actor=ada.actor)
    return {
        "reviews.incident_id": review.incident_id,
        "reviews.finding_id": finding.pk,
        "reviews.follow_up_id": follow_up.pk,
        **_words_of_reports(review, follow_up, ada),
    }


def _words_of_reports(review: Review, follow_up: FollowUp, ada: User) -> dict[str, Any]:
    lesson = write_lesson({"what": "Call back before paying."}, actor=ada.actor, incident=review.incident)
    further = Incident.objects.get(display_name="Ransomware spreading")
    link_incident(lesson, incident=further, actor=ada.actor)
    now = clock.now()
    period = Period("custom", now - timedelta(days=7), now, UTC, "day")
    report = order_report(ada, period=period, title="The week", notes="Quiet.", actor=ada.actor)
    content = as_stored(contents_of(report, ada))
    printed = blobs.keep(b"%PDF-1.7", name="report.pdf", media_type="application/pdf")  # made by its own test
    PeriodReport.objects.filter(pk=report.pk).update(
        content=content, digest=digest_of(content), state=DocumentState.READY, blob=printed
    )
    of_reports = ("period", "period_pdf", "period_csv", "remake_period", "print_period")
    return {
        "reviews.pk": lesson.pk, "reviews:unlink_lesson.incident_id": further.pk,
        "reviews:change_follow_up.pk": follow_up.pk, "reviews:finish_follow_up.pk": follow_up.pk,
        **_words_of_preparation(lesson),
        "reviews:rows?": "?figure=opened", "reviews:rows_csv?": "?figure=opened",
        **{f"reviews:{page}.pk": report.pk for page in of_reports},
    }  # fmt: skip


def _words_of_preparation(lesson: Any) -> dict[str, Any]:
    today = clock.now().date()
    decides = {"name": "Ines Roth", "phone": "+49 30 1", "reviewed": today}
    contact = add_contact({"decision": "shut_down", **decides}, actor=ACTOR)
    scenario = {"kind": "tabletop", "held": today, "scenario": "Ransomware on a Friday", "findings": "No number."}
    drill = add_drill(scenario, lessons=[lesson], actor=ACTOR)
    return {
        **{f"reviews:{deed}_contact.pk": contact.pk for deed in ("edit", "confirm", "delete")},
        **{f"reviews:{deed}_drill.pk": drill.pk for deed in ("edit", "delete")},
    }


def _words_of_notifications(ada: User, adam: User) -> dict[str, Any]:
    named = Incident.objects.get(display_name="Ransomware spreading").thread
    with transaction.atomic():
        tell("incident.mention", subject=named, title="adam mentioned you", people=[ada, adam], url="/incidents/",
             actor=ACTOR)  # fmt: skip
    route_due()
    endpoint = Endpoint(name="Chat of the shift", kind="webhook", host="hooks.example.org")
    endpoint.seal_url("https://hooks.example.org/x")
    endpoint.seal_secret(new_secret())
    endpoint.save()
    rule = save_rule(
        None, kind="incident", personal=False, author=adam, values={"name": "High ones", "severities": {"*": ["high"]}},
        groups=[], people=[ada], addresses=["soc@example.org"], endpoints=[endpoint], actor=ACTOR,
    )  # fmt: skip
    sent = Dispatch.objects.create(user=ada, rule=rule, status="sent", said="250 taken")
    pulse = Pulse.objects.create(key="feed:graph:sensor", label="sensor")
    deeds = ("rule", "edit-rule", "delete-rule", "switch-rule", "test-rule")
    of_hook = ("endpoint", "edit-endpoint", "rotate-endpoint", "delete-endpoint", "resume-endpoint", "switch-endpoint",
               "test-endpoint")  # fmt: skip
    return {
        **{f"notifications:{deed}.pk": rule.pk for deed in deeds},
        **{f"notifications:{deed}.pk": endpoint.pk for deed in of_hook},
        "notifications:mail-arrived?": f"?code={code_of('of-the-stage')}",
        "notifications:open.pk": Notice.objects.get(user=adam, topic="incident.mention").pk,
        "notifications:dispatch.pk": sent.pk, "notifications.kind": "incident",
        "notifications:limit.pk": pulse.pk, "notifications:forget.pk": pulse.pk,
    }  # fmt: skip


def _words_of_accounts(ada: User, adam: User) -> dict[str, Any]:
    token, _ = issue_token(adam, name="script", lifetime=timedelta(days=1), actor=adam.actor)
    role = Role.objects.create(key="shift-lead", name="Shift lead", permissions=[])
    return {
        "accounts.pk": ada.pk, "accounts:revoke_token.pk": token.pk, "accounts:revoke_own_token.pk": token.pk,
        "accounts:edit_role.pk": role.pk, "accounts:delete_role.pk": role.pk,
        **{f"accounts:{page}_group.pk": DeviceGroupFactory.create().pk for page in ("edit", "delete")},
        "accounts:move_group.pk": DeviceGroupFactory.create().pk, "accounts.to": 1,
        **_words_of_sign_in(ada, role, token),
        "accounts:edit_option.key": "incidents.sla_high_resolve_h",
        "accounts:audit_event.pk": AuditEvent.objects.latest("id").id,
    }  # fmt: skip


def _words_of_sign_in(ada: User, role: Role, token: ApiToken) -> dict[str, Any]:
    passkey = Authenticator.objects.create(user=ada, type=Authenticator.Type.TOTP, data={"secret": "", "used": []})
    provider = SignInProvider.objects.create(
        key="corp", name="Corp", issuer="https://login.example.org", client_id="portal"
    )
    identity = LinkedIdentity.objects.create(provider=provider, subject="1", user=ada)
    session = UserSession.objects.create(user=ada, ip="10.0.0.1", session_key="of-the-stage", user_agent="Firefox/1")
    return {
        "accounts:remove_factor.pk": passkey.pk, "accounts:end_own_session.pk": session.pk,
        "accounts:unlink.pk": identity.pk, "accounts:demand_factor.pk": role.pk,
        **{f"accounts:{act}_token.pk": token.pk for act in ("rotate", "elevate")},
        **{f"accounts:{act}_provider.pk": provider.pk for act in ("edit", "delete", "test")},
        "key": "corp",
    }  # fmt: skip
