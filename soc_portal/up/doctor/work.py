"""Whether the portal does its work: broker, workers, clock, queues, audit chain, connections, backups, addresses."""

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from soc_portal.up.data_folder import DataFolder
from soc_portal.up.doctor.findings import Finding, error, fine, size, span, warning
from soc_portal.up.probe import ask_health

_SEE = "the worker's log (logs/worker.log of the data folder, or the log of the worker containers)"


def broker() -> Iterator[Finding]:
    import redis

    from soc_portal import measures

    try:
        told: dict[str, Any] = measures.broker().info()
    except redis.RedisError as problem:
        yield error(
            "broker",
            f"it does not answer: {type(problem).__name__}: {str(problem)[:150]}",
            "Nothing is lost, but nothing happens at once: sweeps do the work late or not at all, and pages do not"
            " follow what changes.",
            "is the server running? See logs/valkey.log, or REDIS_URL",
        )
        return
    used, most = int(told["used_memory"]), int(told.get("maxmemory") or 0)
    found = (
        f"{told.get('server_name', 'redis')} {told.get('valkey_version') or told['redis_version']}, {size(used)} in use"
    )
    if most and used > most * 0.9:
        yield error(
            "broker",
            f"{found} of {size(most)}",
            "It will refuse messages.",
            "raise maxmemory; see what fills the queues",
        )
    else:
        yield fine("broker", found)
    if told.get("aof_enabled") and told.get("aof_last_write_status") != "ok":
        yield error(
            "broker", "it cannot write its file", "After a restart wake-ups are missing.", "df -h; see the broker's log"
        )
    if most and told.get("maxmemory_policy", "noeviction") != "noeviction":
        yield warning(
            "broker",
            f"it drops keys when it is full ({told['maxmemory_policy']})",
            "Messages vanish without a word.",
            "set maxmemory-policy noeviction",
        )
    if not told.get("aof_enabled"):
        yield warning(
            "broker",
            "it keeps nothing on disk",
            "After its restart sign-ins and wake-ups wait for the sweeps.",
            "set appendonly yes",
        )


def heartbeats() -> Iterator[Finding]:
    from core import heartbeat
    from soc_portal import measures

    ages = measures.heartbeats()
    for part, name, means in (
        ("beat", "the clock", "Deadlines and sweeps stand still."),
        ("worker", "the workers", "Alerts are kept, but neither grouped nor acted on."),
    ):
        age = ages.get(part)
        if age is None or age > heartbeat.MAX_AGE_S:
            seen = "for five minutes" if age is None else f"for {span(age)}"
            yield error(part, f"no sign of life of {name} {seen}", means, f"restart the portal; see {_SEE}")
        else:
            yield fine(part, f"last sign of life {age:.0f} s ago")


def queues() -> Iterator[Finding]:
    from soc_portal import measures

    depths = measures.queue_depths()
    deep = {name: depth for name, depth in depths.items() if depth > 500}
    for name, depth in deep.items():
        yield warning(
            "queues",
            f"{depth} messages wait in {name}",
            "Work comes in faster than it is done, or no worker takes from this queue.",
            f"see {_SEE}; add workers for this queue",
        )
    if not deep:
        yield fine("queues", ", ".join(f"{name} {depth}" for name, depth in depths.items()))


def stages() -> Iterator[Finding]:
    from soc_portal import measures

    lag, outbox, pending = measures.correlation_lag_s(), measures.outbox_waiting(), measures.pending_decisions()
    if lag > 120:
        yield warning(
            "correlation", f"alerts wait for {span(lag)}", "Incidents show less than has arrived.", f"see {_SEE}"
        )
    else:
        yield fine("correlation", f"alerts wait for {lag:.1f} s, {measures.alerts_waiting()} at the moment")
    if outbox.oldest_s > 300:
        yield warning(
            "outbox",
            f"{outbox.count} events wait, the oldest for {span(outbox.oldest_s)}",
            "A listener fails again and again.",
            f"see {_SEE} for `listener ... failed`",
        )
    else:
        yield fine("outbox", f"{outbox.count} events wait")
    yield fine("decisions", f"{pending.count} actions wait, the oldest for {span(pending.oldest_s)}")


def audit() -> Iterator[Finding]:
    from soc_portal import measures

    state = measures.audit_chain()
    if state.verdict is not None and not state.is_whole:
        yield error(
            "audit",
            f"the chain is broken at seal {state.verdict.broken_at}",
            "The history was changed outside of the portal, or the key that sealed it is missing.",
            "keep the machine as it is; ./soc manage audit verify, then compare with a backup",
        )
    if state.waiting >= 5_000:
        yield warning(
            "audit", f"{state.waiting} events are not sealed", "They could still be changed unnoticed.", f"see {_SEE}"
        )
    elif state.verdict is None:
        yield fine("audit", f"{state.waiting} events wait for their seal; the chain was not checked of late")
    elif state.is_whole:
        yield fine(
            "audit", f"whole, {state.verdict.sealed} seals, checked {state.verdict.checked_at:%Y-%m-%d %H:%M} UTC"
        )


