"""Brings the tables up to date and makes the first users, before anything else touches the database.

Runs in a forked child of the supervisor: one set of imports, whose memory is given back afterwards.
"""

import os
import signal
import sys
import traceback
from collections.abc import Mapping

from soc_portal.up.agents import prepare_for_containers
from soc_portal.up.errors import UpError
from soc_portal.up.postgres import APP
from soc_portal.up.processes import die_with_parent


def main() -> None:
    """As a process of its own, in production: the environment names the database as its owner."""
    try:
        prepare_for_containers()
        prepare(os.environ, demo=False, runtime_role=os.environ["SOC_RUNTIME_ROLE"])
    except UpError as error:
        sys.exit(f"soc: {error}")


def prepare_database(env: Mapping[str, str], *, demo: bool, runtime_role: str | None = APP) -> None:
    """`env` names the database as the owner of its tables. Must be called before any thread exists."""
    sys.stdout.flush()
    supervisor, child = os.getpid(), os.fork()
    if child == 0:
        code = 1
        _forget_the_supervisors_signals(supervisor)
        try:
            prepare(env, demo=demo, runtime_role=runtime_role)
            code = 0
        except Exception as error:  # noqa: BLE001 - shown whole: a failed migration is for a developer to read
            _tell(error)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    try:
        _, status = os.waitpid(child, 0)
    except BaseException:  # asked to stop: an unfinished migration is rolled back by the database
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    if os.waitstatus_to_exitcode(status) != 0:
        raise UpError("the database could not be brought up to date; the reason stands above")


def _forget_the_supervisors_signals(supervisor: int) -> None:
    os.setsid()  # the terminal's Ctrl-C is the supervisor's
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(signal.SIGKILL, supervisor)


def _tell(error: Exception) -> None:
    """A server that is away or refuses is for the operator; anything else is for a developer, whole."""
    import redis
    from django.db import OperationalError

    if isinstance(error, UpError):
        print(f"soc: {error}", file=sys.stderr)
        return
    servers = {OperationalError: "the database", redis.RedisError: "the broker"}
    name = next((name for kind, name in servers.items() if isinstance(error, kind)), "")
    if name:
        print(f"soc: {name} cannot be reached or refuses: {error}", file=sys.stderr)
    else:
        traceback.print_exception(error)


def prepare(env: Mapping[str, str], *, demo: bool, runtime_role: str | None) -> None:
    os.environ.update(env)
    import django
    from django.core.management import call_command

    django.setup()
    from core import heartbeat
    from core.after_restore import forget_broker_of_before
    from soc_portal.up import migrating

    migrating.refuse_foreign_database()
    heartbeat.forget()
    migrating.migrate()
    forget_broker_of_before()
    if runtime_role:
        call_command("grant_runtime_role", role=runtime_role)
    call_command("create_first_users", demo=demo)
    call_command("agent_keys", verbosity=0)


if __name__ == "__main__":
    main()
