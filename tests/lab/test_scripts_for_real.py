"""A session that runs scripts of the library on a host, and ends them there."""

import base64
import json
import os
from collections.abc import Iterator

import pytest

from soc_portal.up.processes import wait_until
from tests.lab.estate import Estate
from tests.lab.on_a_host import comes_to

pytestmark = pytest.mark.slow
HOST, OPEN = "lab-1", {"waiting", "queued", "started"}
SCRIPT = '#!/bin/sh\necho "for $1 on $(hostname)"\necho done > "$2"\n'
ENDLESS = "#!/bin/sh\necho begun\nwhile :; do sleep 1; done\n"


@pytest.fixture
def session(lab: Estate) -> Iterator[str]:
    body = {"device_id": lab.devices[HOST], "reason": "For real"}
    number = str(lab.done_by("decider", "/live-sessions", body, 201)["id"])
    comes_to(lambda: lab.read(f"/live-sessions/{number}")["state"], "active")
    yield number
    lab.done_by("decider", f"/live-sessions/{number}/end", {})


def in_library(lab: Estate, text: str) -> str:
    name = f"script-{os.urandom(4).hex()}.sh"
    content = base64.b64encode(text.encode()).decode()
    lab.done_by("chief", "/live-library", {"name": name, "content": content, "has_parameters": True}, 201)
    return name


def typed(lab: Estate, session: str, line: str) -> int:
    return int(lab.done_by("decider", f"/live-sessions/{session}/type", {"line": line}, 201)["number"])


def row(lab: Estate, session: str, number: int) -> dict[str, object]:
    listed = lab.read(f"/live-sessions/{session}/commands")["results"]
    return next(dict(one) for one in listed if one["number"] == number)


def over(lab: Estate, session: str, number: int) -> dict[str, object]:
    assert wait_until(lambda: row(lab, session, number)["state"] not in OPEN, seconds=180), lab.portal.last_lines()
    return row(lab, session, number)


def test_a_script_runs_with_its_parameters_and_what_it_says_is_shown(lab: Estate, session: str) -> None:
    name, place = in_library(lab, SCRIPT), f"/home/lab/said-{os.urandom(4).hex()}"
    told = over(lab, session, typed(lab, session, f'run {name} -parameters "proof {place}"'))
    assert (told["state"], told["exit_code"]) == ("succeeded", 0), json.dumps(told)
    assert f"for proof on {HOST}" in json.dumps(told)
    assert lab.on(HOST, "cat", place).stdout == "done\n"
    listed = over(lab, session, typed(lab, session, "processes"))
    assert listed["table"], listed
    lab.on(HOST, "rm", place)


def test_a_script_that_is_cancelled_ends_on_the_host_with_what_it_started(lab: Estate, session: str) -> None:
    number = typed(lab, session, f"run {in_library(lab, ENDLESS)}")
    comes_to(lambda: "begun" in json.dumps(row(lab, session, number)), True)
    assert sleeping(lab)
    lab.done_by("decider", f"/live-sessions/{session}/cancel", {"number": number})
    assert over(lab, session, number)["state"] == "cancelled"
    comes_to(lambda: sleeping(lab), False)


def sleeping(lab: Estate) -> bool:
    """The pause of the endless script; in between there is none, so it is looked at for a while."""
    return wait_until(lambda: lab.on(HOST, "pgrep", "-f", "^sleep 1$").returncode == 0, seconds=3, pause=0.2)
