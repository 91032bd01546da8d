"""A harmless stand-in: a program in a folder for scratch files that sends bytes of chance to the lab's sink."""

import os
import socket
import sys
import time

SINK = ("192.0.2.2", 9099)
PART, PER_SECOND = 64 * 1024, 4


def main() -> None:
    if not os.environ.get("SOC_LAB_HOST") or os.environ["SOC_LAB_HOST"] != socket.gethostname():
        sys.exit("This runs on a host of the lab only.")
    until = time.monotonic() + (float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
    with socket.create_connection(SINK, timeout=5) as line:
        while time.monotonic() < until:
            line.sendall(os.urandom(PART))
            time.sleep(1 / PER_SECOND)


if __name__ == "__main__":
    main()
