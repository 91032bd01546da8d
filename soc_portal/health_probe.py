"""`python -m soc_portal.health_probe PART`: exit code 0 when that part of a container answers.

Each container is asked about itself alone; `/healthz` tells about the whole portal.
"""

import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus

PORTS = {"web": 8000, "live": 8001, "agents": 8443}
_PATHS = {"web": "/accounts/login/", "live": "/live/"}


def answers_http(part: str) -> bool:
    """A refusal of a stranger is an answer too."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORTS[part]}{_PATHS[part]}", timeout=8):
            return True
    except urllib.error.HTTPError as error:
        with error:
            return error.code < 500
    except OSError:
        return False


def line_answers() -> bool:
    """Of endpoint agents; its certificate is checked by them, who pin it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = f"https://127.0.0.1:{PORTS['agents']}/agent/v1/authority"
    try:
        with urllib.request.urlopen(url, timeout=8, context=context) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def worker_answers() -> bool:
    from soc_portal.celery import app

    replies = app.control.inspect(destination=[f"celery@{os.uname().nodename}"], timeout=10).ping()
    return bool(replies)


def beat_ticks() -> bool:
    from core import heartbeat

    age = heartbeat.age_s("beat")
    return age is not None and age < heartbeat.MAX_AGE_S


PROBES: dict[str, Callable[[], bool]] = {
    "web": lambda: answers_http("web"),
    "live": lambda: answers_http("live"),
    "agents": line_answers,
    "worker": worker_answers,
    "beat": beat_ticks,
}

if __name__ == "__main__":
    sys.exit(0 if PROBES[sys.argv[1]]() else 1)
