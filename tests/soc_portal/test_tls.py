"""The portal over TLS: an authority of its own, files that are given, and what goes on while they change."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from soc_portal.up.authority import LIFE, RENEWED_BEFORE, Authority, names_in
from soc_portal.up.data_folder import DataFolder
from soc_portal.up.errors import UpError
from soc_portal.up.given_certificate import check_pair, covers
from soc_portal.up.tls import Tls, TlsOptions, host_name
from soc_portal.up.web import CertificatePair
from soc_portal.up.words import parse_up
from tests.soc_portal.made_certificates import Issuer, write_pair

HOSTS = ("portal.example.org", "192.0.2.8")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls")


def presented(authority: Authority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.certificate_file.read_bytes())


def shake_hands(certificate: Path, key: Path, trusted: Path, name: str) -> str:
    """The version of TLS that a client which trusts this authority alone, and checks the name, agrees on."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=trusted)
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(ours, theirs, server_hostname=name)
    answering = server.wrap_bio(theirs, ours, server_side=True)
    for _ in range(4):
        for side in (asking, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return str(asking.version())


# ---- an authority of its own ----


def test_it_is_made_once_and_its_keys_are_private(authority: Authority) -> None:
    assert authority.ensure(HOSTS) is True
    before = authority.file.read_bytes(), authority.certificate_file.read_bytes()
    assert authority.ensure(HOSTS) is False
    assert (authority.file.read_bytes(), authority.certificate_file.read_bytes()) == before
    modes = {file.name: file.stat().st_mode & 0o777 for file in authority.folder.iterdir()}
    assert modes == {"ca.key": 0o600, "portal.key": 0o600, "ca.pem": 0o644, "portal.pem": 0o644}
    assert authority.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", [*HOSTS, "localhost", "127.0.0.1", "::1"])
def test_who_trusts_it_believes_the_portal_under_each_of_its_names(authority: Authority, name: str) -> None:
    authority.ensure(HOSTS)
    version = shake_hands(authority.certificate_file, authority.portal_key_file, authority.file, name)
    assert version == "TLSv1.3"


def test_under_another_name_nobody_believes_it(authority: Authority) -> None:
    authority.ensure(HOSTS)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(authority.certificate_file, authority.portal_key_file, authority.file, "bank.example.com")


def test_its_key_is_of_no_use_for_another_name(authority: Authority, tmp_path: Path) -> None:
    """Who steals it cannot pose as anybody else before those who trust it."""
    authority.ensure(HOSTS)
    thief = Issuer()
    thief.key = serialization.load_pem_private_key(authority.key_file.read_bytes(), password=None)  # type: ignore[assignment]
    thief.certificate = x509.load_pem_x509_certificate(authority.file.read_bytes())
    thief.name = thief.certificate.subject
    certificate, key = thief.issue(tmp_path, "bank.example.com")
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake_hands(certificate, key, authority.file, "bank.example.com")


def test_a_certificate_is_renewed_before_it_ends_and_the_authority_stays(authority: Authority) -> None:
    authority.ensure(HOSTS)
    trusted, first = authority.file.read_bytes(), presented(authority)
    soon = datetime.now(UTC) + LIFE - RENEWED_BEFORE
    assert authority.ensure(HOSTS, soon - timedelta(hours=1)) is False
    assert authority.ensure(HOSTS, soon + timedelta(hours=1)) is True
    assert presented(authority).serial_number != first.serial_number
    assert authority.file.read_bytes() == trusted


def test_fewer_names_make_another_certificate_and_more_names_a_clear_refusal(authority: Authority) -> None:
    authority.ensure(HOSTS)
    assert authority.ensure(HOSTS[:1]) is True
    assert "192.0.2.8" not in names_in(presented(authority))
    with pytest.raises(UpError, match=r"cannot vouch for other\.example\.org: move the folder"):
        authority.ensure(("other.example.org",))


@pytest.mark.parametrize("file", ["certificate_file", "portal_key_file"])
def test_a_spoiled_certificate_is_made_anew(authority: Authority, file: str) -> None:
    authority.ensure(HOSTS)
    getattr(authority, file).write_text("spoiled")
    assert authority.ensure(HOSTS) is True
    assert shake_hands(authority.certificate_file, authority.portal_key_file, authority.file, HOSTS[0])


# ---- files that are given ----


def test_a_good_pair_is_taken_with_its_names(tmp_path: Path) -> None:
    certificate, key = Issuer().issue(tmp_path, "soc.example.org", "*.soc.example.org")
    assert check_pair(certificate, key, hosts=("a.soc.example.org",)) == ["soc.example.org", "*.soc.example.org"]
    tls = Tls(DataFolder(tmp_path), TlsOptions((), certificate, key))
    tls.prepare()
    assert (tls.host, tls.address) == ("soc.example.org", "127.0.0.1")
    assert tls.allowed_hosts == ["soc.example.org", ".soc.example.org"]


def spoil(tmp_path: Path, how: str) -> tuple[Path, Path]:
    root, other = Issuer(), ec.generate_private_key(ec.SECP256R1())
    times = {"ended": (-timedelta(days=9), -timedelta(days=1)), "early": (timedelta(days=1), timedelta(days=9))}
    begins, ends = times.get(how, (-timedelta(days=9), timedelta(days=9)))
    hosts = [] if how == "nameless" else ["soc.example.org"]
    certificate, key = root.issue(tmp_path, *hosts, begins=begins, ends=ends)
    if how in {"foreign key", "locked"}:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
        return write_pair(tmp_path, chain, other, b"pass phrase" if how == "locked" else b"")
    if how == "chain":
        certificate.write_bytes(
            certificate.read_bytes() + Issuer().certificate.public_bytes(serialization.Encoding.PEM)
        )
    if how in {"open key", "key is none", "no key"}:
        key.chmod(0o644) if how == "open key" else key.write_text("nothing") if how == "key is none" else key.unlink()
    if how == "certificate is none":
        certificate.write_text("nothing")
    return certificate, key


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("ended", r"ended on .* renew it"),
        ("early", "clock right"),
        ("foreign key", "is not the key of"),
        ("locked", "locked with a pass phrase"),
        ("chain", "did not issue certificate 2"),
        ("open key", "chmod 600"),
        ("key is none", "holds no private key"),
        ("no key", "cannot read the key"),
        ("certificate is none", "holds no certificate"),
        ("nameless", "names no host"),
    ],
)
def test_a_bad_pair_is_refused_with_what_mends_it(tmp_path: Path, how: str, told: str) -> None:
    with pytest.raises(UpError, match=told):
        check_pair(*spoil(tmp_path, how))


