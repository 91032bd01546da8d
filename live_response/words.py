"""The commands that may be typed: names, parameters, who may, who carries them out. Help, completion, the parser and
the documentation are derived from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from live_response.enums import Level, Where

MINUTE_S: Final = 60


class Kind(StrEnum):
    """What a parameter holds. A path is made absolute before it leaves the portal."""

    PATH = "path"
    WORD = "word"
    NUMBER = "number"
    FLAG = "flag"
    SCRIPT = "script"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`place` says that it may stand without its name, in the order of the declaration; `rest` takes what follows."""

    name: str
    about: str
    kind: Kind = Kind.WORD
    place: bool = True
    required: bool = False
    choices: tuple[str, ...] = ()
    longest: int = 4096


@dataclass(frozen=True, slots=True)
class Word:
    """One command. `action` is what the agent is ordered, empty where the portal answers by itself; `before` names what
    `-auto` types first."""

    name: str
    about: str
    level: Level = Level.BASIC
    where: Where = Where.AGENT
    parameters: tuple[Parameter, ...] = ()
    action: str = ""
    run_s: int = 10 * MINUTE_S
    once: bool = False
    examples: tuple[str, ...] = ()
    before: str = ""

    @property
    def usage(self) -> str:
        auto = ["[-auto]"] if self.before else []
        return " ".join([self.name, *(_usage(one) for one in self.parameters), *auto])

    def parameter(self, name: str) -> Parameter | None:
        return next((one for one in self.parameters if one.name == name), None)


def _usage(one: Parameter) -> str:
    if one.kind == Kind.FLAG:
        return f"[-{one.name}]"
    shown = "|".join(one.choices) if one.choices else f"<{one.name}>"
    shown = shown if one.place else f"-{one.name} {shown}"
    return shown if one.required else f"[{shown}]"


LONG_S: Final = 30 * MINUTE_S
_PATH = Parameter("path", "A file or folder; a relative one counts from the working folder.", Kind.PATH)
_FILE = Parameter("path", "The file; a relative path counts from the working folder.", Kind.PATH, required=True)
_ID = Parameter("command", "The number of the command, as `jobs` lists it.", Kind.NUMBER, required=True)
ENTITIES: Final = ("file", "process", "service", "cron", "list")

_BASIC = (
    Word("cd", "Change the working folder.", action="live.cd", parameters=(_PATH,), examples=("cd /var/log",)),
    Word("cls", "Clear the screen; the command log keeps everything.", where=Where.PORTAL),
    Word("connect", "Connect again after the session has ended.", where=Where.PORTAL),
    Word("connections", "Network connections and listening ports, with their processes.", action="live.connections"),
    Word(
        "dir", "Files and folders of a folder.", action="live.dir",
        parameters=(_PATH, Parameter("full_path", "Show whole paths.", Kind.FLAG),
                    Parameter("relative_path", "Show names only, as usual.", Kind.FLAG)),
        examples=("dir /tmp", "dir -full_path"),
    ),
    Word("drivers", "Modules that the kernel has loaded.", action="live.drivers"),
    Word("fg", "Bring a background command to the foreground.", where=Where.PORTAL, parameters=(_ID,)),
    Word("fileinfo", "What a file is: size, owner, times, hashes.", action="live.fileinfo", parameters=(_FILE,)),
    Word(
        "findfile", "Where files of a name are; * and ? stand for anything.", action="live.findfile", run_s=LONG_S,
        parameters=(Parameter("name", "The name, or a pattern.", required=True, longest=255),
                    Parameter("path", "Where to begin; / if it is left out.", Kind.PATH)),
        examples=("findfile *.service /etc",),
    ),
    Word("getfile", "Fetch a file from the device.", action="live.getfile", run_s=LONG_S, parameters=(_FILE,),
         examples=("getfile /tmp/dropper &",), before="fileinfo"),
    Word("help", "The commands, or how one is used.", where=Where.PORTAL,
         parameters=(Parameter("command", "A command.", longest=40),)),
    Word("jobs", "Commands that are still running.", where=Where.PORTAL),
    Word("persistence", "What starts by itself: units, timers, cron, profiles, preloaded libraries.",
         action="live.persistence"),
    Word(
        "processes", "Processes with parent, user and command line.", action="live.processes",
        parameters=(Parameter("pid", "One process.", Kind.NUMBER),
                    Parameter("name", "Those whose name contains this.", place=False, longest=80)),
        examples=("processes -name ssh", "processes 1 -output json"),
    ),
    Word("scheduledtasks", "Timers and cron entries.", action="live.scheduledtasks",
         parameters=(Parameter("name", "Those whose name contains this.", longest=200),)),
    Word("services", "Services and their state.", action="live.services",
         parameters=(Parameter("name", "Those whose name contains this.", longest=200),)),
    Word("startupfolders", "What lies in the folders that are run at start and sign-in.", action="live.startupfolders"),
    Word("status", "State and output of a command.", where=Where.PORTAL, parameters=(_ID,)),
    Word("trace", "Tell more of each command: order, times, sizes.", where=Where.PORTAL,
         parameters=(Parameter("switch", "On or off.", choices=("on", "off")),)),
)  # fmt: skip