def connectors() -> Iterator[Finding]:
    from soc_portal import measures

    failing = measures.failing_connections()
    for name, detail in failing:
        yield warning(
            "connections",
            f"{name} does not answer: {detail[:120]}",
            "Actions over it fail.",
            "Administration, Connections, Test",
        )
    if not failing:
        yield fine("connections", "all that are switched on are well, or were not checked yet")


def agents() -> Iterator[Finding]:
    """The keys that devices believe, the signer, and who is away; silent where no machine ever joined."""
    from connectors.models import Agent
    from soc_portal import measures

    if not Agent.objects.exists():
        return
    yield from _agent_keys()
    yield from _agent_line()
    waits = measures.unsigned_age_s()
    if waits > 60:
        yield warning(
            "signer",
            f"an order to a device waits for {span(waits)} to be signed",
            "Nothing new reaches the devices.",
            "is the signer running? See logs/signer.log",
        )
    else:
        yield fine("signer", "no order waits for it")
    away, connected = measures.agents_away(), measures.agents_connected()
    if away:
        yield warning(
            "agents",
            f"{away} of {away + connected} are away",
            "What is asked of them waits for up to three days.",
            "Administration, Data, Endpoint agents; if all are away, see logs/agents.log",
        )
    else:
        yield fine("agents", f"{connected} are connected")


def _agent_line() -> Iterator[Finding]:
    from django.conf import settings

    parts = urlsplit(settings.AGENTS_URL)
    for host in (parts.hostname or "", "127.0.0.1"):
        try:
            with socket.create_connection((host, parts.port or 443), timeout=5):
                yield fine("agent line", f"{settings.AGENTS_URL} is reached from here")
                return
        except OSError:
            continue
    yield warning(
        "agent line",
        f"{settings.AGENTS_URL} is not reached from here",
        "Devices may not hear the portal: what is asked of them waits.",
        "is the process `agents` running? See logs/agents.log",
    )


def _agent_keys() -> Iterator[Finding]:
    from connectors.signing.keys import NoKeys, list_ends
    from core import clock

    try:
        left = (list_ends() - clock.real_now()).total_seconds()
    except NoKeys as problem:
        yield error("agent keys", str(problem), "Nothing can be asked of any device.", "start the signer with its keys")
        return
    if left < 30 * 86_400:
        yield warning(
            "agent keys",
            f"the signed list of keys ends in {span(max(0.0, left))}",
            "After that devices believe no order of this portal.",
            "put root.pem beside signing.pem and start the signer",
        )
    else:
        yield fine("agent keys", f"the signed list of keys lasts {span(left)}")


def backups() -> Iterator[Finding]:
    from soc_portal import measures

    age = measures.backup_age_s()
    if age is None:
        yield warning("backup", "there is none", "A broken disk would end the history.", "./soc backup FILE, each day")
    elif age > 36 * 3600:
        yield warning(
            "backup", f"the last is {span(age)} old", "What came in since then would be lost.", "./soc backup FILE"
        )
    else:
        yield fine("backup", f"the last is {span(age)} old")


def portal(folder: DataFolder, url: str, certificate: str) -> Iterator[Finding]:
    """As a load balancer asks, on this machine."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    file = Path(certificate or folder.path / "tls" / "portal.pem") if secure else None
    why = ask_health(parts.port or (443 if secure else 80), file)
    if why:
        yield error(
            "portal",
            f"{url} is not healthy: {why[:300]}",
            "People cannot work with it as they should.",
            f"see {folder.logs}",
        )
    else:
        yield fine("portal", f"{url} answers and is healthy")


def public_address(folder: DataFolder, url: str) -> Iterator[Finding]:
    """As a person's browser asks; our own authority is trusted here too."""
    if urlsplit(url).scheme not in {"http", "https"}:
        yield error("address", f"{url} is no address", "Links and sign-in fail.", "correct SOC_PUBLIC_URL")
        return
    context = ssl.create_default_context()
    authority = folder.path / "tls" / "ca.pem"
    if authority.exists():
        context.load_verify_locations(authority)
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=8, context=context):  # noqa: S310 - the scheme is checked above
            yield fine("address", f"{url} is reached from here")
    except urllib.error.HTTPError as answer:
        with answer:
            yield from _of_status(url, answer.code)
    except (OSError, ValueError) as problem:
        yield warning(
            "address",
            f"{url} is not reached from this machine: {problem}",
            "People may not reach it either, unless this machine simply cannot see its own address.",
            "check the name in SOC_PUBLIC_URL, the proxy in front, and its certificate",
        )


def _of_status(url: str, status: int) -> Iterator[Finding]:
    if status == 400:
        yield error(
            "address",
            f"{url} is refused by the portal itself",
            "Its name is not among the allowed ones.",
            "add the host of SOC_PUBLIC_URL to SOC_ALLOWED_HOSTS",
        )
    elif status == 503:
        yield fine("address", f"{url} is reached from here; the portal is not healthy")
    else:
        yield warning(
            "address", f"{url} answers with {status}", "Something else may stand there.", "check SOC_PUBLIC_URL"
        )
