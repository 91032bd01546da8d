"""Steps of a restore that need the portal's own code. Run as a process of its own, with the environment of the portal
that was restored; takes and answers one line of JSON."""

import json
import sys
import traceback
from datetime import datetime
from typing import Any

import django


def known(_told: dict[str, Any]) -> dict[str, Any]:
    """The migrations of this program."""
    from soc_portal.up.migrating import known_migrations

    return {"migrations": known_migrations()}


def finish(told: dict[str, Any]) -> dict[str, Any]:
    """Bring the restored database up to date, hold what was under way, tell of the restore, check the chain."""
    from django.core.management import call_command

    from core import audit
    from soc_portal.up.backup.held import hold
    from soc_portal.up.migrating import migrate

    migrate()
    if told["role"]:
        call_command("grant_runtime_role", role=told["role"])
    lines = hold(
        taken_at=datetime.fromisoformat(told["taken_at"]), began=datetime.fromisoformat(told["began"]),
        file=told["file"], size=told["size"], end_tokens=told["end_tokens"],
    )  # fmt: skip
    while audit.seal():
        pass
    verdict = audit.verify()
    if verdict.broken_at is not None or (told["head"] and not audit.holds(told["head"])):
        return {"error": f"the audit chain of the backup is broken at seal {verdict.broken_at}"}
    return {"held": lines, "head": verdict.head}


def verify(told: dict[str, Any]) -> dict[str, Any]:
    """Of a rehearsal: everything that a restore does, then every check."""
    from soc_portal.up.backup.findings import all_findings

    answer = finish(told)
    if "error" in answer:
        return answer
    return answer | {"findings": [finding.as_json() for finding in all_findings()]}


_STEPS = {"known": known, "finish": finish, "verify": verify}


def main() -> None:
    told = json.loads(sys.stdin.read() or "{}")
    try:
        django.setup()
        answer = _STEPS[sys.argv[1]](told)
    except Exception as error:  # noqa: BLE001 - shown whole: it is for a developer to read
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
