"""Each piece of evidence: what proves where it came from, who took and opened it, and that it was deleted."""

import base64
import hashlib
import io
import json
import subprocess
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from connectors.kinds.simulator import world
from connectors.services.agents.proofs import why_not_proven
from connectors.services.agents.uploads import begin_upload, proof_of
from connectors.signing.envelope import raw_public
from core import audit, blobs, clock
from core.models import Blob
from incidents.models import Incident
from incidents.services.legal_hold import place_hold
from remediation.enums import CustodyKind
from remediation.models import ActionRun, ControlState, Custody, QuarantinedItem, RunArtefact
from remediation.retention import forget_artefacts
from remediation.services.custody import lines_of
from remediation.services.export_evidence import export_evidence, fingerprints
from remediation.services.open_package import hand_out
from remediation.services.quarantined import drifts_of, run_ended
from tests.connectors.agent_orders import handed
from tests.factories.people import sign_in
from tests.factories.remediation import FileFactory, company, done, incident_naming, saw
from tests.factories.small_agent import joined

pytestmark = pytest.mark.django_db


def package(ada: User, rita: User) -> tuple[ActionRun, Custody]:
    run = done(ada, rita, "device.collect_package", company().device())
    return run, Custody.objects.get(run=run)


def signed(sha256: str, key: Ed25519PrivateKey, **wrong: Any) -> dict[str, Any]:
    proof = {"device_id": "d" * 64, "public_key": base64.b64encode(raw_public(key.public_key())).decode(),
             "method": "POST", "path": f"/agent/v1/artefacts/{sha256}", "time": int(time.time()), "nonce": "ab" * 8,
             "body_sha256": hashlib.sha256(b"{}").hexdigest()}  # fmt: skip
    words = "\n".join(str(proof[name]) for name in ("method", "path", "time", "nonce", "body_sha256"))
    return {**proof, "signature": base64.b64encode(key.sign(words.encode())).decode(), **wrong}


def test_what_a_run_brings_is_taken_into_custody_with_hash_and_device(ada: User, rita: User) -> None:
    run, custody = package(ada, rita)
    blob = RunArtefact.objects.get(run=run, name=custody.name).blob
    assert (custody.kind, custody.sha256, custody.size) == (CustodyKind.PACKAGE, blob.sha256, blob.size)
    assert (custody.device_name, custody.taken_by["name"]) == (run.target_name, ada.actor.name)
    assert [line.word for line in lines_of(custody)] == ["Taken"]


def test_who_opens_it_stands_in_its_chain_with_the_reason(ada: User, rita: User) -> None:
    run, custody = package(ada, rita)
    artefact = RunArtefact.objects.get(run=run, name=custody.name)
    hand_out(artefact, part="", reason="Looking for the loader", actor=rita.actor, user=rita)
    custody.refresh_from_db()
    assert custody.opened == 1
    audit.seal()
    last = lines_of(custody)[-1]
    assert (last.word, last.actor, last.reason) == ("Opened", rita.actor.name, "Looking for the loader")
    assert last.seal is not None
    assert audit.verify().broken_at is None


def test_the_device_s_own_signature_stays_with_the_upload() -> None:
    small, sha256, key = joined(), "c" * 64, Ed25519PrivateKey.generate()
    handed(small.agent)
    begin_upload(small.agent.pk, sha256, {"size": 1, "name": "x"}, proof=signed(sha256, key))
    assert why_not_proven(proof_of(small.agent, sha256), sha256) == ""


@pytest.mark.parametrize(
    "wrong", [{"nonce": "cd" * 8}, {"time": 1}, {"signature": "AAAA"}, {"public_key": "x"}, {"body_sha256": ""}]
)
def test_a_signature_that_was_tampered_with_proves_nothing(wrong: dict[str, Any]) -> None:
    assert why_not_proven(signed("c" * 64, Ed25519PrivateKey.generate(), **wrong), "c" * 64)


def test_a_signature_for_another_file_proves_nothing() -> None:
    assert "another file" in why_not_proven(signed("c" * 64, Ed25519PrivateKey.generate()), "d" * 64)


