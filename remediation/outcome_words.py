"""What a remote side answered, in the words of a page. Everything in it comes from a device, so it is bounded here."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from core.wording import counted
from remediation.models import ActionRun

MOST = 50
Facts = list[tuple[str, str]]


def outcome_facts(run: ActionRun) -> Facts:
    """Labels and texts; empty where there is nothing to tell beyond the state."""
    tell = _TOLD.get(run.action)
    return [(label, text[:500]) for label, text in tell(run)] if tell and run.result else []


def _listed(told: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = told.get(name)
    return [one for one in found if isinstance(one, Mapping)][:MOST] if isinstance(found, list) else []


def _quarantine(run: ActionRun) -> Facts:
    told = run.result
    if "taken" not in told:
        return []
    facts = [("Taken", text) for one in _listed(told, "taken") if (text := str(one.get("path", "")))]
    if stopped := _listed(told, "stopped"):
        facts.append(("Stopped", counted(len(stopped), "process", "processes")))
    if removed := _listed(told, "persistence"):
        facts.append(("Removed", counted(len(removed), "autostart entry", "autostart entries")))
        facts += [("Autostart", f"{one.get('kind', '')} {one.get('path', '')}".strip()) for one in removed[:10]]
    return [*facts, *_refused(told)]


def _refused(told: Mapping[str, Any]) -> Facts:
    refused = [one for one in _listed(told, "refused") if one.get("code") != "not_found"]
    return [("Refused", f"{one.get('path') or one.get('item') or ''}: {one.get('detail', '')}") for one in refused]


def _restored(run: ActionRun) -> Facts:
    back = [("Put back", str(one.get("path", ""))) for one in _listed(run.result, "restored")]
    again = _listed(run.result, "persistence")
    if again:
        back.append(("Put back", counted(len(again), "autostart entry", "autostart entries")))
    return [*back, *_refused(run.result)]


def _scan(run: ActionRun) -> Facts:
    told = run.result
    if "examined" not in told and "engines" not in told:
        return []
    engines = _listed(told, "engines")
    examined = told.get("examined")
    facts = [("Examined", f"{examined:,} files" if isinstance(examined, int) else "Nobody told")]
    if not engines or not examined:
        facts.append(("Verdict", "Nothing was scanned: this says nothing about the device."))
    elif found := told.get("found"):
        facts.append(("Verdict", counted(len(found), "threat") if isinstance(found, list) else f"{found} threats"))
    else:
        facts.append(("Verdict", "Nothing found by these signatures."))
    facts += [("Engine", _engine(one)) for one in engines]
    return facts + [
        ("Found", f"{one.get('name') or 'Threat'} in {one.get('path', '')} ({one.get('engine', '')})")
        for one in _listed(told, "found")
    ]


def _engine(one: Mapping[str, Any]) -> str:
    if one.get("missing"):
        return f"{one.get('name')}: did not scan. {one['missing']}"
    signatures, age = one.get("signatures"), one.get("age_s")
    words = [str(one.get("name")), f"{signatures:,} signatures" if isinstance(signatures, int) else "",
             f"version {one['version']}" if one.get("version") else ""]  # fmt: skip
    if isinstance(age, int | float) and not isinstance(age, bool):
        words.append(f"{counted(int(age // 86_400), 'day')} old")
    return ", ".join(filter(None, words))


def _restriction(run: ActionRun) -> Facts:
    seen = run.result.get("observed")
    evidence = seen.get("evidence") if isinstance(seen, Mapping) else None
    if not isinstance(evidence, Mapping):
        return []
    facts = []
    trusted = evidence.get("trusted")
    if isinstance(trusted, Mapping) and isinstance(trusted.get("programs"), int):
        facts.append(("Trusted", f"{trusted['programs']:,} programs of packages"))
    until = evidence.get("until")
    if isinstance(until, int | float) and 0 < until < 2**34:
        facts.append(("Ends", f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"))
    return facts + [(word, str(number)) for name, word in (("denied", "Refused"), ("would_deny", "Would be refused"))
                    if isinstance(number := evidence.get(name), int)]  # fmt: skip


def _collected(run: ActionRun) -> Facts:
    return [("From", str(run.result["path"]))] if run.result.get("path") else []


_TOLD: dict[str, Callable[[ActionRun], Facts]] = {
    "file.quarantine": _quarantine,
    "file.restore": _restored,
    "file.collect": _collected,
    "device.antivirus_scan": _scan,
    "device.restrict_execution": _restriction,
}


def parts_in_words(run: ActionRun) -> list[tuple[str, int, str]]:
    """Success, failed and pending of an action on many devices, with the colour of each."""
    told = run.result
    if "verified" not in told:
        return []
    counts = [("Success", "verified", "ok"), ("Failed", "failed", "danger"), ("Pending", "open", "info"),
              ("Skipped", "skipped", "")]  # fmt: skip
    return [(word, int(told.get(name) or 0), kind) for word, name, kind in counts]


def given_with_it(run: ActionRun) -> Facts:
    """What was written down beside a person's words when the action was asked for."""
    facts: Facts = []
    told = run.arguments
    if run.action == "device.isolate" and told.get("isolation_type") == "selective":
        rules = [f"{one['name']}: {one['in_words']}" for one in told.get("exclusions", [])]
        facts += [("Stays open", text) for text in rules or ["Nothing: no exclusion concerned it"]]
    facts += [("Place", path) for path in [*told.get("paths", [])][:10]] if isinstance(told.get("paths"), list) else []
    if told.get("addresses") or told.get("macs"):
        facts.append(("Addresses", ", ".join([*told.get("addresses", []), *told.get("macs", [])])))
    if told.get("folders"):
        facts.append(("Trusted folders", ", ".join(told["folders"])))
    return facts
