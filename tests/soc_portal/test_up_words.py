"""The words of `./soc` and their messages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from soc_portal.up.data_folder import ROOT, DataFolder
from soc_portal.up.environment import placeholders, prepare_for_command
from soc_portal.up.errors import UpError
from soc_portal.up.words import parse_up, run_word, take_data_option


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("DATABASE_URL", "REDIS_URL", "SOC_SECRET_KEY", "SOC_ENCRYPTION_KEYS"):
        monkeypatch.setenv(name, "")  # so that what a test sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setenv("SOC_DATA_DIR", str(tmp_path))
    return tmp_path


def test_without_a_word_it_lists_its_words() -> None:
    answer = subprocess.run(["./soc"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"up", "test", "check", "token", "ingest", "bench"} <= set(answer.stdout.split())


def test_an_unknown_word_is_refused_by_name() -> None:
    answer = subprocess.run(["./soc", "upp"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "no word 'upp'" in answer.stderr


def test_a_command_says_how_to_start_the_portal_that_it_needs(nothing_set: Path) -> None:
    with pytest.raises(UpError, match=f"no portal runs on {nothing_set}: start it with ./soc up --data"):
        prepare_for_command(["create_token", "scanner"])


def test_a_command_that_only_reads_code_needs_no_portal(nothing_set: Path) -> None:
    prepare_for_command(["makemigrations", "--check"])
    assert not placeholders()


def test_the_data_folder_may_stand_anywhere_among_the_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOC_DATA_DIR", "elsewhere")
    assert take_data_option(["audit", f"--data={tmp_path}", "verify"]) == ["audit", "verify"]
    assert os.environ["SOC_DATA_DIR"] == str(tmp_path)
    assert take_data_option(["--data", "/var/soc", "audit"]) == ["audit"]
    with pytest.raises(UpError, match="--data needs a folder"):
        take_data_option(["audit", "--data"])


@pytest.mark.parametrize("word", ["token", "ingest", "demo"])
@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_the_help_of_a_word_speaks_of_the_word(word: str, asked: str) -> None:
    answer = subprocess.run(["./soc", word, asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.startswith(f"usage: soc {word} ")
    assert "--data DIR" in answer.stdout
    assert "--settings" not in answer.stdout


def test_up_takes_port_folder_and_demo(tmp_path: Path) -> None:
    options = parse_up(["--port", "8123", "--data", str(tmp_path), "--no-demo"])
    assert (options.port, options.data, options.demo) == (8123, tmp_path, False)


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999999", "²", "http"])
def test_a_port_that_is_none_is_refused_in_a_line(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_up([f"--port={port}"])
    assert "a number from 1 to 65535 is needed" in capsys.readouterr().err


def test_only_one_portal_holds_a_data_folder(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "data")
    assert not second.is_locked()
    with first.lock():
        assert second.is_locked()
        with pytest.raises(UpError, match="a portal already runs on"), second.lock():
            pass
    with second.lock():
        assert first.is_locked()


def test_a_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(UpError, match="anybody may write to"):
        DataFolder(folder).make()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_secrets_and_addresses_that_a_stranger_laid_are_not_believed(nothing_set: Path) -> None:
    instance = '{"pid": 1, "url": "", "database_url": "", "owner_database_url": "", "redis_url": "", "sockets": ""}'
    (nothing_set / "instance.json").write_text(instance)
    os.chown(nothing_set, 12345, 12345)
    with pytest.raises(UpError, match="belongs to another user"):
        DataFolder(nothing_set).make()
    with pytest.raises(UpError, match="belongs to another user"):
        prepare_for_command(["create_token", "scanner"])


def test_logs_are_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    DataFolder(tmp_path).make()
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0


def test_a_folder_of_another_major_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres-15").mkdir()
    with pytest.raises(UpError, match="was made by PostgreSQL 15"):
        DataFolder(tmp_path).make()


def test_secrets_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    folder.make_secrets()
    before = folder.passwords(), folder.secret_key.read_text()
    folder.make_secrets()
    assert (folder.passwords(), folder.secret_key.read_text()) == before
    files = list((folder.path / "secrets").iterdir())
    assert len(files) == 5
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_an_unknown_check_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UpError, match="there is no check speling; there are ruff"):
        run_word("check", ["speling"])


def test_the_package_can_be_called_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "soc_portal.up", "manage", "audit", "verify", f"--data={tmp_path}"]
    env = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "soc_portal.settings"}
    answer = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr == f"soc: no portal runs on {tmp_path}: start it with ./soc up --data {tmp_path}\n"