def test_what_is_deleted_leaves_its_record_and_says_why(ada: User, rita: User) -> None:
    run, custody = package(ada, rita)
    forget_artefacts([RunArtefact.objects.get(run=run, name=custody.name).pk])
    custody.refresh_from_db()
    assert (custody.blob, custody.gone_why) == (None, "Its time was over.")
    assert lines_of(custody)[-1].word == "Deleted"


def test_a_file_whose_time_is_over_is_deleted_but_not_under_a_legal_hold(ada: User, rita: User) -> None:
    _, custody = package(ada, rita)
    case = incident_naming()
    Custody.objects.filter(pk=custody.pk).update(incident=case)
    Blob.objects.update(keep_until=clock.now() - timedelta(days=1))
    place_hold(case, reason="Proceedings", actor=ada.actor)
    blobs.forget_expired()
    assert Custody.objects.get(pk=custody.pk).blob is not None
    Incident.objects.update(on_hold=False)
    blobs.forget_expired()
    after = Custody.objects.get(pk=custody.pk)
    assert (after.blob, after.gone is not None) == (None, True)


def test_a_sealed_export_is_verified_with_openssl_alone(ada: User, rita: User, tmp_path: Path) -> None:
    _, custody = package(ada, rita)
    content = b"".join(export_evidence([custody], reason="For the court", actor=ada.actor, user=ada))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (piece,) = manifest["pieces"]
    assert (piece["sha256"], piece["custody"][-1]["why"]) == (custody.sha256, "For the court")
    assert manifest["key_fingerprint"] == fingerprints()[0]
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public-key.pem", "-rawin", "-in", "manifest.json",
               "-sigfile", "manifest.sig"]  # fmt: skip
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "manifest.json").write_text((tmp_path / "manifest.json").read_text().replace("court", "bin"))
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode != 0


def test_names_of_devices_do_not_lead_out_of_the_export(ada: User, rita: User) -> None:
    _, custody = package(ada, rita)
    Custody.objects.filter(pk=custody.pk).update(name="../../etc/passwd")
    content = b"".join(export_evidence([custody], reason="x", actor=ada.actor, user=ada))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert all(".." not in name.split("/") for name in archive.namelist())


def test_evidence_outside_the_scope_is_not_exported(ada: User, rita: User, eve: User) -> None:
    _, custody = package(ada, rita)
    with pytest.raises(ValidationError):
        export_evidence([custody], reason="x", actor=eve.actor, user=eve)
    assert not Custody.objects.visible_to(eve).exists()


def test_what_was_quarantined_is_listed_until_it_is_given_back(ada: User, rita: User) -> None:
    firm, file = company(), FileFactory.create()
    device = firm.device()
    world.put_file(firm.connection, device.key, file.key, name=file.display_name, path="C:/temp/dropper.exe")
    saw(file, device)
    run = done(ada, rita, "file.quarantine", file)
    for child in run.children.all():
        run_ended(child.pk, child.status)
    item = QuarantinedItem.objects.held().get()
    assert (item.device, item.file) == (device, file)
    assert Custody.objects.get(kind=CustodyKind.QUARANTINED).device == device
    assert drifts_of([item]) == {}
    ControlState.objects.filter(target_id=device.pk, facet="files").update(observed="present")
    assert list(drifts_of([item])) == [item.pk]
    back = done(ada, rita, "file.restore", file)
    for child in back.children.all():
        run_ended(child.pk, child.status)
    assert not QuarantinedItem.objects.held().exists()
    assert Custody.objects.get(kind=CustodyKind.QUARANTINED).gone_why == "Given back to its place."


def test_a_plain_download_is_on_record_too(ada: User, rita: User, client: Client) -> None:
    run = done(ada, rita, "device.antivirus_scan", company().device(), scan_type="quick")
    custody = Custody.objects.get(run=run)
    artefact = RunArtefact.objects.get(run=run, name=custody.name)
    assert sign_in(client, ada).get(f"/actions/{run.pk}/artefacts/{artefact.pk}/").status_code == 200
    assert [line.word for line in lines_of(custody)] == ["Taken", "Opened"]
