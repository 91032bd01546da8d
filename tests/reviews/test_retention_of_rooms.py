"""Every room says what of it goes by age: news and letters, questions, histories, and what signing in leaves."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt

from accounts.models import User
from core import clock, options, retention
from core.actors import Actor
from incidents.services.legal_hold import place_hold
from notifications.models import Dispatch, Message, Notice
from remediation.models import ExpertMessage, ExpertRequest, Indicator, IndicatorChange, IndicatorHit
from remediation.services.ask_expert import ask_expert, close_request
from tests.factories.incidents import DeviceFactory, incident_about

pytestmark = pytest.mark.django_db
SETTER = Actor.system("tests")
OLD = timedelta(days=800)


def kept_back(kind: str) -> dict[str, int]:
    return dict(next(one for one in retention.previews() if one.kind.key == kind).kept)


def test_old_news_goes_with_its_notices_and_what_is_on_its_way_stays(ada: User) -> None:
    then = clock.real_now() - OLD
    told = {"topic": "incident.new", "subject": "incident:1", "title": "x", "actor": {}, "created": then}
    old = Message.objects.create(routed_at=then, **told)
    Notice.objects.create(user=ada, message=old, topic="x", subject="x", title="x")
    waiting = Message.objects.create(**told)
    Dispatch.objects.create(address="a@example.org", status="sent", created=then)
    late = Dispatch.objects.create(address="b@example.org", created=then)
    assert kept_back("messages") == {"that are on their way": 1}
    assert retention.apply() == {"messages": 1, "dispatches": 1}
    assert (Message.objects.get(), Dispatch.objects.get(), Notice.objects.count()) == (waiting, late, 0)


def test_closed_questions_go_unless_their_case_is_held(ada: User, rita: User, mona: User) -> None:
    held, free = incident_about(DeviceFactory.create()), incident_about(DeviceFactory.create())
    for incident in (held, free):
        asked = ask_expert(
            incident, topic="Known?", text="Is it?", share=[], expert=rita, within_h=4, actor=ada.actor, user=ada
        )
        close_request(asked, actor=ada.actor, user=ada)
    still = ask_expert(free, topic="Open", text="Is it?", share=[], expert=rita, within_h=4, actor=ada.actor, user=ada)
    ExpertRequest.objects.exclude(closed=None).update(closed=clock.now() - OLD)
    place_hold(held, reason="Court", actor=mona.actor)
    assert retention.apply() == {"expert_requests": 1}
    assert set(ExpertRequest.objects.values_list("incident", "status")) == {(held.pk, "closed"), (free.pk, "open")}
    assert set(ExpertMessage.objects.values_list("request", flat=True)) >= {still.pk}


def test_the_history_of_an_indicator_goes_but_its_newest_deed(ada: User) -> None:
    then: dict[str, Any] = {"at": clock.now() - OLD, "actor": ada.actor.as_json()}
    kept = Indicator.objects.create(type="domainName", value="evil.example", action="block", title="x",
                                    created_by=ada.actor.as_json())  # fmt: skip
    IndicatorChange.objects.create(indicator=kept, deed="made", **then)
    newest = IndicatorChange.objects.create(indicator=kept, deed="changed", **then)
    assert retention.apply() == {"indicator_changes": 1}
    assert IndicatorChange.objects.get() == newest


def test_what_signing_in_leaves_goes(ada: User) -> None:
    AccessAttempt.objects.create(
        username="ada", ip_address="10.0.0.1", user_agent="x", path_info="/", failures_since_start=1
    )
    AccessAttempt.objects.update(attempt_time=clock.real_now() - OLD)
    UserSession.objects.create(user=ada, session_key="x", ip="10.0.0.1", user_agent="x")
    UserSession.objects.update(last_seen_at=clock.real_now() - OLD)
    options.put("retention.sessions_days", 0, actor=SETTER)
    assert retention.apply() == {"sign_in_attempts": 1}
    options.put("retention.sessions_days", 30, actor=SETTER)
    assert retention.apply() == {"sessions": 1}


def test_old_hits_of_indicators_go_but_what_waits_for_its_alert(ada: User) -> None:
    then = clock.now() - OLD
    indicator = Indicator.objects.create(type="domainName", value="evil.example", action="block", title="x",
                                         created_by=ada.actor.as_json())  # fmt: skip
    old = {"indicator": indicator, "kind": "blocked", "at": then, "noted": then}
    IndicatorHit.objects.create(key="1", **old)
    waiting = IndicatorHit.objects.create(key="2", wants_alert=True, **old)
    IndicatorHit.objects.create(indicator=indicator, key="3", kind="named", at=clock.now())
    assert retention.apply() == {"indicator_hits": 1}
    assert waiting in IndicatorHit.objects.all()
