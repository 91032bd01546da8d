"""Business e-mail compromise: a stolen mailbox of accounts payable, hidden rules, and changed payment details."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from exercises.attacks.script import AccountAttack, Deed, account
from exercises.company import Account
from exercises.company.directory import DOMAIN
from exercises.sources.sighting import Address, Letter, Sighting, Wire

THIEF = Address("198.51.100.24", "LT", "Kaunas")
VICTIM = account("p.nowak")
COLLEAGUE = account("t.rasmussen")
SHARED = f"ap@{DOMAIN}"
PAYMENT = Letter("Updated bank details - Q4", VICTIM.upn, VICTIM.display_name, THIEF.ip, outbound=True)
SECOND_PAYMENT = replace(PAYMENT, subject="Re: Berth fees, new account from today")
INTERNAL = replace(
    PAYMENT, subject="Please check this vendor form", url="https://vendor-form.example/bh", outbound=False
)


def _rule(at: datetime, name: str, title: str) -> list[Sighting]:
    """The same rule seen by the cloud product and in the audit log of the mail system."""
    audit = {"decoder": "office365", "groups": "office365", "location": "office365", "operation": "New-InboxRule"}
    shared: dict[str, Any] = {"account": VICTIM, "address": THIEF, "mailbox_rule": name, "techniques": ("T1564.008",)}
    return [
        Sighting(
            Wire.GRAPH,
            "",
            at,
            title,
            "medium",
            "DefenseEvasion",
            "inbox-rule",
            product="cloud",
            recipient=VICTIM.upn,
            **shared,
        ),
        Sighting(
            Wire.WAZUH,
            "",
            at + timedelta(seconds=50),
            "Office 365: New inbox rule",
            "medium",
            "DefenseEvasion",
            "91575/8",
            extra=audit,
            **shared,
        ),
    ]


def _sign_in(at: datetime, who: Account = VICTIM) -> list[Sighting]:
    return [
        Sighting(
            Wire.SENTINEL,
            "",
            at,
            "Sign-in from a provider never seen before",
            "medium",
            "InitialAccess",
            "new-provider",
            account=who,
            address=THIEF,
            techniques=("T1078.004",),
        )
    ]


def _payment(at: datetime, letter: Letter, recipient: str) -> list[Sighting]:
    return [
        Sighting(
            Wire.GRAPH,
            "",
            at,
            "Payment details changed in a running mail thread",
            "high",
            "Impact",
            "payment-details",
            account=VICTIM,
            letter=letter,
            recipient=recipient,
            product="office",
            techniques=("T1657",),
            address=THIEF,
        )
    ]


def _send_as(at: datetime) -> list[Sighting]:
    return [
        Sighting(
            Wire.WAZUH,
            "",
            at,
            "Office 365: Message sent in the name of a shared mailbox",
            "medium",
            "Collection",
            "91533/9",
            account=VICTIM,
            address=THIEF,
            techniques=("T1114.002",),
            extra={"decoder": "office365", "groups": "office365", "location": "office365", "operation": "SendAs"},
        )
    ]


def _forwarding(at: datetime) -> list[Sighting]:
    return [
        Sighting(
            Wire.SENTINEL,
            "",
            at,
            "Mailbox forwards everything to an address outside",
            "high",
            "Exfiltration",
            "forward-outside",
            account=VICTIM,
            address=THIEF,
            recipient=VICTIM.upn,
            techniques=("T1114.003",),
        )
    ]


def _internal_lure(at: datetime) -> list[Sighting]:
    return [
        Sighting(
            Wire.GRAPH,
            "",
            at,
            "Phishing message from inside the company",
            "medium",
            "LateralMovement",
            "internal-phish",
            account=VICTIM,
            letter=INTERNAL,
            recipient=COLLEAGUE.upn,
            product="office",
            techniques=("T1534",),
        )
    ]


MAIL_FRAUD = AccountAttack(
    key="mail-fraud",
    title="Business e-mail compromise",
    before=(
        (47, _sign_in),
        (40, lambda at: _rule(at, "invoice to RSS", "Inbox rule hides mail about invoices")),
        (31, lambda at: _payment(at, PAYMENT, VICTIM.upn)),
        (18, lambda at: _rule(at, "delete replies", "Inbox rule deletes replies")),
        (12, lambda at: _payment(at, PAYMENT, SHARED)),
        (6, _send_as),
    ),
    deeds=(
        Deed("second-payment", 7, VICTIM, lambda at: _payment(at, SECOND_PAYMENT, VICTIM.upn)),
        Deed("forwarding", 8, VICTIM, _forwarding),
        Deed("internal-lure", 9, VICTIM, _internal_lure),
        Deed("second-mailbox", 11, COLLEAGUE, lambda at: _sign_in(at, COLLEAGUE), lure=INTERNAL, victim=COLLEAGUE.upn),
    ),
    address=THIEF,
    ending="the money is on its way",
)
