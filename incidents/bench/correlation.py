"""How well alerts of a labelled file are put together into incidents: `./soc bench correlation FILE`.

Every line of the file is `{"format", "attack_id"|null, "phase"|null, "alert"}`. The alerts go through the ordinary
ingest and the ordinary correlation in the order of the lines, `part` (default 1,000) at a time; at the end the portal
looks again at what nobody has touched, as it does every few minutes. An alert that carries
no id of its own is called `line-N` after its line. An alert that the ingest refuses is counted under `refused` and
left out. The figures:

* `alerts`: those that were stored, each once; `incidents`: those that hold them; `attack_incidents`: those that hold an
  alert of an attack at least.
* `fp_share`: of all alerts in incidents that hold an alert of an attack, the share that belongs to none.
* `phases_in_largest`: for each attack the share of its phases that the incident with most of its alerts holds; the mean
  over the attacks.
* `precision`: of all pairs of alerts in the same incident, one of which at least belongs to an attack, the share of
  which both belong to the same attack. `recall`: of all pairs of alerts of the same attack, the share that is in the
  same incident. `f1` is their harmonic mean.
* `alerts_per_second`: alerts by the time that ingest and correlation took together.

`--assignments OUT` writes `{provider_alert_id: incident_id}`; when two formats use the same id, the later one of them
is written as `format:id`.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from incidents.bench.labelled import BadFile, Fed, feed, read_parts
from incidents.bench.pairs import quality
from incidents.correlation.engine import correlate_waiting
from incidents.correlation.second_look import look_again
from incidents.models import Alert

PART = 1_000


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """`file` is the word after the name; `assignments` and `part` are options."""
    if "file" not in options:
        raise CommandError("Name the file: ./soc bench correlation FILE [--assignments OUT]")
    fed, seconds = Fed(), {"ingest": 0.0, "correlation": 0.0}
    try:
        for part in read_parts(Path(options["file"]), max(1, int(options.get("part", PART)))):
            seconds["ingest"] += _timed(lambda part=part: feed(part, fed))
            seconds["correlation"] += _timed(lambda: correlate_waiting(for_seconds=86_400))
        seconds["correlation"] += _timed(look_again)
    except BadFile as error:
        raise CommandError(str(error)) from None
    rows = dict(Alert.objects.exclude(incident=None).values_list("pk", "incident_id"))
    incident_of = {pk: incident for pk, incident in rows.items() if pk in fed.labels and incident is not None}
    if "assignments" in options:
        _write(Path(options["assignments"]), fed, incident_of)
    return _figures(fed, incident_of, seconds)


def _timed(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _figures(fed: Fed, incident_of: Mapping[int, int], seconds: Mapping[str, float]) -> dict[str, Any]:
    count, took = len(incident_of), sum(seconds.values())
    return {
        "alerts": count,
        **quality(fed.labels, incident_of),
        "alerts_per_second": round(count / took) if took else 0,
        "correlation_alerts_per_second": round(count / seconds["correlation"]) if seconds["correlation"] else 0,
        **({"refused": fed.refusals, "refused_lines": fed.refused} if fed.refusals else {}),
    }


def _write(path: Path, fed: Fed, incident_of: Mapping[int, int]) -> None:
    found: dict[str, int] = {}
    formats = dict(Alert.objects.values_list("pk", "format"))
    for pk in sorted(incident_of):
        name = fed.names[pk]
        found[f"{formats[pk]}:{name}" if name in found else name] = incident_of[pk]
    try:
        path.write_text(json.dumps(found, indent=0), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
