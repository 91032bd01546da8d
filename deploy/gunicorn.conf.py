"""Pages and API in production: threads, because a request waits for the database most of its time."""

import itertools
import os
from pathlib import Path
from typing import Any

bind = "0.0.0.0:8000"
worker_class = "gthread"
workers = 2
threads = 8
timeout = 60
graceful_timeout = 20
keepalive = 30
max_requests = 20_000
max_requests_jitter = 2_000
# Its sign of life is a file; a disk could make a healthy worker look stuck.
worker_tmp_dir = "/dev/shm"
# Who calls, and by which scheme, is understood in one place: core/proxies.py, by the list in SOC_TRUSTED_PROXIES.
forwarded_allow_ips = "127.0.0.1"
secure_scheme_headers: dict[str, str] = {}
# The longest line and the most headers that a browser or a source of alerts sends.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16_380
accesslog = None

# The workers count requests in files that they share; `/metrics` adds them up. Set before the portal is imported.
_figures = Path(os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", "/tmp/portal-metrics"))
_figures.mkdir(mode=0o700, parents=True, exist_ok=True)


def on_starting(_server: Any) -> None:
    """Figures of a former start are not ours."""
    for file in _figures.glob("*.db"):
        file.unlink()


def pre_fork(server: Any, worker: Any) -> None:
    """A worker goes on in the file of the one it replaces, or the files would grow in number for ever."""
    taken = {getattr(other, "place", 0) for other in server.WORKERS.values()}
    worker.place = next(number for number in itertools.count(1) if number not in taken)


def post_fork(_server: Any, worker: Any) -> None:
    os.environ["SOC_FIGURES_OF"] = str(worker.place)
