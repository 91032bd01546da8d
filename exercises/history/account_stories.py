"""Attacks on accounts and mailboxes of the past quarter, each stopped in time."""

from datetime import datetime
from random import Random

from exercises.company import COMPANY, Account, Machine
from exercises.history.scene import AUDIT_LOG, Scene, some_attacker, some_person
from exercises.history.story import Deed, Report, Step, Story
from exercises.sources.sighting import Address, Letter, Wire


def phishing(rng: Random, start: datetime, key: str) -> Story:
    person, scene = some_person(rng), Scene(start, key)
    machine, thief = COMPANY.machine_of(person.name), some_attacker(rng)
    host = f"portal-{rng.randrange(100, 999)}.example"
    subject = rng.choice(("Salary letter", "Your parking permit", "Crew list for signature", "Missed delivery"))
    letter = Letter(subject, f"desk@{host}", "Desk", thief.ip, url=f"https://{host}/sign")
    _signs_of_phishing(scene, person, machine, thief, letter)
    return Story(
        "phishing",
        "medium",
        "truePositive",
        "phishing",
        tuple(scene.found),
        (
            f"{person.display_name} confirms opening the link and typing the password.",
            "Session ended and password changed with the service desk.",
        ),
        "One password given away, changed within the hour. No mail was read from outside.",
        (
            Step(
                Deed.DISABLE,
                person.name,
                "Password typed into a look-alike page; stop the stranger's sign-in.",
                undo="Password is changed and sessions are gone; back to work.",
            ),
            Step(Deed.DELETE_MESSAGE, person.upn, "The same message must not be opened again.", letter=letter),
        ),
        Report(
            f"A message with a look-alike sign-in page reached {person.display_name}, who typed the "
            f"password. A sign-in from {thief.city} followed within minutes. The account was disabled, verified by a "
            "refused sign-in, and given back with a new password.",
            "People report a message more often when the answer comes quickly. The report button should answer.",
            ("The sign-in was noticed nine minutes after the message.",),
            ("The message had been reported by somebody else an hour before and lay in a queue.",),
            ("Answer every reported message within 30 minutes",),
        ),
    )


def _signs_of_phishing(scene: Scene, person: Account, machine: Machine, thief: Address, letter: Letter) -> None:
    """The letter, the click, the stranger who signs in."""
    scene.see(
        Wire.GRAPH,
        0,
        "Phishing message delivered",
        "medium",
        "InitialAccess",
        "phish-delivered",
        account=person,
        letter=letter,
        recipient=person.upn,
        product="office",
        techniques=("T1566.002",),
    )
    scene.see(
        Wire.GRAPH,
        6,
        "Malicious link opened",
        "medium",
        "InitialAccess",
        "link-opened",
        machine=machine,
        account=person,
        url=letter.url,
        techniques=("T1204.001",),
    )
    scene.see(
        Wire.SENTINEL,
        9,
        "Sign-in from a provider never seen before",
        "medium",
        "InitialAccess",
        "new-provider",
        account=person,
        address=thief,
        techniques=("T1078.004",),
    )


def spray(rng: Random, start: datetime, key: str) -> Story:
    person, thief, scene = some_person(rng), some_attacker(rng), Scene(start, key)
    _signs_of_a_spray(scene, person, thief)
    return Story(
        "spray",
        "high",
        "truePositive",
        "compromisedAccount",
        tuple(scene.found),
        ("The successful sign-in used IMAP, which does not ask for a second factor.",),
        "Password guessed, account closed before any mail was read; old protocols are blocked for it now.",
        (
            Step(
                Deed.DISABLE,
                person.name,
                "A stranger guessed the password.",
                undo="New password, old protocols blocked.",
            ),
        ),
        Report(
            f"A list of common passwords was tried against many accounts; that of {person.display_name} gave way after "
            "half an hour. The account was disabled before any mail was read.",
            "Old mail protocols let a guessed password through without a second factor.",
            ("Four sources of failed sign-ins joined into one incident.",),
            ("The guessing went on for half an hour before the first owner.",),
            ("Block old mail protocols for everybody", "Lower the number of failures before the lock-out"),
        ),
    )


