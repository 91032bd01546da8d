"""What this room shows on the pages of earlier rooms: buttons, tabs, banners and sections, by slot."""

from functools import partial

from core.slots import Filling, fill
from remediation import (
    address_slots,
    agent_slots,
    analysis_slots,
    evidence_slots,
    expert_slots,
    file_slots,
    indicator_slots,
    respond,
    slots,
)
from remediation.catalog import all_actions


def fill_slots() -> None:
    """Called once, when all apps are ready."""
    for action in all_actions():  # a mistake in a declaration stops the start, not the first click
        if action.offered:
            fill("entity.respond", Filling(action.key, partial(respond.respond_button, action), order=action.order))
    _fill_runs()
    _fill_experts()
    _fill_indicators()
    _fill_analyses()
    _fill_entities()
    fill("agent.orders", Filling("runs", agent_slots.places_of_orders))
    fill("entity.side", Filling("agent", agent_slots.device_card, "remediation/agent_card.html"))
    fill("entity.side", Filling("devices", file_slots.file_devices, "remediation/file_devices.html"))
    _fill_evidence()


def _fill_runs() -> None:
    fill("incident.tabs", Filling("actions", slots.incident_tab, order=80))
    fill("incident.banner", Filling("emergency", slots.incident_banner, "remediation/incident_banner.html"))
    fill("waiting.sections", Filling("decisions", slots.waiting_section, "remediation/waiting.html", order=10))
    fill(
        "overview.sections",
        Filling("decisions", slots.overview_section, "remediation/overview_waiting.html", order=10),
    )
    fill("search.results", Filling("runs", slots.search_results))


def _fill_experts() -> None:
    fill("entity.respond", Filling("expert", expert_slots.entity_button, order=90))
    fill("incident.header_actions", Filling("expert", expert_slots.header_button, order=90))
    fill("alert.header_actions", Filling("expert", expert_slots.header_button, order=90))
    fill(
        "waiting.sections",
        Filling("experts", expert_slots.waiting_section, "remediation/waiting_experts.html", order=20),
    )
    fill("search.results", Filling("experts", expert_slots.search_results))


def _fill_indicators() -> None:
    fill("entity.respond", Filling("indicator", indicator_slots.file_button, order=60))
    fill("evidence.respond", Filling("contain", address_slots.contain_button, order=10))
    fill("evidence.respond", Filling("indicator", indicator_slots.evidence_button, order=20))
    fill("entity.state", Filling("indicator", indicator_slots.entity_pill))
    fill("evidence.marks", Filling("indicator", indicator_slots.evidence_marks))
    fill("search.results", Filling("indicators", indicator_slots.search_results))


def _fill_analyses() -> None:
    fill("entity.respond", Filling("analysis", analysis_slots.file_button, order=50))
    fill("entity.tabs", Filling("analysis", analysis_slots.file_tab, order=20))
    fill("action_center.tabs", Filling("analyses", analysis_slots.action_center_tab, order=60))
    fill("search.results", Filling("analyses", analysis_slots.search_results))


def _fill_entities() -> None:
    fill("entity.tabs", Filling("actions", slots.entity_tab, order=80))
    fill("entity.pane", Filling("actions", slots.entity_pane))
    fill("entity.state", Filling("drift", slots.drift_pill))


def _fill_evidence() -> None:
    fill("incident.tabs", Filling("sweep", evidence_slots.sweep_tab, order=82))
    fill("incident.tabs", Filling("recovery", evidence_slots.recovery_tab, order=84))
    fill("incident.tabs", Filling("custody", evidence_slots.custody_tab, order=86))
    fill("incident.left_open", Filling("recovery", evidence_slots.left_open, "remediation/left_open.html"))
    fill("action_center.tabs", Filling("artefacts", evidence_slots.artefacts_tab, order=70))
    fill("action_center.tabs", Filling("quarantine", evidence_slots.quarantine_tab, order=72))
