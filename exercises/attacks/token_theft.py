"""Adversary-in-the-middle phishing: a page in between takes the sign-in token and replays it from a new country."""

from datetime import datetime, timedelta

from exercises.attacks.script import AccountAttack, Deed, account
from exercises.company import COMPANY, Account
from exercises.sources.sighting import Address, Letter, Sighting, Wire

THIEF = Address("198.51.100.9", "PA", "Panama City")
PROXY = Address("203.0.113.140", "NL", "Amsterdam")
VICTIM = account("j.lindqvist")
COLLEAGUE = account("i.petrova")
PAGE = "https://docs-brinehaven.example/s/berth-contract"
LURE = Letter("Berth contract 2027 for signature", "sign@docs-brinehaven.example", "Document desk", PROXY.ip, url=PAGE)
SECOND_LURE = Letter("Fwd: Berth contract 2027", VICTIM.upn, VICTIM.display_name, THIEF.ip, url=PAGE)


def _lure(at: datetime) -> list[Sighting]:
    return [
        Sighting(
            Wire.GRAPH,
            "",
            at,
            "Phishing message delivered",
            "medium",
            "InitialAccess",
            "phish-delivered",
            account=VICTIM,
            letter=LURE,
            recipient=VICTIM.upn,
            product="office",
            techniques=("T1566.002",),
        )
    ]


def _click(at: datetime) -> list[Sighting]:
    machine = COMPANY.machine_of(VICTIM.name)
    return [
        Sighting(
            Wire.GRAPH,
            "",
            at,
            "Malicious link opened",
            "medium",
            "InitialAccess",
            "link-opened",
            machine=machine,
            account=VICTIM,
            url=PAGE,
            techniques=("T1204.001",),
        ),
        Sighting(
            Wire.WAZUH,
            "",
            at + timedelta(seconds=15),
            "Suricata: Alert - PHISHING sign-in page behind a proxy",
            "medium",
            "CredentialAccess",
            "86601/9",
            machine=machine,
            address=PROXY,
            url=PAGE,
            techniques=("T1557",),
            extra={
                "decoder": "json",
                "groups": "ids,suricata",
                "location": "/var/log/suricata/eve.json",
                "direction": "out",
            },
        ),
    ]


def _replay(at: datetime, who: Account = VICTIM) -> list[Sighting]:
    return [
        Sighting(
            Wire.GRAPH,
            "",
            at,
            "Anomalous token",
            "high",
            "CredentialAccess",
            "anomalous-token",
            account=who,
            address=THIEF,
            product="entra",
            techniques=("T1528",),
        ),
        Sighting(
            Wire.SENTINEL,
            "",
            at + timedelta(minutes=1),
            "Sign-in token replayed from a new country",
            "high",
            "InitialAccess",
            "token-replay",
            account=who,
            address=THIEF,
            techniques=("T1550.004",),
        ),
    ]


def _authenticator(at: datetime) -> list[Sighting]:
    return [
        Sighting(
            Wire.SENTINEL,
            "",
            at,
            "New authenticator registered after a risky sign-in",
            "medium",
            "Persistence",
            "new-authenticator",
            account=VICTIM,
            address=THIEF,
            techniques=("T1098.005",),
        )
    ]


def _mass_read(at: datetime) -> list[Sighting]:
    return [
        Sighting(
            Wire.GRAPH,
            "",
            at,
            "Unusual number of mails read",
            "medium",
            "Collection",
            "mass-read",
            account=VICTIM,
            address=THIEF,
            recipient=VICTIM.upn,
            product="cloud",
            techniques=("T1114.002",),
        ),
        Sighting(
            Wire.WAZUH,
            "",
            at + timedelta(seconds=30),
            "Office 365: Mail items accessed by a new client",
            "low",
            "Collection",
            "91533/6",
            account=VICTIM,
            address=THIEF,
            techniques=("T1114.002",),
            extra={
                "decoder": "office365",
                "groups": "office365",
                "location": "office365",
                "operation": "MailItemsAccessed",
            },
        ),
    ]


def _consent(at: datetime) -> list[Sighting]:
    return [
        Sighting(
            Wire.SENTINEL,
            "",
            at,
            "Consent given to an unknown application",
            "medium",
            "Persistence",
            "app-consent",
            account=VICTIM,
            address=THIEF,
            techniques=("T1098",),
        )
    ]


def _second_lure(at: datetime) -> list[Sighting]:
    return [
        Sighting(
            Wire.GRAPH,
            "",
            at,
            "Phishing message from inside the company",
            "high",
            "LateralMovement",
            "internal-phish",
            account=VICTIM,
            letter=SECOND_LURE,
            recipient=COLLEAGUE.upn,
            product="office",
            techniques=("T1534",),
        )
    ]


def _download(at: datetime) -> list[Sighting]:
    return [
        Sighting(
            Wire.GRAPH,
            "",
            at,
            "Many files downloaded from the sales share",
            "high",
            "Exfiltration",
            "mass-download",
            account=COLLEAGUE,
            address=THIEF,
            product="cloud",
            techniques=("T1530",),
        )
    ]


TOKEN_THEFT = AccountAttack(
    key="token-theft",
    title="Adversary-in-the-middle phishing",
    before=((22, _lure), (20, _click), (14, _replay), (5, _authenticator)),
    deeds=(
        Deed("mass-read", 4, VICTIM, _mass_read),
        Deed("consent", 8, VICTIM, _consent),
        Deed("second-lure", 8, VICTIM, _second_lure),
        Deed(
            "second-account", 10, COLLEAGUE, lambda at: _replay(at, COLLEAGUE), lure=SECOND_LURE, victim=COLLEAGUE.upn
        ),
        Deed("download", 9, COLLEAGUE, _download),
    ),
    address=THIEF,
    ending="the files are gone",
)
