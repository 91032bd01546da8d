"""A lab that comes and goes with the portal, for a first run: what is isolated then is a real network."""

import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from soc_portal.lab import able, conductor
from soc_portal.lab.conductor import Lab
from soc_portal.lab.enrolling import tokens_of
from soc_portal.up.data_folder import ROOT, DataFolder
from soc_portal.up.errors import UpError
from soc_portal.up.processes import Child

HOSTS = 3


def start_beside(folder: DataFolder, env: Mapping[str, str], *, hosts: int = HOSTS) -> tuple[Child, str]:
    """The process that holds the lab, and why there is none: then it was not started, and the text is for people.
    Call it when the portal is ready, in the main thread; end it with SIGTERM."""
    words = [sys.executable, "-P", "-m", "soc_portal.lab.beside", str(folder.path), str(hosts)]
    child = Child("lab", words, env={**env, "PYTHONPATH": str(ROOT)}, log=folder.logs / "lab.log",
                  death_signal=signal.SIGTERM)  # fmt: skip
    reason = able.missing(root=able.is_root())
    if not reason and Lab(folder.path).state() is not None:
        reason = "a lab runs beside it already"
    if not reason:
        child.start()
    return child, reason


def hold(data: Path, hosts: int) -> int:
    """Until SIGTERM: the hosts, joined to the portal of that folder."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: stop.set())
    lab = Lab(data)
    try:
        conductor.start(lab, hosts, root=able.is_root(), stays=False)
        joined = conductor.join(lab, tokens_of(data))
        print(f"{hosts} hosts run, {len(joined)} of them joined now", flush=True)
        stop.wait()
    except UpError as error:
        print(f"the lab ends: {error}", flush=True)
        return 1
    finally:
        conductor.end(lab)
    return 0


if __name__ == "__main__":
    sys.exit(hold(Path(sys.argv[1]), int(sys.argv[2])))
