"""What keeps a team out of trouble, in two browsers at once, one in the light theme and one in the dark: whatever one
person does the other sees without a reload."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from accounts.models import User
from core import clock
from incidents.models import Alert, Incident
from incidents.services.comment import comment_on
from tests.factories.remediation import DeviceFactory, FileFactory, ask, company, incident_naming
from tests.factories.reviews import resolved_incident
from tests.flows.desk import PATIENCE_MS, Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AtDesk = Callable[[User, Literal["light", "dark"]], Desk]


@pytest.fixture
def at_desk(browser: Browser, portal: str) -> AtDesk:
    return lambda person, theme: Desk(browser, portal, person, theme)


def open_dialog(desk: Desk, link: str) -> None:
    desk.page.locator(f"a[href$='{link}']:visible, a[href*='{link}']:visible").first.click()
    expect(desk.dialog).to_be_visible()


def test_one_approves_alone_another_ratifies_and_everything_is_stopped_and_resumed(
    at_desk: AtDesk, adam: User, rita: User
) -> None:
    run = ask(adam, "device.isolate", company().device())
    night, day = at_desk(adam, "dark"), at_desk(rita, "light")
    day.goto("/actions/brakes/")
    expect(day.page.locator("#live-state")).to_contain_text("Live")

    night.goto(f"/actions/{run.pk}/")
    open_dialog(night, f"/actions/{run.pk}/alone/")
    night.answer("Nobody answers the phone and it spreads.")
    expect(day.page.locator("#brakes")).to_contain_text("Nobody answers the phone", timeout=PATIENCE_MS)
    open_dialog(day, f"/actions/{run.pk}/ratify/")
    day.answer("I agree.")
    expect(day.page.locator("#brakes")).to_contain_text("Ratified", timeout=PATIENCE_MS)

    stop_and_resume(night, day)


def stop_and_resume(night: Desk, day: Desk) -> None:
    night.goto("/actions/brakes/")
    open_dialog(night, "/actions/stop/")
    night.answer("A rule runs wild.")
    for desk in (night, day):
        expect(desk.page.locator("#alarm")).to_contain_text("Everything is stopped.", timeout=PATIENCE_MS)
    open_dialog(day, "/actions/resume/")
    day.answer("The rule is off.")
    for desk in (night, day):
        expect(desk.page.locator("#alarm .stopped")).to_have_count(0, timeout=PATIENCE_MS)


def test_the_bell_rings_without_a_reload_and_falls_silent_when_read(at_desk: AtDesk, ada: User, adam: User) -> None:
    incident = incident_naming(company().device())
    desk = at_desk(adam, "dark")
    bell = desk.page.locator("#bell")
    expect(desk.page.locator("#live-state")).to_contain_text("Live")
    expect(bell).to_have_attribute("aria-label", "Notices")
    comment_on(incident, text="@adam please look at this", actor=ada.actor)
    expect(bell).to_have_attribute("aria-label", "Notices, 1 unread", timeout=PATIENCE_MS)
    bell.click()
    desk.page.locator("main").get_by_role("link", name=re.compile("mentioned you")).first.click()
    desk.page.wait_for_url(f"**/incidents/{incident.pk}/**")
    expect(bell).to_have_attribute("aria-label", "Notices", timeout=PATIENCE_MS)


def test_incidents_are_merged_and_an_alert_is_moved_out_again_with_the_why(
    at_desk: AtDesk, ada: User, rita: User
) -> None:
    # Of two machines: what lies on one is put together by the portal itself, sooner or later.
    stays, goes = incident_naming(company().device()), incident_naming(DeviceFactory.create())
    desk, other = at_desk(ada, "light"), at_desk(rita, "dark")
    merge(desk, stays, goes)
    target = Incident.objects.get(redirect_incident=None, pk__in=[stays.pk, goes.pk])
    other.goto(f"/incidents/{(goes if target == stays else stays).pk}/")
    other.page.wait_for_url(f"**/incidents/{target.pk}/**")
    other.goto(f"/incidents/{target.pk}/activities/")
    other.see("The same hands within the hour.")
    alert = move_out(other, target)
    assert alert.incident_id not in {stays.pk, goes.pk}
    other.goto(f"/incidents/{alert.incident_id}/activities/")
    other.see("Another user was at work.")


def merge(desk: Desk, stays: Incident, goes: Incident) -> None:
    desk.goto(f"/incidents/{stays.pk}/")
    desk.page.locator("summary[aria-label='More'], [aria-label='More']").first.click()
    open_dialog(desk, f"/incidents/merge/?id={stays.pk}")
    desk.dialog.locator("[name=others]").fill(f"INC-{goes.pk}")
    desk.dialog.locator("button[type=submit]").click()
    expect(desk.dialog).to_contain_text("The portal chooses")
    desk.dialog.locator("select[name=reason]").select_option("sameAsset")
    desk.dialog.locator("[name=comment]").fill("The same hands within the hour.")
    desk.dialog.locator("button[type=submit]").click()
    expect(desk.dialog).not_to_be_visible()


def move_out(other: Desk, target: Incident) -> Alert:
    other.goto(f"/incidents/{target.pk}/alerts/")
    alert = target.alerts.latest("pk")
    other.page.locator(f"input[name=alert][value='{alert.pk}']").check()
    other.page.get_by_role("button", name=re.compile("Move")).first.click()
    other.dialog.locator("select[name=reason]").select_option("eventSequence")
    other.dialog.locator("[name=comment]").fill("Another user was at work.")
    other.dialog.locator("button[type=submit]").click()
    expect(other.dialog).not_to_be_visible()
    alert.refresh_from_db()
    return alert


def test_what_is_held_is_kept_back_in_the_preview_of_retention(at_desk: AtDesk, adam: User, rita: User) -> None:
    incident = resolved_incident()
    Incident.objects.update(resolved=clock.now() - timedelta(days=400))
    desk = at_desk(adam, "dark")
    desk.goto(f"/incidents/{incident.pk}/")
    desk.page.locator("summary[aria-label='More'], [aria-label='More']").first.click()
    open_dialog(desk, "/hold/")
    desk.answer("Proceedings against a customer.")
    desk.see("Legal hold", within="#incident-head")
    desk.goto("/admin/retention/")
    desk.page.locator("tr").filter(has_text="Closed incidents").locator("input[type=number], input").first.fill("365")
    desk.page.get_by_role("button", name="Preview").click()
    desk.see("Not set yet.")
    expect(desk.page.locator("tr").filter(has_text="Closed incidents")).to_contain_text("under a legal hold")
    assert Incident.objects.filter(pk=incident.pk).exists()


def test_the_figures_are_frozen_into_a_report(at_desk: AtDesk, mona: User) -> None:
    resolved_incident()
    desk = at_desk(mona, "light")
    desk.goto("/reports/")
    open_dialog(desk, "/reports/periods/new/")
    desk.dialog.locator("[name=title]").fill("The week of the invoices")
    desk.dialog.locator("[name=notes]").fill("One case, closed.")
    desk.dialog.locator("button[type=submit]").click()
    expect(desk.dialog).not_to_be_visible()
    desk.goto("/reports/periods/")
    desk.page.get_by_role("link", name=re.compile("The week of the invoices")).first.click()
    desk.see("One case, closed.")


def test_a_hash_is_blocked_from_the_evidence_that_named_it(at_desk: AtDesk, rita: User) -> None:
    file = FileFactory.create(display_name="dropper.exe")
    incident_naming(company().device(), file)
    desk = at_desk(rita, "dark")
    desk.goto(f"/files/{file.pk}/")
    open_dialog(desk, "/indicators/new/?")
    expect(desk.dialog.locator("[name=value]")).to_have_value(file.sha256)
    desk.dialog.locator("[name=title]").fill("Dropper of the invoices")
    desk.answer("Seen on one machine.")
    desk.goto("/indicators/")
    desk.see("Dropper of the invoices")


def test_a_person_who_left_is_erased_and_the_history_keeps_what_they_did(
    at_desk: AtDesk, adam: User, ada: User
) -> None:
    incident = incident_naming(company().device())
    comment_on(incident, text="I looked at it.", actor=ada.actor)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    desk = at_desk(adam, "light")
    desk.goto(f"/admin/users/{ada.pk}/")
    open_dialog(desk, f"/admin/users/{ada.pk}/erase/")
    expect(desk.dialog).to_contain_text("The key of the name is thrown away.")
    desk.answer("She asked for it.")
    desk.goto(f"/incidents/{incident.pk}/activities/")
    desk.see("I looked at it.")
    desk.see("Erased person")
    expect(desk.page.locator("main")).not_to_contain_text("Ada Lindqvist")
