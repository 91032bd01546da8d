"""What the portal may ask, once its signature was checked: commands, and the wanted state of the device.

A command is done at most once. The wanted state is one document with a generation: of two the newer counts, whatever
the order in which they come.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from soc_agent.envelope import BadEnvelope, Opened

COMMAND = "application/vnd.soc-agent.command+json"
DESIRED = "application/vnd.soc-agent.desired+json"
# A clock that is off by less does no harm.
SKEW_S = 300
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")


class Effect(StrEnum):
    """What becomes of a command whose outcome is not known after a crash: read again, or leave it to people."""

    COLLECT = "collect"
    ONCE = "once"


class Refused(Exception):
    """An order that is genuine but not to be carried out. `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Command:
    """`run_s` is how long it may take at most, `not_before` and `expires` are seconds since 1970."""

    id: str
    device: str
    action: str
    arguments: Mapping[str, Any]
    effect: Effect
    not_before: float
    expires: float
    run_s: int


@dataclass(frozen=True, slots=True)
class Desired:
    """What should hold on the device from now on, by facet (`network`, `execution`, `indicators`, ...)."""

    device: str
    generation: int
    facets: Mapping[str, Any]


def read_command(opened: Opened) -> Command:
    """Raises `BadEnvelope` for what is no command."""
    value = opened.as_json()
    arguments, run_s = value.get("arguments"), value.get("run_s", 3600)
    effect = value.get("effect")
    if not isinstance(arguments, dict) or effect not in tuple(Effect):
        raise BadEnvelope("A command has arguments and an effect.")
    if not isinstance(run_s, int) or isinstance(run_s, bool) or not 0 < run_s <= 7 * 86400:
        raise BadEnvelope("A command has a time in which it must be done.")
    times = (_moment(value, "not_before"), _moment(value, "expires"))
    return Command(_word(value, "id"), _word(value, "device"), _word(value, "action"), arguments, Effect(effect),
                   *times, run_s)  # fmt: skip


def read_desired(opened: Opened) -> Desired:
    """Raises `BadEnvelope` for what is no wanted state."""
    value = opened.as_json()
    generation, facets = value.get("generation"), value.get("facets")
    if not isinstance(generation, int) or isinstance(generation, bool) or generation < 1:
        raise BadEnvelope("A wanted state has a generation.")
    if not isinstance(facets, dict) or not all(isinstance(one, dict) for one in facets.values()):
        raise BadEnvelope("A wanted state has facets.")
    return Desired(_word(value, "device"), generation, facets)


def check_command(command: Command, device_id: str, *, now: float | None = None) -> None:
    """Raises `Refused` when it is for another device, or not for now."""
    moment = time.time() if now is None else now
    if command.device != device_id:
        raise Refused("another_device", "The order is for another device.")
    if moment < command.not_before - SKEW_S:
        raise Refused("too_early", "The order is not to be carried out yet, or the clock of this device is slow.")
    if moment > command.expires + SKEW_S:
        raise Refused("expired", "The time of the order is over, or the clock of this device is fast.")


def check_desired(desired: Desired, device_id: str, known: int) -> bool:
    """Whether it is newer than generation `known`; raises `Refused` when it is for another device."""
    if desired.device != device_id:
        raise Refused("another_device", "The wanted state is for another device.")
    return desired.generation > known


def _word(value: Mapping[str, Any], name: str) -> str:
    word = value.get(name)
    if not isinstance(word, str) or not _ID.fullmatch(word):
        raise BadEnvelope(f"An order has a {name} of letters, digits and few signs.")
    return word


def _moment(value: Mapping[str, Any], name: str) -> float:
    moment = value.get(name)
    if isinstance(moment, bool) or not isinstance(moment, int | float) or not 0 <= moment < 2**40:
        raise BadEnvelope(f"An order has a {name} in seconds since 1970.")
    return float(moment)
