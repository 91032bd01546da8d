"""What each word of `./soc` does with its arguments."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from soc_portal.lab.words import lab
from soc_portal.up.agent_package import build
from soc_portal.up.backup import make, restore, verify
from soc_portal.up.checks import check, fmt
from soc_portal.up.data_folder import ROOT, default_data_folder
from soc_portal.up.doctor import doctor
from soc_portal.up.environment import placeholders, prepare_for_command
from soc_portal.up.errors import UpError
from soc_portal.up.servers import scratch_servers
from soc_portal.up.supervisor import UpOptions, up
from soc_portal.up.tls import TlsOptions, host_name

# Words that are management commands on a running portal.
_COMMANDS = {"token": "create_token", "ingest": "ingest_file", "demo": "play_demo"}
# What every management command takes and nobody needs here.
_UNTOLD = {"--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color",
           "--skip-checks"}  # fmt: skip


def run_word(word: str, arguments: Sequence[str]) -> int:
    if word in _COMMANDS:
        return run_command(word, arguments)
    if word not in _WORDS:
        raise UpError(f"there is no word {word!r}")
    return _WORDS[word](arguments)


def parse_up(arguments: Sequence[str]) -> UpOptions:
    parser = argparse.ArgumentParser(prog="./soc up", description="Run the whole portal on this machine.")
    parser.add_argument("--port", type=port_number, default=8000, help="port (default 8000)")
    parser.add_argument("--data", type=Path, default=default_data_folder(), help="data folder (default ./data)")
    parser.add_argument("--no-demo", action="store_true", help="start empty, without the demo company")
    parser.add_argument("--no-lab", action="store_true", help="without the three Linux hosts beside the demo")
    parser.add_argument(
        "--agents-port", type=port_number, help="port for endpoint agents, always https (default: the port plus 443)"
    )
    parser.add_argument("--tls", action="store_true", help="serve https, by a certificate authority of its own")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve https with this certificate and its chain")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the key of that certificate")
    parser.add_argument(
        "--host", action="append", default=[], type=_host, metavar="NAME",
        help="with --tls: a name or address under which other machines reach the portal; can be repeated",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    tls = _tls_of(parser, options)
    return UpOptions(data=options.data, port=options.port, demo=not options.no_demo, tls=tls,
                     agents_port=options.agents_port, lab=not (options.no_demo or options.no_lab))  # fmt: skip


def _tls_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> TlsOptions | None:
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key belong together")
    if not (options.tls or options.tls_cert):
        if options.host:
            parser.error("other machines are let in over TLS only: add --tls, or put a proxy in front")
        return None
    return TlsOptions(hosts=tuple(dict.fromkeys(options.host)), certificate=options.tls_cert, key=options.tls_key)


def _host(text: str) -> str:
    try:
        return host_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no port: a number from 1 to 65535 is needed")
    return int(text)


def run_tests(arguments: Sequence[str]) -> int:
    """Servers, one broker database per process and the environment come from `tests/isolation.py`."""
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "pytest", *arguments])  # noqa: S606 - its output, signals and exit code are pytest's


def manage(arguments: Sequence[str]) -> int:
    words = take_data_option(list(arguments))
    prepare_for_command(words)
    from django.core.management import execute_from_command_line

    execute_from_command_line(["./soc manage", *words])
    return 0


def run_command(word: str, arguments: Sequence[str]) -> int:
    """A management command under the name of the word, which its help and its errors say too."""
    words = take_data_option(["--help" if argument == "-h" else argument for argument in arguments])
    name = _COMMANDS[word]
    prepare_for_command([name, *words])
    import django
    from django.core.management import get_commands, load_command_class

    django.setup()
    command = load_command_class(get_commands()[name], name)
    command.suppressed_base_arguments = _UNTOLD
    command.help += " With --data DIR on the portal of another data folder."
    command.run_from_argv(["./soc", word, *words])
    return 0


def take_data_option(words: list[str]) -> list[str]:
    """Move `--data DIR` from the words to SOC_DATA_DIR."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--data" or word.startswith("--data="):
            value = word.partition("=")[2] or next(rest, "")
            if not value:
                raise UpError("--data needs a folder")
            os.environ["SOC_DATA_DIR"] = str(Path(value).resolve())
        else:
            kept.append(word)
    return kept


def bench(arguments: Sequence[str]) -> int:
    """Durable servers, unlike the tests', or the figures would flatter."""
    with scratch_servers(durable=True) as servers:
        os.environ.update(placeholders())
        os.environ.update(DATABASE_URL=servers.owner_url, REDIS_URL=servers.redis_url)
        from django.core.management import execute_from_command_line

        execute_from_command_line(["./soc bench", "migrate", "--verbosity=0"])
        execute_from_command_line(["./soc bench", "bench", *arguments])
    return 0


_WORDS: dict[str, Callable[[Sequence[str]], int]] = {
    "up": lambda arguments: up(parse_up(arguments)),
    "test": run_tests,
    "check": check,
    "fmt": lambda _: fmt(),
    "bench": bench,
    "build": build,
    "doctor": doctor,
    "lab": lab,
    "manage": manage,
    "backup": lambda arguments: make.backup(make.parse(arguments)),
    "restore": lambda arguments: restore.restore(restore.parse(arguments)),
    "verify": lambda arguments: verify.verify(verify.parse(arguments)),
}
