"""A harmless stand-in: it leaves a line of cron and a unit of systemd, as an intruder who wants to come back.

Both name a program that does nothing, and lie in the private /etc of a host of the lab.
"""

import os
import socket
import sys
import time
from pathlib import Path

PROGRAM = Path("/var/tmp", ".cache-update")  # noqa: S108 - of the host, which is its own
CRON, UNIT = Path("/etc/cron.d/cache-update"), Path("/etc/systemd/system/cache-update.service")


def main() -> None:
    if not os.environ.get("SOC_LAB_HOST") or os.environ["SOC_LAB_HOST"] != socket.gethostname():
        sys.exit("This runs on a host of the lab only.")
    PROGRAM.write_text(f"#!/bin/sh\n# a scratch program of the lab, {time.time()}\nexit 0\n")
    PROGRAM.chmod(0o755)
    CRON.write_text(f"*/5 * * * * root {PROGRAM}\n")
    UNIT.write_text(f"[Unit]\nDescription=Cache update\n[Service]\nExecStart={PROGRAM}\n"
                    "[Install]\nWantedBy=multi-user.target\n")  # fmt: skip
    time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)


if __name__ == "__main__":
    main()