def test_a_name_that_the_certificate_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UpError, match=r"is for soc\.example\.org and not for portal\.example\.org"):
        check_pair(*Issuer().issue(tmp_path, "soc.example.org"), hosts=("portal.example.org",))
    assert not covers("*.example.org", "a.b.example.org")
    assert not covers("*.example.org", "example.org")


# ---- words ----


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--host", "a.example.org"], "add --tls"),
        (["--tls-cert", "a.pem"], "belong together"),
        (["--tls", "--host", "no host"], "is no host name"),
        (["--tls", "--host", "*.example.org"], "is no host name"),
    ],
)
def test_words_that_do_not_fit_are_refused_in_a_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse_up(words)
    assert told in capsys.readouterr().err


def test_other_machines_are_let_in_only_when_a_name_is_given(tmp_path: Path) -> None:
    for words, address in (["--tls"], "127.0.0.1"), (["--tls", "--host", "Portal.Example.org."], "0.0.0.0"):
        options = parse_up(words)
        assert options.tls is not None
        assert Tls(DataFolder(tmp_path), options.tls).address == address
    assert host_name("[2001:DB8::1]") == "2001:db8::1"


# ---- while it runs ----


def test_a_new_pair_is_served_and_a_bad_one_is_not(tmp_path: Path) -> None:
    root = Issuer()
    certificate, key = root.issue(tmp_path, "one.example.org")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    pair = CertificatePair(certificate, key, context)
    assert pair.take_what_is_new() is False
    (tmp_path / "other").mkdir()
    stray = root.issue(tmp_path / "other", "two.example.org")
    key.write_bytes(stray[1].read_bytes())
    assert pair.take_what_is_new() is False, "a key without its certificate is not served"
    certificate.write_bytes(stray[0].read_bytes())
    assert pair.take_what_is_new() is True
    assert pair.take_what_is_new() is False
