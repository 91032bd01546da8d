"""Attackers look at what was done against them before each step."""

from datetime import timedelta

from exercises.attacks.course import Attack, Course
from exercises.attacks.mail_fraud import MAIL_FRAUD
from exercises.attacks.ransomware import FIRST, RANSOMWARE, ROUTE
from exercises.attacks.token_theft import SECOND_LURE, TOKEN_THEFT
from exercises.sources.sighting import Sighting
from tests.factories.exercises import MOMENT, Company


def let_run(attack: Attack, company: Company, course: Course, *, minutes: int, since: int = 0) -> list[Sighting]:
    """What the attack does in so many minutes, looked at each half minute."""
    found: list[Sighting] = []
    for half_minute in range(2 * minutes + 1):
        now = MOMENT + timedelta(minutes=since, seconds=30 * half_minute)
        found += attack.advance(course, company, now, prefix="7")
    return found


def opened(attack: Attack) -> Course:
    return attack.opening(MOMENT, prefix="7")[1]


def reached(course: Course) -> set[str]:
    return set(course.hosts) - set(FIRST)


def test_ransomware_left_alone_reaches_every_machine_that_is_online() -> None:
    course = opened(RANSOMWARE)
    found = let_run(RANSOMWARE, Company(), course, minutes=90)
    assert reached(course) == set(ROUTE) - {"SAL-LT-007"}
    assert course.over == "nothing is left to encrypt"
    assert any(one.title == "Connections to SAL-LT-007 found nobody" for one in found)


def test_contained_hosts_stop_the_spread_and_tell_of_the_refusal() -> None:
    course = opened(RANSOMWARE)
    found = let_run(RANSOMWARE, Company(isolated=set(FIRST)), course, minutes=30)
    assert reached(course) == set()
    assert [one.title for one in found] == [f"Spread refused: {name} is isolated" for name in FIRST]
    assert all(one.blocked for one in found)


def test_one_open_host_is_enough_to_go_on() -> None:
    course = opened(RANSOMWARE)
    let_run(RANSOMWARE, Company(isolated=set(FIRST) - {"FILE-SRV-02"}), course, minutes=15)
    assert "OPS-WS-031" in reached(course)


def test_a_host_released_after_containment_is_lost_to_the_attacker() -> None:
    course, company = opened(RANSOMWARE), Company(isolated=set(FIRST))
    let_run(RANSOMWARE, company, course, minutes=3)
    company.isolated.clear()
    assert let_run(RANSOMWARE, company, course, minutes=60, since=3) == []
    assert course.over == "every host is contained"


def test_a_machine_isolated_in_time_is_not_entered() -> None:
    course = opened(RANSOMWARE)
    found = let_run(RANSOMWARE, Company(isolated={ROUTE[0]}), course, minutes=8)
    assert [one.title for one in found] == [f"Spread refused: {ROUTE[0]} is isolated"]


def test_the_disabled_account_fails_to_sign_in_and_the_attack_ends() -> None:
    course = opened(RANSOMWARE)
    found = let_run(RANSOMWARE, Company(disabled={"svc-backup"}), course, minutes=30)
    assert reached(course) == set()
    assert {one.title for one in found} == {"Sign-in of svc-backup failed: the account is disabled"}
    assert len(found) == 3


def test_quarantined_programs_encrypt_nothing_more() -> None:
    course = opened(RANSOMWARE)
    assert let_run(RANSOMWARE, Company(quarantined=set(FIRST)), course, minutes=30) == []
    assert course.over == "every host is contained"


def test_mail_fraud_left_alone_takes_a_second_mailbox() -> None:
    course = opened(MAIL_FRAUD)
    found = let_run(MAIL_FRAUD, Company(), course, minutes=60)
    assert "t.rasmussen" in {one.account.name for one in found if one.account}
    assert course.over == "the money is on its way"


def test_the_thief_of_a_disabled_mailbox_is_turned_away() -> None:
    course = opened(MAIL_FRAUD)
    found = let_run(MAIL_FRAUD, Company(disabled={"p.nowak"}), course, minutes=60)
    assert {one.title for one in found} == {"Sign-in of p.nowak failed: the account is disabled"}
    assert all(one.blocked for one in found)


def test_nobody_falls_for_a_lure_that_was_taken_away() -> None:
    course = opened(TOKEN_THEFT)
    found = let_run(TOKEN_THEFT, Company(removed={SECOND_LURE.subject}), course, minutes=90)
    assert "i.petrova" not in {one.account.name for one in found if one.account}
    assert course.over == "the lure was taken away"


def test_an_account_enabled_again_is_used_again() -> None:
    course, company = opened(TOKEN_THEFT), Company(disabled={"j.lindqvist"})
    let_run(TOKEN_THEFT, company, course, minutes=5)
    company.disabled.clear()
    found = let_run(TOKEN_THEFT, company, course, minutes=10, since=5)
    assert "Unusual number of mails read" in {one.title for one in found}
