"""What root asks on the host itself, and the codes that open it."""

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from soc_agent.envelope import seal
from soc_agent.identity import fingerprint
from soc_agent.journal import Journal
from soc_agent.orders import Refused
from soc_agent.release import RELEASE, accept_code, code_text
from soc_agent.trust import Trust
from tests.agent.halves import JoinedHost

DEVICE = "d" * 64
SIGNER, ROOT, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))
TRUST = Trust(ROOT.public_key(), 1, {fingerprint(SIGNER.public_key()): SIGNER.public_key()})


def code(key: Ed25519PrivateKey = SIGNER, **fields: Any) -> str:
    value = {"device": DEVICE, "id": "r1", "expires": time.time() + 3600, "facet": "network", **fields}
    return code_text(seal(RELEASE, json.dumps(value).encode(), {fingerprint(key.public_key()): key}))


def test_a_code_opens_the_generation_of_now_and_no_later_one(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j")) as journal:
        journal.want(4, "{}")
        text = code()
        assert accept_code(text, journal, TRUST, DEVICE) == {"released": 4, "code": "r1"}
        assert accept_code(f" {text[:40]}\n{text[40:]} ", journal, TRUST, DEVICE)["released"] == 4
        assert journal.noted("released")["generation"] == 4
        journal.want(5, "{}")
        with pytest.raises(Refused, match="earlier"):
            accept_code(text, journal, TRUST, DEVICE)
        assert accept_code(code(id="r2"), journal, TRUST, DEVICE)["released"] == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (code(STRANGER), "bad_code"), (code(device="e" * 64), "another_device"), ("", "bad_code"), ("x", "bad_code"),
        (code(expires=time.time() - 5), "expired"), (code(expires=time.time() + 9 * 86400), "expired"),
        (code(facet="execution"), "bad_code"), (code(id="../x"), "bad_code"), (code(expires="soon"), "bad_code"),
        (code()[:-8], "bad_code"), ("é" * 50, "bad_code"),
    ],
)  # fmt: skip
def test_a_code_that_is_not_genuine_or_not_for_here_and_now_opens_nothing(tmp_path: Path, text: str, said: str) -> None:
    with closing(Journal(tmp_path / "j")) as journal:
        with pytest.raises(Refused) as reason:
            accept_code(text, journal, TRUST, DEVICE)
        assert reason.value.code == said
        assert journal.noted("released") == {}


def test_the_host_tells_how_it_stands(host: JoinedHost) -> None:
    host.portal.want(3, {})
    host.portal.status_where(lambda one: one["generation"] == 3)
    report = json.loads(host.ctl("status", "--json").stdout)
    assert (report["device_id"], report["generation"]) == (host.portal.device, 3)
    said = host.ctl("status").stdout
    assert "Generation  3" in said
    assert host.portal.url in said


def test_a_code_that_is_not_believed_is_said_to_be_none(host: JoinedHost) -> None:
    host.until((host.root / "run/soc-agent/helper.sock").exists)
    done = host.ctl("release", "nonsense")
    assert (done.returncode, "no release code" in done.stderr) == (1, True), done.stderr


def test_doctor_says_what_is_wrong_and_what_mends_it(host: JoinedHost) -> None:
    host.portal.status_where(lambda one: one["observed"])
    found = {one["what"]: one for one in json.loads(host.ctl("doctor", "--json").stdout)}
    assert found["helper"]["good"] is True
    assert found["portal"]["good"] is True
    assert abs(float(found["clock"]["says"].split()[0])) < 5
    (host.root / "var/lib/soc-agent/agent/identity.pem").chmod(0o644)
    host.kill("helper")
    done = host.ctl("doctor")
    assert done.returncode == 1
    assert "BAD   helper: it does not answer" in done.stdout
    assert "chmod go=" in done.stdout


def test_without_enrolment_it_says_what_to_do(host: JoinedHost) -> None:
    (host.root / "etc/soc-agent/settings.json").unlink()
    done = host.ctl("status")
    assert (done.returncode, "soc-agent enroll" in done.stderr) == (1, True)
