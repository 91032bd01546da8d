"""From the request to the verified outcome, and back."""

import json

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from connectors.kinds.simulator import world
from connectors.models import Delivery
from core import blobs
from core.models import AuditEvent
from remediation.models import ActionRun, ControlState, Refusal
from remediation.refused import Refused
from remediation.services.carry_out import carry_out
from remediation.services.request import request_action
from remediation.services.undo import undo_run
from tests.factories.remediation import MESSAGE_ID, approve, ask, company, done, incident_naming

pytestmark = pytest.mark.django_db


def test_an_isolation_waits_for_another_person(ada: User) -> None:
    device = company().device()
    run = ask(ada, "device.isolate", device)
    assert (run.decision, run.status) == ("pending", "waiting")
    assert run.expires_at is not None
    assert (run.expires_at - run.created).days in {6, 7}


def test_nothing_happens_before_the_decision(ada: User) -> None:
    place = company()
    device = place.device()
    carry_out(ask(ada, "device.isolate", device))
    assert not Delivery.objects.exists()
    assert place.state(device)["network"] == "connected"


def test_an_approved_isolation_ends_verified(ada: User, rita: User) -> None:
    place = company()
    device = place.device()
    run = done(ada, rita, "device.isolate", device)
    assert run.status == "succeeded"
    assert run.verification["done"] is True
    assert run.verification["observed"] == "isolated"
    assert place.state(device)["network"] == "isolated"


def test_what_the_simulator_did_says_so(ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", company().device())
    assert run.simulated
    assert run.verification["method"].startswith("SIMULATED")
    report = json.loads(blobs.read(run.artefacts.get(name="probe-report.json").blob))
    assert report["simulated"] is True


def test_the_isolation_type_is_verified_too(ada: User, rita: User) -> None:
    place = company()
    device = place.device()
    run = done(ada, rita, "device.isolate", device, isolation_type="selective")
    assert run.status == "succeeded"
    assert place.state(device)["isolation_type"] == "selective"


def test_a_scan_needs_no_approval_and_leaves_its_report(ada: User) -> None:
    run = carry_out(ask(ada, "device.antivirus_scan", company().device(), scan_type="full"))
    assert (run.decision, run.status) == ("not_required", "succeeded")
    assert {artefact.name for artefact in run.artefacts.all()} == {"scan-report.txt", "probe-report.json"}


def test_a_second_scan_is_not_verified_by_the_first(ada: User) -> None:
    place = company()
    device = place.device()
    first = carry_out(ask(ada, "device.antivirus_scan", device))
    second = carry_out(ask(ada, "device.antivirus_scan", device))
    assert (first.status, second.status) == ("succeeded", "succeeded")
    assert (
        place.state(device)["last_scan"]["order"] == Delivery.objects.get(reference=f"run:{second.pk}").idempotency_key
    )


@pytest.mark.parametrize("action", ["identity.disable", "mailbox.soft_delete_message"])
def test_accounts_and_messages_follow_the_same_path(action: str, ada: User, rita: User) -> None:
    place = company()
    if action == "identity.disable":
        run = done(ada, rita, action, place.identity())
    else:
        run = done(ada, rita, action, place.mailbox(), message_id=MESSAGE_ID)
    back = carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="False alarm")))
    assert (run.status, back.status, back.undoes_id) == ("succeeded", "succeeded", run.pk)


def test_undo_is_a_second_run_with_its_own_approval(ada: User, rita: User) -> None:
    place = company()
    device = place.device()
    run = done(ada, rita, "device.isolate", device)
    back = undo_run(run, actor=ada.actor, user=ada, comment="False alarm")
    assert (back.action, back.decision, back.undoes_id) == ("device.release", "pending", run.pk)
    carry_out(approve(rita, back))
    assert place.state(device)["network"] == "connected"
    run.refresh_from_db()
    assert run.status == "succeeded"


def test_an_ordinary_release_takes_the_isolation_back_too(ada: User, rita: User) -> None:
    device = company().device()
    run = done(ada, rita, "device.isolate", device)
    assert ask(ada, "device.release", device).undoes_id == run.pk


def test_a_restored_message_returns_to_its_folder(ada: User, rita: User) -> None:
    place = company()
    mailbox = place.mailbox()
    world.put_message(place.connection, mailbox.key, MESSAGE_ID, subject="Invoice 77", folder="Projects")
    run = done(ada, rita, "mailbox.soft_delete_message", mailbox, message_id=MESSAGE_ID)
    carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="Needed")))
    assert place.state(mailbox)["messages"]["invoice-77@mail.example"]["folder"] == "Projects"


