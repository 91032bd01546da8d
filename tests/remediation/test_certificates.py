"""Indicators on certificates: what is read of one, what is refused, and the way to the indicator."""

import base64
import contextlib
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from time import process_time
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from remediation.certificates import LONGEST, read_certificate
from remediation.models import Indicator
from tests.conftest import SignedIn

KEY = ec.generate_private_key(ec.SECP256R1())
A_KEY = "-----BEGIN EC {0} KEY-----\nAAAA\n-----END EC {0} KEY-----".format("PRIVATE")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def made(name: str = "Quiet Tools Ltd", *, authority: bool = False, days: int = 365) -> bytes:
    """A certificate in DER that vouches for itself."""
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    built = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(KEY.public_key())
        .serial_number(0x1F2E).not_valid_before(BEGIN).not_valid_after(BEGIN + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )  # fmt: skip
    return built.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode()


def test_a_certificate_says_whose_it_is_and_by_what_it_is_named() -> None:
    der = made()
    for text in (pem(der), base64.b64encode(der).decode(), f"text before\n{pem(der)}{pem(made('Other'))}"):
        found = read_certificate(text)
        assert (found.name, found.subject, found.issuer) == (
            "Quiet Tools Ltd", "CN=Quiet Tools Ltd", "CN=Quiet Tools Ltd")  # fmt: skip
        assert (found.sha1, found.sha256) == (sha1(der).hexdigest(), sha256(der).hexdigest())
        assert (found.since, found.until) == (BEGIN, BEGIN + timedelta(days=365))
        assert (found.serial, found.self_issued) == ("1f2e", True)
    assert found.further == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no certificate that can be read"),
        ("hello", "no certificate that can be read"),
        ("-----BEGIN CERTIFICATE-----\n////\n-----END CERTIFICATE-----", "no certificate that can be read"),
        ("-----BEGIN CERTIFICATE-----\nä\n-----END CERTIFICATE-----", "no certificate that can be read"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "PEM, but no certificate"),
        (A_KEY, "holds a private key"),
        (base64.b64encode(made()[:-9]).decode(), "no certificate that can be read"),
        (base64.b64encode(bytes(LONGEST + 1)).decode(), "no certificate that can be read"),
        (pem(made("House CA", authority=True)), "certificate of an authority"),
    ],
)
def test_what_is_no_leaf_certificate_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        read_certificate(text)


def test_names_are_shown_without_signs_that_turn_what_is_around_them() -> None:
    found = read_certificate(pem(made("Good\u202eexe\r\nSubject: Other")))
    assert "\u202e" not in found.subject + found.name
    assert found.in_words.count("\n") == 3


@pytest.mark.parametrize("place", range(0, 400, 23))
def test_a_certificate_with_a_broken_byte_is_read_or_refused_and_breaks_nothing(place: int) -> None:
    der = bytearray(made())
    der[place % len(der)] ^= 0xFF
    text = base64.b64encode(bytes(der)).decode()
    with contextlib.suppress(ValidationError):
        assert read_certificate(text).sha256 == sha256(bytes(der)).hexdigest()
        return
    with pytest.raises(ValidationError, match="certificate"):
        read_certificate(text)


@pytest.mark.django_db
def test_the_page_leads_from_the_file_to_the_indicator(client: Client, rita: User, signed_in: SignedIn) -> None:
    der = made("<b>Quiet & Tools</b>", days=1)
    page = signed_in(client, rita).post("/indicators/certificate/", {"text": pem(der)})
    assert "&lt;b&gt;Quiet &amp; Tools" in page.content.decode()
    assert "Expired" in page.content.decode()
    first, second = page.context["prints"]
    assert (first["value"], second["value"]) == (sha256(der).hexdigest(), sha1(der).hexdigest())
    dialog = client.get(first["url"]).context["form"]
    assert dialog.initial["action"] == "blockAndRemediate"
    given = {name: values[0] for name, values in parse_qs(urlsplit(first["url"]).query).items()}
    client.post(first["url"], {**given, "action": "blockAndRemediate", "severity": "high", "reason": "Signs malware"})
    indicator = Indicator.objects.get()
    assert (indicator.type, indicator.value, indicator.title) == (
        "certificateThumbprint", sha256(der).hexdigest(), "<b>Quiet & Tools</b>")  # fmt: skip
    assert "Serial number: 1f2e" in indicator.description
    again = client.post("/indicators/certificate/", {"text": pem(der)})
    assert f"/indicators/{indicator.pk}/" in again.content.decode()


@pytest.mark.django_db
def test_only_who_makes_indicators_reads_certificates(
    client: Client, ada: User, rita: User, signed_in: SignedIn
) -> None:
    assert signed_in(client, ada).get("/indicators/certificate/").status_code == 403
    page = signed_in(client, rita)
    assert page.post("/indicators/certificate/", {"text": "x" * 200_000}).status_code == 422
    assert page.post("/indicators/certificate/", {"text": "no"}).status_code == 422
    assert not Indicator.objects.exists()


def test_marks_without_a_partner_are_read_once() -> None:
    text = "-----BEGIN CERTIFICATE-----" * (LONGEST // 27)
    began = process_time()
    with pytest.raises(ValidationError, match="no certificate"):
        read_certificate(text)
    assert process_time() - began < 0.5