_ADVANCED = (
    Word("analyze", "Fetch a file, or what a process runs, and submit it to deep analysis.", Level.ADVANCED,
         parameters=(Parameter("what", "What it is.", required=True, choices=("file", "process")),
                     Parameter("thing", "The path, or the process number.", required=True)),
         action="live.getfile", run_s=LONG_S, before="fileinfo or processes"),
    Word("collect", "Collect an investigation package.", Level.ADVANCED, Where.RESPONSE),
    Word("isolate", "Cut the device off from the network.", Level.ADVANCED, Where.RESPONSE,
         (Parameter("type", "How far.", choices=("full", "selective")),)),
    Word("release", "Release the device from isolation.", Level.ADVANCED, Where.RESPONSE),
    Word("library", "The library's files, or delete one of them.", Level.ADVANCED, Where.PORTAL,
         (Parameter("what", "Delete a file.", choices=("delete",)), Parameter("name", "The file.", longest=100))),
    Word("putfile", "Put a file of the library into the session's folder on the device.", Level.ADVANCED,
         parameters=(Parameter("name", "A file of the library.", required=True, longest=100),
                     Parameter("overwrite", "Replace the one that is there.", Kind.FLAG),
                     Parameter("keep", "Keep it after a restart of the device.", Kind.FLAG)),
         action="live.putfile", once=True),
    Word("remediate", "Take a file away, end a process, switch a service or a cron entry off; or list what was.",
         Level.ADVANCED, Where.AGENT,
         (Parameter("what", "What it is.", required=True, choices=ENTITIES),
          Parameter("thing", "Path, process number, service, or cron entry as `scheduledtasks` names it.")),
         action="live.remediate", once=True,
         examples=("remediate file /tmp/dropper", "remediate process 4711", "remediate service evil.service",
                   "remediate process miner -auto"), before="fileinfo, processes, services or scheduledtasks"),
    Word("run", "Run a script of the library. `library` lists them.", Level.ADVANCED,
         parameters=(Parameter("name", "A script of the library.", required=True, longest=100),
                     Parameter("parameters", "What the script is given, in quotes.", Kind.SCRIPT, place=False)),
         action="live.run", run_s=LONG_S, once=True, examples=('run example.sh -parameters "--quick /home" &',)),
    Word("scan", "Run an antivirus scan.", Level.ADVANCED, Where.RESPONSE,
         (Parameter("type", "How far.", choices=("quick", "full")),)),
    Word("undo", "Take back what `remediate` did.", Level.ADVANCED, Where.AGENT,
         (Parameter("what", "What it is.", required=True, choices=("file", "service", "cron")),
          Parameter("thing", "The path, or the item that `remediate list` shows.", required=True)),
         action="live.undo", once=True, examples=("undo service evil.service -auto",), before="remediate list"),
)  # fmt: skip

_RAW = (
    Word("shell", "Ask for a raw shell. Another person has to approve it; all of it is recorded.", Level.RAW,
         parameters=(Parameter("reason", "Why typed commands will not do, in quotes.", required=True, longest=1_000),
                     Parameter("minutes", "For how long: 5 to 120, 30 if it is left out.", Kind.NUMBER, place=False)),
         action="live.shell", once=True, examples=('shell "The dropper hides its files" -minutes 15',)),
)  # fmt: skip

WORDS: Final[Mapping[str, Word]] = {word.name: word for word in (*_BASIC, *_ADVANCED, *_RAW)}
