"""Declarations are checked at start."""

from dataclasses import replace

import pytest

from connectors.models import Connection
from connectors.ports import Capability
from connectors.registry import Kind, all_kinds
from incidents.enums import EntityKind
from remediation.catalog import Action, BadDeclaration, actions_for, all_actions, get, inverse_of
from remediation.catalog.devices import ISOLATE, RELEASE, SCAN
from remediation.catalog.registry import check
from remediation.refused import Refused


def test_every_inverse_leads_back() -> None:
    for action in all_actions():
        inverse = inverse_of(action)
        if inverse is not None:
            assert inverse_of(inverse) == action


def test_every_action_can_be_simulated() -> None:
    simulator = next(kind for kind in all_kinds() if kind.simulated)
    declared = {capability.action for capability in _capabilities(simulator)}
    assert declared >= {action.key for action in all_actions() if not action.in_portal}


def _capabilities(kind: Kind) -> tuple[Capability, ...]:
    return kind.open(Connection()).describe().capabilities


def test_buttons_come_from_the_catalogue() -> None:
    assert [action.key for action in actions_for("identity")][:2] == ["identity.disable", "identity.enable"]


def test_only_what_destroys_nothing_needs_no_approval() -> None:
    assert [action.key for action in all_actions() if not action.needs_approval] == [
        "device.antivirus_scan",
        "device.collect_package",
        "device.sweep",
        "device.add_tag",
        "device.remove_tag",
        "device.set_value",
        "device.set_criticality",
        "file.collect",
        "identity.revoke_sessions",
    ]


def test_only_a_fact_of_the_portal_may_be_its_own_undo() -> None:
    with pytest.raises(BadDeclaration):
        check([replace(SCAN, undo=SCAN.key, why_no_undo="")])


def test_dialogs_name_the_target_and_the_choice() -> None:
    sentences = get("device.isolate").sentences(target="FIN-1", arguments={"isolation_type": "selective"})
    assert "FIN-1" in sentences[0]
    assert "exclusions" in sentences[1]


@pytest.mark.parametrize(
    "actions",
    [
        [ISOLATE, RELEASE, ISOLATE],
        [ISOLATE],
        [replace(SCAN, why_no_undo="")],
        [replace(SCAN, undo="device.scan_back")],
        [replace(SCAN, request_permissions=("made.up",))],
        [replace(SCAN, wanted_arguments=("nothing",))],
        [replace(ISOLATE), replace(RELEASE, target_kind=EntityKind.FILE)],
    ],
)
def test_a_mistake_in_a_declaration_stops_the_start(actions: list[Action]) -> None:
    with pytest.raises(BadDeclaration):
        check(actions)


def test_a_refusal_needs_a_declared_code() -> None:
    with pytest.raises(LookupError):
        Refused("because", "No.")
