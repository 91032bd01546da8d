"""Pages of notices, choices, rules and sending."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from core import clock, options
from core.actors import Actor
from incidents.services.create_incident import create_incident
from notifications.enums import DispatchStatus, RuleKind
from notifications.models import Dispatch, Endpoint, Listening, Notice, Preference, Rule
from notifications.options import INSIDE
from notifications.services.route import route_due
from tests.conftest import SignedIn
from tests.factories.mail import Postbox
from tests.factories.people import DeviceGroupFactory
from tests.factories.web import Recorder

pytestmark = pytest.mark.django_db
Told = Callable[..., None]


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def test_the_bell_counts_what_is_unread_and_may_still_be_read(
    client: Client, signed_in: SignedIn, ada: User, told: Told, readable: set[int]
) -> None:
    signed_in(client, ada)
    told()
    assert 'aria-label="Notices, 1 unread"' in page(client, "/notices/")
    readable.clear()
    body = page(client, "/notices/")
    assert 'aria-label="Notices"' in body
    assert "CANARY" not in body


def test_following_a_notice_reads_it(client: Client, signed_in: SignedIn, ada: User, told: Told) -> None:
    told()
    pk = Notice.objects.get().pk
    answer = signed_in(client, ada).get(f"/notices/{pk}/")
    assert answer.headers["Location"] == "/papers/1/"
    assert Notice.objects.get().read_at is not None


def test_notices_are_marked_one_by_one_and_all_at_once(
    client: Client, signed_in: SignedIn, ada: User, rita: User, told: Told
) -> None:
    for number in range(3):
        told(once=str(number))
    signed_in(client, ada)
    mine = Notice.objects.filter(user=ada)
    other = Notice.objects.filter(user=rita).first()
    assert other is not None
    client.post("/notices/mark/", {"id": [mine[0].pk, other.pk, "x"], "as": "read"})
    assert (mine.unread().count(), Notice.objects.filter(user=rita).unread().count()) == (2, 3)
    client.post("/notices/mark/", {"all": "1"})
    assert mine.unread().count() == 0
    client.post("/notices/mark/", {"id": [mine[0].pk], "as": "unread"})
    assert mine.unread().count() == 1


def test_nobody_opens_the_notice_of_somebody_else(
    client: Client, signed_in: SignedIn, ada: User, rita: User, told: Told
) -> None:
    told(people=[ada])
    assert signed_in(client, rita).get(f"/notices/{Notice.objects.get().pk}/").status_code == 404


def test_what_is_ticked_is_kept_and_what_is_not_for_me_is_not_offered(
    client: Client, signed_in: SignedIn, ada: User
) -> None:
    signed_in(client, ada)
    body = page(client, "/me/notifications/")
    assert "incident.assigned:mail" in body
    assert "source.silent:page" not in body
    sent = {"incident.created:page": "on", "source.silent:page": "on", "quiet_from": "22:00", "quiet_to": "07:00",
            "time_zone": "Europe/Vienna", "digest": "daily", "digest_day": "0", "digest_hour": "8"}  # fmt: skip
    assert client.post("/me/notifications/", sent).status_code == 302
    wanted = set(Preference.objects.filter(user=ada, wanted=True).values_list("topic", "channel"))
    assert wanted == {("incident.created", "page")}
    row = Listening.objects.get(user=ada)
    assert (row.quiet_from.hour if row.quiet_from else None, row.time_zone, row.digest) == (
        22,
        "Europe/Vienna",
        "daily",
    )
    assert row.digest_due is not None
    assert client.post("/me/notifications/", sent | {"quiet_to": ""}).status_code == 422


RULE = {"name": "High ones", "threshold": "high", "once": "on", "all_groups": "on", "include_link": "on",
        "addresses": "soc@example.org, lead@example.org"}  # fmt: skip


def test_a_rule_is_reviewed_before_it_is_saved(client: Client, signed_in: SignedIn, adam: User, ada: User) -> None:
    signed_in(client, adam)
    filled = RULE | {"people": [ada.pk]}
    body = client.post("/admin/notification-rules/new/incident/", filled).content.decode()
    assert "Review the rule" in body
    assert "Ada Lindqvist, soc@example.org, lead@example.org" in body
    assert not Rule.objects.exists()
    client.post("/admin/notification-rules/new/incident/", filled | {"save": "1"})
    rule = Rule.objects.get()
    assert (rule.author, rule.severities, rule.once, rule.all_groups) == (adam, {"*": ["high"]}, True, True)
    assert rule.recipients.count() == 3
    body = page(client, f"/notification-rules/{rule.pk}/")
    assert "lead@example.org" in body


def test_a_severity_is_called_a_threshold_where_it_is_chosen_and_shown(
    client: Client, signed_in: SignedIn, adam: User, ada: User
) -> None:
    signed_in(client, adam)
    form = page(client, "/admin/notification-rules/new/incident/")
    assert "A threshold: what is graver is told of as well." in form
    assert "High only" in form
    filled = RULE | {"people": [ada.pk], "threshold": "medium"}
    assert "Medium and above" in client.post("/admin/notification-rules/new/incident/", filled).content.decode()
    client.post("/admin/notification-rules/new/incident/", filled | {"save": "1"})
    assert "Medium and above" in page(client, f"/notification-rules/{Rule.objects.get().pk}/")
    assert "Incidents: Medium and above" in page(client, "/admin/notification-rules/")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"addresses": "nobody"}, "not an address"), ({"addresses": ""}, "at least one recipient"),
     ({"all_groups": ""}, "at least one group"), ({"name": ""}, "required")],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_not_saved(
    client: Client, signed_in: SignedIn, adam: User, wrong: dict[str, str], said: str
) -> None:
    answer = signed_in(client, adam).post("/admin/notification-rules/new/incident/", RULE | wrong | {"save": "1"})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Rule.objects.exists()


def test_a_rule_speaks_of_no_more_than_its_author_sees(
    client: Client, signed_in: SignedIn, adam: User, elsewhere: DeviceGroup
) -> None:
    hidden = DeviceGroupFactory.create(name="Hidden")
    adam.scope_kind = "selected"
    adam.save()
    adam.device_groups.set([elsewhere])
    signed_in(client, adam)
    for given in ({}, {"all_groups": "", "device_groups": [hidden.pk]}):
        answer = client.post("/admin/notification-rules/new/incident/", RULE | given | {"save": "1"})
        assert answer.status_code == 422
    body = page(client, "/admin/notification-rules/new/incident/")
    assert "Hidden" not in body
    client.post("/admin/notification-rules/new/incident/",
                RULE | {"all_groups": "", "device_groups": [elsewhere.pk], "save": "1"})  # fmt: skip
    assert [group.name for group in Rule.objects.get().device_groups.all()] == ["Elsewhere"]


def test_a_rule_of_ones_own_tells_oneself_alone(client: Client, signed_in: SignedIn, ada: User, rita: User) -> None:
    signed_in(client, ada)
    assert client.get("/admin/notification-rules/").status_code == 403
    filled = {"name": "Mine", "threshold": "low", "all_groups": "on", "addresses": "x@evil.example", "save": "1"}
    client.post("/me/notification-rules/new/incident/", filled)
    rule = Rule.objects.get()
    assert (rule.personal, rule.author, rule.recipients.count()) == (True, ada, 0)
    assert signed_in(client, rita).get(f"/notification-rules/{rule.pk}/").status_code == 404
    assert client.post(f"/notification-rules/{rule.pk}/switch/").status_code == 404
    create_incident("Odd", severity="low", actor=Actor.system("tests"))
    route_due()
    assert list(Notice.objects.values_list("user", "topic")) == [(ada.pk, "incident.created")]


def test_a_test_of_a_rule_goes_the_ordinary_way(
    client: Client, signed_in: SignedIn, adam: User, postbox: Postbox, sent: Callable[[], None]
) -> None:
    rule = Rule.objects.create(name="R", kind=RuleKind.ACTION, author=adam, outcomes=["failed"])
    rule.recipients.create(kind="address", address="soc@example.org")
    signed_in(client, adam).post(f"/notification-rules/{rule.pk}/test/")
    sent()
    assert postbox.recipients == ["soc@example.org"]
    assert "250 taken as 4711" in page(client, f"/notification-rules/{rule.pk}/")
    assert Dispatch.objects.get().status == DispatchStatus.SENT


def test_the_page_of_mail_tells_what_is_set_and_what_the_server_answers(
    client: Client, signed_in: SignedIn, adam: User, postbox: Postbox, settings: Any
) -> None:
    settings.SMTP_PASSWORD = "CANARY-password"
    signed_in(client, adam)
    body = page(client, "/admin/notifications/")
    assert "SOC portal &lt;soc@example.org&gt;" in body
    assert "CANARY" not in body
    answer = client.post("/admin/notifications/test-mail/", {"to": "adam@example.org"})
    assert "250 taken as 4711" in answer.content.decode()
    postbox.answer = "554 5.7.1 refused as <spam>"
    answer = client.post("/admin/notifications/test-mail/", {"to": "adam@example.org"})
    assert "554 5.7.1 refused as &lt;spam&gt;" in answer.content.decode()
    assert client.post("/admin/notifications/test-mail/", {"to": "x\r\nBcc: y@z.example"}).status_code == 422
    assert postbox.recipients == ["adam@example.org"]


def test_the_secret_of_a_webhook_is_shown_once(client: Client, signed_in: SignedIn, adam: User, web: Recorder) -> None:
    options.put(INSIDE.key, ["127.0.0.1"], actor=adam.actor)
    signed_in(client, adam)
    filled = {"name": "Hook", "kind": "webhook", "url": f"{web.url}/CANARY"}
    shown = client.post("/admin/notifications/endpoints/new/", filled).content.decode()
    endpoint = Endpoint.objects.get()
    assert endpoint.secrets[0] in shown
    for path in ("/admin/notifications/", f"/admin/notifications/endpoints/{endpoint.pk}/",
                 f"/admin/notifications/endpoints/{endpoint.pk}/edit/"):  # fmt: skip
        body = page(client, path)
        assert endpoint.secrets[0] not in body
        assert "CANARY" not in body
    answer = client.post(f"/admin/notifications/endpoints/{endpoint.pk}/test/", headers={"HX-Request": "true"})
    assert json.loads(answer.headers["HX-Trigger"])["toast"]["detail"] == "Answered 200."
    assert client.post(f"/admin/notifications/endpoints/{endpoint.pk}/rotate/").status_code == 200
    for deed in ("switch", "resume", "delete"):
        assert client.post(f"/admin/notifications/endpoints/{endpoint.pk}/{deed}/").status_code == 302
    assert not Endpoint.objects.exists()


def test_an_address_inside_is_refused_in_the_form(client: Client, signed_in: SignedIn, adam: User) -> None:
    filled = {"name": "Hook", "kind": "slack", "url": "https://169.254.169.254/latest/meta-data/"}
    answer = signed_in(client, adam).post("/admin/notifications/endpoints/new/", filled)
    assert answer.status_code == 422
    assert "metadata" in answer.content.decode()


def test_the_log_tells_of_every_try_and_never_the_words(
    client: Client,
    signed_in: SignedIn,
    adam: User,
    ada_with_mail: User,
    told: Told,
    postbox: Postbox,
    sent: Callable[[], None],
) -> None:
    told(people=[ada_with_mail])
    sent()
    signed_in(client, adam)
    pk = Dispatch.objects.get().pk
    for path in ("/admin/notifications/log/", "/admin/notifications/log/?status=sent",
                 f"/admin/notifications/log/{pk}/"):  # fmt: skip
        body = page(client, path)
        assert "Ada Lindqvist" in body
        assert "CANARY" not in body


def test_what_tells_more_of_the_same_incident_is_one_line_with_what_came_before(
    client: Client, signed_in: SignedIn, ada: User, told: Told, readable: set[int]
) -> None:
    readable.update({1, 2, 3, 4})
    for number in (1, 2, 3):
        told(number, title=f"Sweep {number} verified", facts={"incident": 42})
    told(4, title="Another incident", facts={"incident": 43})
    body = page(signed_in(client, ada), "/notices/")
    assert 'aria-label="Notices, 2 unread"' in body
    assert body.count('<tr id="notice-') == 2
    assert "and 2 earlier ones of this kind" in body
    newest = Notice.objects.get(title="Sweep 3 verified", user=ada)
    pks = Notice.objects.filter(user=ada, title__startswith="Sweep").order_by("-pk").values_list("pk", flat=True)
    assert f'<tr id="notice-{newest.pk}"' in body
    client.post("/notices/mark/", {"id": ",".join(map(str, pks)), "as": "read"})
    assert Notice.objects.filter(user=ada).unread().get().title == "Another incident"


def test_a_kind_of_its_own_and_what_was_read_stay_lines_of_their_own(
    client: Client, signed_in: SignedIn, ada: User, told: Told
) -> None:
    told(title="First", once="1")
    Notice.objects.update(read_at=clock.now())
    told(title="Second", once="2")
    assert page(signed_in(client, ada), "/notices/").count('<tr id="notice-') == 2
