"""Labelled sets: the same for the same seed, and what a set consists of."""

import json
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from exercises.labelled.make import Plan, Row, labelled_set
from exercises.labelled.shapes import SHAPES
from incidents.ingest import formats

SMALL = Plan(5, attacks=len(SHAPES), hosts=60, noise=4)


def text(rows: list[Row]) -> list[str]:
    return [json.dumps(row, sort_keys=True) for row in rows]


def test_a_set_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert text(labelled_set(SMALL)) == text(labelled_set(SMALL))
    assert text(labelled_set(SMALL)) != text(labelled_set(Plan(6, attacks=20, hosts=60, noise=4)))


def test_shuffling_changes_the_order_only() -> None:
    shuffled = labelled_set(Plan(5, attacks=len(SHAPES), hosts=60, noise=4, shuffled=1))
    assert text(shuffled) != text(labelled_set(SMALL))
    assert sorted(text(shuffled)) == sorted(text(labelled_set(SMALL)))


def test_every_shape_and_format_occurs_and_noise_has_its_share() -> None:
    rows = labelled_set(SMALL)
    attacks = {row["attack_id"] for row in rows if row["attack_id"]}
    assert {name.rpartition("-")[0] for name in attacks} == {shape.__name__ for shape in SHAPES}
    # What the portal's own agents find is no other maker's sensor.
    assert {row["format"] for row in rows} == set(formats.registered()) - {"soc_agent"}
    counts = Counter(bool(row["attack_id"]) for row in rows)
    assert counts[False] == counts[True] * SMALL.noise
    assert all(bool(row["attack_id"]) == bool(row["phase"]) for row in rows)


def test_every_alert_can_be_read_by_its_format() -> None:
    for row in labelled_set(SMALL):
        assert formats.get(row["format"]).read(row["alert"]).provider_alert_id


def test_the_command_writes_lines_and_says_what_it_cannot(tmp_path: Path) -> None:
    out = tmp_path / "set.jsonl"
    call_command("make_labelled_set", seed=5, out=str(out), attacks=2, hosts=60, noise=2)
    assert {"format", "attack_id", "phase", "alert"} == set(json.loads(out.read_text().splitlines()[0]))
    with pytest.raises(CommandError, match="20 hosts"):
        call_command("make_labelled_set", hosts=3)
    with pytest.raises(CommandError, match="No such file"):
        call_command("make_labelled_set", attacks=1, hosts=60, noise=1, out=str(tmp_path / "no" / "set"))