def _signs_of_a_spray(scene: Scene, person: Account, thief: Address) -> None:
    """Failures every six minutes, then one success."""
    for minute in range(0, 24, 6):
        scene.see(
            Wire.SENTINEL,
            minute,
            "Many failed sign-ins from one address",
            "low",
            "CredentialAccess",
            "password-spray",
            account=person,
            address=thief,
            techniques=("T1110.003",),
        )
    scene.see(
        Wire.GRAPH,
        31,
        "Password spray, then one success",
        "high",
        "CredentialAccess",
        "spray-success",
        account=person,
        address=thief,
        product="entra",
        techniques=("T1110.003", "T1078.004"),
    )


def mailbox_rules(rng: Random, start: datetime, key: str) -> Story:
    person, thief, scene = some_person(rng), some_attacker(rng), Scene(start, key)
    _signs_of_mailbox_rules(scene, person, thief)
    return Story(
        "mailbox-rules",
        "high",
        "truePositive",
        "compromisedAccount",
        tuple(scene.found),
        (
            "Rule moves everything with the word invoice to the RSS folder.",
            "Three customers called by telephone; none had paid.",
        ),
        "Rule removed, password and second factor renewed. No payment went out.",
        (
            Step(
                Deed.DISABLE,
                person.name,
                "Mail is being hidden by a stranger.",
                undo="Rules removed, second factor new.",
            ),
        ),
        Report(
            f"Somebody signed in to the mailbox of {person.display_name} with a stolen password and hid replies about "
            "invoices with an inbox rule. Customers were called; no money was lost.",
            "A mailbox that can change payment details is a high-value asset and should be marked as one.",
            ("Customers were called back within the hour.", "Three sources joined into one incident."),
            ("Waiting for an approver took 19 minutes.",),
            ("Mark payment mailboxes as high value", "Name a second approver for identity actions"),
        ),
        ("payment fraud",),
    )


def _signs_of_mailbox_rules(scene: Scene, person: Account, thief: Address) -> None:
    """A stranger signs in and hides mail; two sources see the rule."""
    scene.see(
        Wire.SENTINEL,
        0,
        "Sign-in from a provider never seen before",
        "medium",
        "InitialAccess",
        "new-provider",
        account=person,
        address=thief,
        techniques=("T1078.004",),
    )
    scene.see(
        Wire.GRAPH,
        14,
        "Inbox rule hides mail about invoices",
        "high",
        "DefenseEvasion",
        "inbox-rule",
        account=person,
        address=thief,
        mailbox_rule="invoice to RSS",
        recipient=person.upn,
        product="cloud",
        techniques=("T1564.008",),
    )
    scene.see(
        Wire.WAZUH,
        15,
        "Office 365: New inbox rule",
        "medium",
        "DefenseEvasion",
        "91575/8",
        account=person,
        address=thief,
        mailbox_rule="invoice to RSS",
        techniques=("T1564.008",),
        extra={**AUDIT_LOG, "operation": "New-InboxRule"},
    )


def leaver(rng: Random, start: datetime, key: str) -> Story:
    person, scene = some_person(rng), Scene(start, key)
    machine = COMPANY.machine_of(person.name)
    scene.see(
        Wire.GRAPH,
        0,
        "Many files downloaded from a share",
        "medium",
        "Exfiltration",
        "mass-download",
        account=person,
        product="cloud",
        techniques=("T1530",),
    )
    scene.see(
        Wire.WAZUH,
        25,
        "Files copied to a USB device",
        "medium",
        "Exfiltration",
        "60229/9",
        machine=machine,
        account=person,
        techniques=("T1052.001",),
        extra={"event": "4663", "channel": "Security"},
    )
    return Story(
        "leaver",
        "medium",
        "truePositive",
        "maliciousUserActivity",
        tuple(scene.found),
        ("Contract ends this month. Human resources and the head of department are informed.",),
        "Files handed back, stick kept as evidence.",
        (Step(Deed.DISABLE, person.name, "Agreed with human resources before the talk.", undo="Talk is over."),),
        Report(
            f"Before leaving the company {person.display_name} copied files of the department to a stick. The "
            "account was closed for the talk; the files were handed back.",
            "Who leaves keeps full access until the last day; nobody looks at large downloads in that month.",
            ("Cloud and device told of it within half an hour.",),
            (),
            ("Watch downloads of people who have given notice",),
        ),
    )
