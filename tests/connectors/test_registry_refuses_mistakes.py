"""A kind that does not keep the contract stops the start."""

from dataclasses import replace

import pytest

from connectors.kinds.simulator import KIND
from connectors.kinds.simulator.capabilities import MANIFEST
from connectors.kinds.simulator.connector import SimulatorConnector
from connectors.models import Connection
from connectors.ports import Connector, Manifest
from connectors.registry import BadKind, Setting, _check_manifest, _checked, all_kinds


def test_every_kind_is_found() -> None:
    assert "simulator" in {kind.key for kind in all_kinds()}


def test_the_simulator_is_a_connector() -> None:
    assert isinstance(SimulatorConnector(Connection()), Connector)


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("simulator", None),
        ("another", KIND),
        ("simulator", replace(KIND, settings=(Setting("a", "A"), Setting("a", "B")))),
        ("simulator", replace(KIND, open=lambda connection: object())),  # type: ignore[arg-type,return-value]
        ("simulator", replace(KIND, simulated=False)),
    ],
)
def test_a_wrong_kind_is_refused(folder: str, kind: object) -> None:
    with pytest.raises(BadKind):
        _checked(folder, kind)


@pytest.mark.parametrize(
    "manifest",
    [
        replace(MANIFEST, capabilities=(*MANIFEST.capabilities, MANIFEST.capabilities[0])),
        replace(MANIFEST, capabilities=(replace(MANIFEST.capabilities[0], target_kinds=frozenset()),)),
        replace(MANIFEST, capabilities=(replace(MANIFEST.capabilities[0], arguments_schema={"type": "thing"}),)),
    ],
)
def test_a_wrong_manifest_is_refused(manifest: Manifest) -> None:
    with pytest.raises(BadKind):
        _check_manifest(KIND, manifest)