def test_what_was_undone_is_not_undone_again(ada: User, rita: User) -> None:
    run = done(ada, rita, "device.isolate", company().device())
    back = undo_run(run, actor=ada.actor, user=ada, comment="False alarm")
    with pytest.raises(Refused) as refused:
        undo_run(run, actor=ada.actor, user=ada, comment="Again")
    assert (refused.value.code, refused.value.run) == ("conflict", back)


def test_a_scan_cannot_be_undone(ada: User) -> None:
    run = carry_out(ask(ada, "device.antivirus_scan", company().device()))
    with pytest.raises(Refused, match="changes nothing"):
        undo_run(run, actor=ada.actor, user=ada, comment="Please")


def test_only_what_took_effect_can_be_undone(ada: User) -> None:
    run = ask(ada, "device.isolate", company().device())
    with pytest.raises(Refused) as refused:
        undo_run(run, actor=ada.actor, user=ada, comment="Please")
    assert refused.value.code == "not_undoable"


def test_each_step_is_in_the_thread_of_the_incident(ada: User, rita: User) -> None:
    device = company().device()
    incident = incident_naming(device)
    run = done(ada, rita, "device.isolate", device, incident=incident)
    verbs = AuditEvent.objects.filter(thread=f"incident:{incident.pk}", subject=f"run:{run.pk}").order_by("id")
    moves = [(event.verb, event.changes.get("status", [None, None])[1]) for event in verbs]
    assert moves[:2] == [("run.requested", None), ("run.decision", None)]
    assert [status for _, status in moves[2:]] == ["queued", "delivered", "started", "succeeded"]


def test_the_policy_in_force_follows_the_verified_state(ada: User, rita: User) -> None:
    device = company().device()
    run = done(ada, rita, "device.isolate", device)
    state = ControlState.objects.get(target_kind="device", target_id=device.pk, facet="network")
    assert (state.desired, state.observed, state.generation, state.run_id) == ("isolated", "isolated", 1, run.pk)
    device.refresh_from_db()
    assert device.mitigation["network"]["active"] is True
    done(ada, rita, "device.release", device)
    device.refresh_from_db()
    assert device.mitigation["network"] | {"since": ""} == {
        "state": "connected", "active": False, "desired": "connected", "observed": "connected",
        "since": "", "by": "Ada Lindqvist", "simulated": True,
    }  # fmt: skip


def test_the_first_verified_containment_is_noted_once(ada: User, rita: User) -> None:
    place = company()
    device, identity = place.device(), place.identity()
    incident = incident_naming(device, identity)
    done(ada, rita, "device.isolate", device, incident=incident)
    incident.refresh_from_db()
    first = incident.contained_at
    done(ada, rita, "identity.disable", identity, incident=incident)
    incident.refresh_from_db()
    assert first is not None
    assert incident.contained_at == first


def test_evidence_tells_where_the_action_stands(ada: User, rita: User) -> None:
    identity = company().identity()
    incident = incident_naming(identity)
    evidence = incident.alerts.get().evidence.get()
    run = ask(ada, "identity.disable", identity, incident=incident)
    evidence.refresh_from_db()
    assert evidence.remediation_status == "pendingApproval"
    carry_out(approve(rita, run))
    evidence.refresh_from_db()
    assert evidence.remediation_status == "remediated"
    done(ada, rita, "identity.enable", identity)
    evidence.refresh_from_db()
    assert evidence.remediation_status == "unremediated"


def test_a_reason_is_needed(ada: User) -> None:
    with pytest.raises(ValidationError):
        request_action("device.isolate", target=company().device(), comment="  ", actor=ada.actor, user=ada)
    assert not ActionRun.objects.exists()
    assert not Refusal.objects.exists()


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("device.isolate", {"isolation_type": "sideways"}),
        ("device.isolate", {"colour": "red"}),
        ("device.explode", {}),
        ("identity.disable", {}),
    ],
)
def test_what_the_catalogue_does_not_know_is_an_error_of_the_form(
    action: str, arguments: dict[str, str], ada: User
) -> None:
    device = company().device()
    with pytest.raises(ValidationError):
        request_action(action, target=device, arguments=arguments, comment="why", actor=ada.actor, user=ada)
