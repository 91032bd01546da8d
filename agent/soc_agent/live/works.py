"""The actions of live response by the names that the portal uses."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from soc_agent.carry_out import Work
from soc_agent.host import Host
from soc_agent.journal import State
from soc_agent.live import files, remedies, scripts, system
from soc_agent.live.answer import Answer, outcome
from soc_agent.live.shell import open_shell
from soc_agent.live.stoppable import Stop, in_thread
from soc_agent.orders import Command, Refused
from soc_agent.spool import from_library
from soc_agent.vault import VaultError

Look = Callable[[Mapping[str, Any], Stop], Answer]
Deed = Callable[[Command, Host], Awaitable[Answer]]


def works(host: Host) -> Mapping[str, Work]:
    """One work for each action."""
    looking = {f"live.{name}": _work(host, partial(_look, look)) for name, look in _LOOKS.items()}
    return {**looking, **{f"live.{name}": _work(host, deed) for name, deed in _DEEDS.items()}}


def _work(host: Host, deed: Deed) -> Work:
    async def done(order: Command) -> tuple[State, dict[str, Any]]:
        try:
            return outcome(await deed(order, host), order.id, host.folders)
        except (OSError, VaultError) as error:
            said = str(error)[:300] or type(error).__name__
            return State.FAILED, {"code": type(error).__name__, "detail": said}

    return done


async def _look(look: Look, order: Command, _host: Host) -> Answer:
    return await in_thread(partial(look, order.arguments))


def _text(arguments: Mapping[str, Any], name: str, longest: int = 4_096) -> str:
    value = arguments.get(name, "")
    if not isinstance(value, str) or len(value) > longest or "\x00" in value:
        raise Refused("bad_arguments", f"{name} is a text.")
    return value


def _seen(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What the command before this one found, which must still be so."""
    value = arguments.get("seen", {})
    if not isinstance(value, dict) or not all(isinstance(one, str) and len(one) <= 4_096 for one in value.values()):
        raise Refused("bad_arguments", "What was seen before is named by texts.")
    return value


def _pid(arguments: Mapping[str, Any]) -> int | None:
    value = arguments.get("pid")
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise Refused("bad_arguments", "A process has a number.")
    return value


_LOOKS: Mapping[str, Look] = {
    "connect": lambda _arguments, _stop: system.connect(),
    "cd": lambda arguments, _stop: files.change_folder(files.path_in(arguments)),
    "dir": lambda arguments, stop: files.list_folder(
        files.path_in(arguments), whole=arguments.get("full_path") is True, stop=stop
    ),
    "fileinfo": lambda arguments, stop: files.file_info(files.path_in(arguments), stop),
    "findfile": lambda arguments, stop: files.find_file(
        _text(arguments, "name"), files.path_in(arguments) if "path" in arguments else "/", stop
    ),
    "processes": lambda arguments, stop: system.processes(_pid(arguments), _text(arguments, "name", 80), stop),
    "connections": lambda _arguments, stop: system.connections(stop),
    "drivers": lambda _arguments, _stop: system.drivers(),
    "services": lambda arguments, stop: system.services(_text(arguments, "name", 200), stop),
    "scheduledtasks": lambda arguments, stop: system.scheduled(_text(arguments, "name", 200), stop),
    "persistence": lambda _arguments, stop: system.persistence(stop),
    "startupfolders": lambda _arguments, stop: system.startup_folders(stop),
}


async def _getfile(order: Command, host: Host) -> Answer:
    pid = _pid(order.arguments)
    if pid is not None:
        return await in_thread(lambda stop: files.get_program(pid, host.folders, stop))
    path, seen = files.path_in(order.arguments), _seen(order.arguments)
    return await in_thread(lambda stop: files.get_file(path, host.folders, stop, expected=seen.get("sha256", "")))


async def _putfile(order: Command, host: Host) -> Answer:
    source = await from_library(_text(order.arguments, "library", 64), host)
    return await in_thread(lambda _stop: scripts.put_file(source, order.arguments, host.folders))


async def _run(order: Command, host: Host) -> Answer:
    source = await from_library(_text(order.arguments, "library", 64), host)
    return await scripts.run_script(source, order.arguments, host.folders, partial(host.news.say, order.id))


async def _remediate(order: Command, host: Host) -> Answer:
    what, thing, seen = _text(order.arguments, "what", 20), _text(order.arguments, "thing"), _seen(order.arguments)
    match what:
        case "process":
            return await in_thread(lambda _stop: remedies.end_process(thing, seen))
        case "service":
            return await in_thread(lambda _stop: remedies.switch_service_off(thing, host.vault, host.folders, seen))
        case "cron":
            return await in_thread(lambda _stop: remedies.switch_cron_off(thing, host.folders, seen))
    raise Refused("bad_arguments", "What is remediated is a process, a service or a cron entry.")


async def _undo(order: Command, host: Host) -> Answer:
    what, thing = _text(order.arguments, "what", 20), _text(order.arguments, "thing")
    return await in_thread(lambda _stop: remedies.undo(what, thing, host.folders))


_DEEDS: Mapping[str, Deed] = {"getfile": _getfile, "putfile": _putfile, "run": _run, "remediate": _remediate,
                              "undo": _undo, "shell": open_shell}  # fmt: skip
