"""`./soc restore`: a backup into an empty folder or an empty database, without carrying anything out again."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soc_portal.up import environment
from soc_portal.up.backup import agent_keys, archive, emptiness, files
from soc_portal.up.backup.database import Address, client_program, count_rows, server_version
from soc_portal.up.backup.make import Progress
from soc_portal.up.backup.manifest import Manifest, version
from soc_portal.up.backup.pass_phrase import read_pass_phrase
from soc_portal.up.backup.source import NO_BROKER, database_alone, variable
from soc_portal.up.data_folder import DataFolder, Instance, write_private
from soc_portal.up.errors import UpError
from soc_portal.up.postgres import APP
from soc_portal.up.processes import die_with_parent
from soc_portal.up.supervisor import say

# A variable that holds the address of the new database is better than an argument, which every user can read.
_FROM_VARIABLES = "variables"


@dataclass(frozen=True)
class RestoreOptions:
    file: Path
    data: Path
    database_url: str = ""
    end_tokens: bool = False


def parse(arguments: Sequence[str]) -> RestoreOptions:
    parser = argparse.ArgumentParser(
        prog="./soc restore",
        description="Restore a backup into an empty data folder. Whatever was under way then is not carried out "
        "again, and everybody signs in anew.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--data", type=Path, required=True, metavar="NEWDIR", help="a folder that is empty or missing")
    parser.add_argument(
        "--database-url", nargs="?", const=_FROM_VARIABLES, default="", metavar="URL",
        help="an empty database of a server of yours, as the owner of its tables; without URL the one in "
        "SOC_OWNER_DATABASE_URL or DATABASE_URL",
    )  # fmt: skip
    parser.add_argument("--end-tokens", action="store_true", help="revoke all API tokens")
    options = parser.parse_args(arguments)
    url = options.database_url
    if url == _FROM_VARIABLES:
        url = variable("SOC_OWNER_DATABASE_URL") or variable("DATABASE_URL")
        if not url:
            parser.error("--database-url without an address needs SOC_OWNER_DATABASE_URL or DATABASE_URL")
    return RestoreOptions(options.file, options.data, url, options.end_tokens)


def restore(options: RestoreOptions) -> int:
    with archive.Opened(options.file, read_pass_phrase(new=False)) as opened:
        manifest = checked(opened)
        emptiness.check_folder(options.data, manifest, holds_database=not options.database_url)
        files.check_folder(_files_folder(options))
        if options.database_url:
            emptiness.check_database(Address.of(options.database_url), manifest)
        told = restore_into(opened, manifest, options)
    _tell(told, manifest, options)
    return 0


def checked(opened: archive.Opened) -> Manifest:
    """Every hash, and that this program is not older than the backup, before anything is written."""
    manifest = Manifest.read(opened)
    refuse_newer(manifest, opened.path)
    progress = Progress("checked", manifest.database_bytes)
    manifest.check(opened, progress)
    progress.end()
    return manifest


def refuse_newer(manifest: Manifest, path: Path) -> None:
    known = inside("known", {**os.environ, **environment.placeholders()})["migrations"]
    unknown = manifest.unknown(known)
    if unknown:
        raise UpError(
            f"{path} was made by a newer version ({manifest.version}) than this one ({version()}), which does not "
            f"know {', '.join(unknown[:3])}{' ...' if len(unknown) > 3 else ''}: restore it with that version"
        )


def restore_into(
    opened: archive.Opened, manifest: Manifest, options: RestoreOptions, *, rehearsal: bool = False
) -> dict[str, Any]:
    """Fill the empty folder (and database); what was made is taken away again when it fails."""
    folder = DataFolder(options.data)
    existed = folder.path.exists()
    with folder.lock():
        emptiness.check_still_empty(folder)
        try:
            return _fill_and_finish(opened, manifest, options, folder, rehearsal=rehearsal)
        except BaseException:
            _take_away(folder.path, existed=existed)
            if options.database_url:
                emptiness.unmark(Address.of(options.database_url))
            raise


def _fill_and_finish(
    opened: archive.Opened, manifest: Manifest, options: RestoreOptions, folder: DataFolder, *, rehearsal: bool
) -> dict[str, Any]:
    told = {
        "file": opened.path.name, "size": opened.path.stat().st_size, "taken_at": manifest.taken_at,
        "head": manifest.head, "end_tokens": options.end_tokens,
        "began": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    lay_secrets(folder, opened)
    with _target(folder, options) as (instance, role):
        fill(opened, manifest, Address.of(instance.owner_database_url))
        place = folder.path / "files" if rehearsal else _files_folder(options)
        files.lay(opened, manifest, place)
        step = "verify" if rehearsal else "finish"
        env = {**of_restored(folder, instance), "SOC_BLOBS_DIR": str(place)}
        return inside(step, env, {**told, "role": role})


def _files_folder(options: RestoreOptions) -> Path:
    return Path(variable("SOC_BLOBS_DIR") or options.data / "files")


@contextlib.contextmanager
def _target(folder: DataFolder, options: RestoreOptions) -> Iterator[tuple[Instance, str]]:
    """The database to fill, and the role that the portal will run as."""
    if options.database_url:
        url = options.database_url
        yield Instance(os.getpid(), "", url, url, NO_BROKER, ""), variable("SOC_RUNTIME_ROLE")
        return
    with database_alone(folder, embedded=True) as instance:
        yield instance, APP


def of_restored(folder: DataFolder, instance: Instance) -> dict[str, str]:
    """The environment of a command on what was restored: its own secrets, whatever this shell has."""
    env = environment.of_instance(folder, instance, as_owner=True)
    for name, file in (("SOC_SECRET_KEY", folder.secret_key), ("SOC_ENCRYPTION_KEYS", folder.encryption_keys)):
        env.pop(name, None)
        env[f"{name}_FILE"] = str(file)
    env.pop("DATABASE_URL_FILE", None)
    env.pop("REDIS_URL_FILE", None)
    return {**env, "REDIS_URL": NO_BROKER, "SOC_LOG_LEVEL": "ERROR"}  # that no broker is there is no news


def lay_secrets(folder: DataFolder, opened: archive.Opened) -> None:
    secrets: dict[str, Any] = json.loads(opened.small(archive.SECRETS))
    folder.secret_key.parent.mkdir(mode=0o700, exist_ok=True)
    write_private(folder.secret_key, secrets["SOC_SECRET_KEY"])
    write_private(folder.encryption_keys, secrets["SOC_ENCRYPTION_KEYS"])
    agent_keys.lay(folder, secrets.get(agent_keys.PART, {}))


def fill(opened: archive.Opened, manifest: Manifest, address: Address) -> None:
    """Tables and rows in one transaction, then the counts are compared."""
    emptiness.mark(address)
    with address.connect() as connection:
        program = client_program("pg_restore", max(server_version(connection), manifest.server))
    words = [program, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"]
    words += [address.argument]
    progress = Progress("restored", manifest.database_bytes)
    with tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(
            list(map(str, words)), env=address.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints
        ) as child:
            try:
                manifest.compare(archive.DATABASE, opened.copy(archive.DATABASE, child.stdin, progress), opened)
            except BrokenPipeError:
                pass  # it ended early and says why
            except BaseException:
                child.kill()
                raise
        progress.end()
        if child.returncode:
            complaints.seek(0)
            raise UpError(f"pg_restore failed: {complaints.read(4_000).decode(errors='replace').strip()}")
    _compare_counts(manifest, address)


def _compare_counts(manifest: Manifest, address: Address) -> None:
    with address.connect() as connection:
        found = count_rows(connection)
    found.pop(emptiness.MARK, None)
    wrong = sorted(name for name in found.keys() | manifest.counts if found.get(name) != manifest.counts.get(name))
    if wrong:
        told = ", ".join(f"{name} {found.get(name)} instead of {manifest.counts.get(name)}" for name in wrong[:5])
        raise UpError(f"the restored rows are not those of the backup: {told}")


def inside(step: str, env: Mapping[str, str], told: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What needs the portal's own code, in a process of its own with the environment of that portal."""
    words = [sys.executable, "-P", "-m", "soc_portal.up.backup.inside", step]
    parent = os.getpid()
    done = subprocess.run(
        words, env=dict(env), input=json.dumps(told or {}), stdout=subprocess.PIPE, text=True, check=False,
        preexec_fn=lambda: die_with_parent(signal.SIGKILL, parent),
    )  # fmt: skip
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise UpError(f"the step {step!r} failed; the reason stands above") from error
    if "error" in answer:
        raise UpError(answer["error"])
    return answer


def _take_away(folder: Path, *, existed: bool) -> None:
    """The folder was empty or missing, so all of it is ours."""
    for entry in folder.iterdir() if folder.exists() else ():
        shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
    if not existed:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _tell(told: Mapping[str, Any], manifest: Manifest, options: RestoreOptions) -> None:
    age = time.strftime("%Y-%m-%d %H:%M UTC", manifest.taken.utctimetuple())
    say(f"restored the state of {age}, {sum(manifest.counts.values()):,} rows; the audit chain is whole")
    for line in told["held"]:
        say(line)
    if options.database_url:
        say(f"the keys are in {options.data / 'secrets'}: the portal needs them beside this database")
    else:
        say(f"start it with ./soc up --data {options.data}")
