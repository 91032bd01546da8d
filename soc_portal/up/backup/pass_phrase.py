"""Where the pass phrase of a backup comes from: the environment, a file that it names, or the terminal. Never from
the command line, which every user of the machine can read."""

import getpass
import os
import sys
from pathlib import Path

from soc_portal.up.errors import UpError

NAME = "SOC_BACKUP_PASSPHRASE"
SHORTEST = 12


def read_pass_phrase(*, new: bool) -> str:
    """`new`: it will protect something, so it has a least length and is asked for twice."""
    given = _from_environment()
    if given is None:
        if not sys.stdin.isatty():
            raise UpError(f"a pass phrase is needed: name a file that holds it in {NAME}_FILE")
        given = getpass.getpass("Pass phrase of the backup: ")
        if new and given != getpass.getpass("Once more: "):
            raise UpError("the two pass phrases differ")
    if not given:
        raise UpError("the pass phrase is empty")
    if new and len(given) < SHORTEST:
        raise UpError(f"the pass phrase is too short: {SHORTEST} characters at least, or five random words")
    return given


def _from_environment() -> str | None:
    """Taken out of the environment, so that no child inherits it."""
    given, file = os.environ.pop(NAME, None), os.environ.pop(f"{NAME}_FILE", None)
    if given is not None or not file:
        return given
    try:
        return Path(file).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UpError(f"the file of the pass phrase, {file}, cannot be read: {reason}") from error
