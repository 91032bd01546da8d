"""A harmless stand-in: it rewrites scratch files that it made itself, as ransomware would, and talks to the lab's sink.

It runs on a host of the lab only, touches no file that it did not make, and starts nothing elsewhere.
"""

import os
import socket
import sys
import time
from pathlib import Path

FOLDER, FILES, ENDING = Path("/home/lab", "documents"), 60, ".locked"
SINK = ("192.0.2.2", 9099)
PER_SECOND = 12


def main() -> None:
    if not os.environ.get("SOC_LAB_HOST") or os.environ["SOC_LAB_HOST"] != socket.gethostname():
        sys.exit("This runs on a host of the lab only.")
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    until = time.monotonic() + seconds
    own = make_documents()
    with socket.socket() as line:
        line.settimeout(2)
        spoken = line.connect_ex(SINK) == 0
        for number, path in enumerate(own):
            path.write_bytes(os.urandom(path.stat().st_size))
            path.rename(f"{path}{ENDING}")
            spoken = spoken and tell(line, f"{number} of {len(own)}\n")
            time.sleep(1 / PER_SECOND)
        (FOLDER / "READ ME.txt").write_text("These were scratch files of a lab. Nothing was lost.\n")
        while time.monotonic() < until:
            spoken = spoken and tell(line, "waiting\n")
            time.sleep(0.5)


def make_documents() -> list[Path]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob(f"*{ENDING}"):
        old.unlink()
    found = []
    for number in range(FILES):
        path = FOLDER / f"report-{number:02}.txt"
        path.write_text(f"Scratch document {number} of the lab.\n" * 200)
        found.append(path)
    time.sleep(1)
    return found


def tell(line: socket.socket, text: str) -> bool:
    try:
        line.sendall(text.encode())
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
