"""`./soc doctor`: everything a person would ask in trouble, with what it means and the command that mends it."""

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from soc_portal.up import environment
from soc_portal.up.data_folder import DataFolder, default_data_folder
from soc_portal.up.doctor import database, machine, work
from soc_portal.up.doctor import folder as data
from soc_portal.up.doctor.findings import Check, Finding, Level, fine, kept_going, warning

_MARKS = {Level.FINE: "ok     ", Level.WARNING: "warning", Level.ERROR: "ERROR  "}


@dataclass(frozen=True)
class DoctorOptions:
    data: Path
    port: int = 8000
    as_json: bool = False


def parse(arguments: Sequence[str]) -> DoctorOptions:
    parser = argparse.ArgumentParser(
        prog="./soc doctor",
        description="Look for what is wrong and say what mends it; changes nothing. Exit codes: 0 all is well, "
        "1 there are warnings, 2 there are errors.",
    )
    parser.add_argument("--data", type=Path, default=default_data_folder(), help="data folder (default ./data)")
    parser.add_argument("--port", type=int, default=8000, help="that a start would use (default 8000)")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    return DoctorOptions(options.data, options.port, options.json)


def doctor(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    findings = []
    for finding in diagnose(options):
        findings.append(finding)
        if not options.as_json:
            _print(finding)
    worst = max((finding.level for finding in findings), default=Level.FINE)
    if options.as_json:
        print(json.dumps({"worst": worst.name.lower(), "findings": [found.as_json() for found in findings]}, indent=2))
    else:
        counts = {level: sum(found.level == level for found in findings) for level in Level}
        print(f"\n{counts[Level.ERROR]} errors, {counts[Level.WARNING]} warnings, {counts[Level.FINE]} fine")
    return int(worst)


def _print(finding: Finding) -> None:
    print(f"{_MARKS[finding.level]}  {finding.about}: {finding.found}", flush=True)
    if finding.means:
        print(f"         {finding.means}\n         -> {finding.mend}", flush=True)


def diagnose(options: DoctorOptions) -> Iterator[Finding]:
    folder = DataFolder(options.data)
    named = _given_certificate(folder)
    first: list[tuple[str, Check]] = [
        ("python", machine.python),
        ("disk", partial(machine.disk, folder.path)),
        ("memory", machine.memory),
        ("libraries", machine.libraries),
        ("data folder", partial(data.permissions, folder, is_needed=bool(environment.placeholders()))),
        ("leftovers", partial(data.leftovers, folder)),
        ("certificate", partial(data.certificate, folder, named)),
    ]
    yield from _all(first)
    url, env, whether = _how_to_reach(folder, options.port)
    yield from whether
    if env is None:
        return
    yield from _all([("portal", partial(work.portal, folder, url, named))] if url else [])
    yield from _of_running(folder, env)


def _given_certificate(folder: DataFolder) -> str:
    """The file that is presented, unless our own authority made it."""
    instance = folder.read_instance()
    named = os.environ.get("SOC_TLS_CERTIFICATE", "") or (instance.certificate if instance else "")
    return "" if named == str(folder.path / "tls" / "portal.pem") else named


def _how_to_reach(folder: DataFolder, port: int) -> tuple[str, dict[str, str] | None, list[Finding]]:
    """The portal's address on this machine, the environment of its servers, and what there is to say of both."""
    instance = folder.read_instance()
    try:
        folder.refuse_strangers()
    except Exception:  # noqa: BLE001 - told with the folder's permissions
        return "", None, []
    if instance is not None and folder.is_locked():
        env = environment.of_instance(folder, instance, as_owner=True)
        return instance.url, env, [fine("portal", f"process {instance.pid} runs it")]
    if not environment.placeholders():
        return "", dict(os.environ), [fine("portal", "asked over DATABASE_URL and REDIS_URL")]
    found = "is starting" if folder.is_locked() else "does not run"
    down = warning(
        "portal",
        f"no portal answers for {folder.path}: it {found}",
        "Its database and broker are down with it, so what follows from them is not looked at.",
        f"./soc up --data {folder.path}",
    )
    return "", None, [down, *_port(port)]


def _port(port: int) -> list[Finding]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            found = f"port {port} cannot be used: {problem.strerror}"
            means = "Another program listens there, and the portal would not start."
            return [warning("port", found, means, f"ss -ltnp 'sport = :{port}' shows who; or ./soc up --port OTHER")]
    return [fine("port", f"{port} is free")]


def _of_running(folder: DataFolder, env: dict[str, str]) -> Iterator[Finding]:
    # A server that does not answer is a finding, not a reason to wait.
    os.environ.update(
        env,
        PGCONNECT_TIMEOUT="5",
        PGOPTIONS="-c statement_timeout=10000 -c default_transaction_read_only=on",
        SOC_LOG_LEVEL="CRITICAL",
    )
    import django

    django.setup()
    from django.conf import settings

    there = list(kept_going("database", database.is_there))
    yield from there
    of_database: list[tuple[str, Check]] = [
        ("clock", database.clock),
        ("locks", database.locks),
        ("tables", database.tables),
        ("connections", database.connections),
        ("tables", database.migrations),
        ("stages", work.stages),
        ("audit", work.audit),
        ("connections", work.connectors),
        ("agents", work.agents),
        ("backup", work.backups),
    ]
    if all(finding.level == Level.FINE for finding in there):
        yield from _all(of_database)
    answers = list(kept_going("broker", work.broker))
    yield from answers
    if not any(finding.level == Level.ERROR and "does not answer" in finding.found for finding in answers):
        yield from _all([("heartbeats", work.heartbeats), ("queues", work.queues)])
    yield from _all([("address", partial(work.public_address, folder, settings.PUBLIC_URL))])


def _all(checks: Sequence[tuple[str, Check]]) -> Iterator[Finding]:
    for about, check in checks:
        yield from kept_going(about, check)


if __name__ == "__main__":
    sys.exit(doctor(sys.argv[1:]))
