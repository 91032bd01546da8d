"""`./soc lab WORD`: what a person types, and what is printed."""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from remediation.catalog import get, is_known
from soc_portal.lab import able, attacks, conductor
from soc_portal.lab.conductor import Lab
from soc_portal.lab.enrolling import tokens_of
from soc_portal.lab.plan import MOST_HOSTS, environment
from soc_portal.up.data_folder import default_data_folder
from soc_portal.up.errors import UpError

# Abilities that are no action of the catalogue.
_ABILITIES = {"indicators.file": "Enforce indicators on files", "indicators.address": "Enforce indicators on addresses",
              "live.shell": "Raw shell"}  # fmt: skip


def lab(arguments: Sequence[str]) -> int:
    words, command = _before_the_command(list(arguments))
    options = _parser().parse_args(words)
    found = Lab(options.data)
    match options.word:
        case "up":
            return _up(found, options)
        case "down":
            return _down(found, options)
        case "status":
            return _status(found, options)
        case "exec":
            return _exec(found, options.host, command)
    return _attack(found, options)


def _before_the_command(words: list[str]) -> tuple[list[str], list[str]]:
    """What stands after `--` is a command of the host, whatever it looks like."""
    if "--" not in words:
        return words, []
    place = words.index("--")
    return words[:place], words[place + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./soc lab", description="Linux hosts on this machine, with the real agent.")
    words = parser.add_subparsers(dest="word", required=True, metavar="up|down|status|exec|attack")
    own: dict[str, argparse.ArgumentParser] = {}
    for name, told in (
        ("up", "start the hosts, or more of them, and let them join the running portal"),
        ("down", "end everything of the lab"),
        ("status", "each host's device id, address, namespaces, agent"),
        ("exec", "run a command on a host: exec HOST -- COMMAND"),
        ("attack", "start a harmless stand-in for what attackers do"),
    ):
        own[name] = words.add_parser(name, help=told, description=told)
        own[name].add_argument("--data", type=Path, default=default_data_folder(), help="data folder of the portal")
    own["up"].add_argument("--hosts", type=int, choices=range(1, MOST_HOSTS + 1), default=MOST_HOSTS, help="how many")
    own["up"].add_argument("--group", default="", help="the device group that they join")
    own["up"].add_argument("--rootless", action="store_true", help="as root too: in a user namespace")
    own["up"].add_argument("--no-agent", action="store_true", help="hosts without an agent, no portal needed")
    own["down"].add_argument("--forget", action="store_true", help="and who the hosts were to the portal")
    own["exec"].add_argument("host")
    own["attack"].add_argument("name", choices=sorted(attacks.ATTACKS))
    own["attack"].add_argument("--host", default="lab-1", help="where it begins")
    own["attack"].add_argument("--pause", type=float, default=5.0, help="seconds until the next host")
    for name in ("status", "attack"):
        own[name].add_argument("--json", action="store_true", help="for programs")
    return parser


def _up(found: Lab, options: argparse.Namespace) -> int:
    root = able.is_root() and not options.rootless
    enrol = None if options.no_agent else tokens_of(found.data, options.group)
    if found.state() is None:
        conductor.start(found, options.hosts, root=root)
    else:
        conductor.grow(found, options.hosts)
    if enrol is not None:
        conductor.join(found, enrol)
        if not conductor.wait_for_agents(found):
            _say("not every agent answers yet: ./soc lab status tells which")
    print(_table(conductor.status(found)))
    return 0


def _down(found: Lab, options: argparse.Namespace) -> int:
    left = conductor.end(found)
    if options.forget:
        conductor.forget(found)
    _say(f"the lab is down{f'; {left} processes were ended by hand' if left else ''}")
    return 0


def _status(found: Lab, options: argparse.Namespace) -> int:
    state = conductor.status(found)
    print(json.dumps(state, indent=2) if options.json else _table(state))
    return 0 if state["running"] else 3


def _table(state: dict[str, Any]) -> str:
    if not state["running"]:
        return f"no lab runs beside {state['data']}"
    kind = "real root" if state["root"] else "a user namespace, no root needed"
    lines = [f"{len(state['hosts'])} hosts, {kind}; the portal's socket {_listens(state)}"]
    for one in state["hosts"]:
        network = one["agent"]["observed"].get("network", "")
        told = f"agent {one['agent']['state']}{f', {network}' if network else ''}"
        lines.append(f"  {one['name']}  {'  '.join(one['addresses'])}  {told}  {one['device_id'][:16]}")
    reasons = sorted(
        {f"  {label_of(name)}: {why}" for one in state["hosts"] for name, why in one["unsupported"].items()}
    )
    return "\n".join([*lines, *(["not possible on them:"] if reasons else []), *reasons])


def label_of(name: str) -> str:
    """What people call an ability of an agent; its own name where the portal has no word for it."""
    return get(name).label if is_known(name) else _ABILITIES.get(name, name)


def _listens(state: dict[str, Any]) -> str:
    return "listens" if state["portal"]["listens"] else f"({state['portal']['socket']}) is not there"


def _exec(found: Lab, host: str, command: list[str]) -> int:
    """Its input, output and exit code are the command's."""
    if not command:
        raise UpError("say what to run: ./soc lab exec HOST -- COMMAND")
    words = conductor.entering(found.host(host), root=bool(found.needed_state()["root"]))
    code = subprocess.run([*words, *command], env=dict(environment(host)), check=False).returncode
    return code if code >= 0 else 128 - code


def _attack(found: Lab, options: argparse.Namespace) -> int:
    outcome = attacks.attack(found, options.name, first=options.host, pause_s=options.pause)
    if options.json:
        print(json.dumps(outcome, indent=2))
        return 0
    for one in outcome["hosts"]:
        print(f"{options.name} on {one['host']}: {one['detail']}")
    print(outcome["ended"])
    return 0


def _say(text: str) -> None:
    print(f"soc: {text}", file=sys.stderr, flush=True)
