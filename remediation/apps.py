from functools import partial

from django.apps import AppConfig

from core.slots import Filling, fill


class RemediationConfig(AppConfig):
    name = "remediation"

    def ready(self) -> None:
        from accounts import audit_log
        from incidents.history import tells_of
        from remediation import respond, slots
        from remediation.catalog import all_actions

        for action in all_actions():  # a mistake in a declaration stops the start, not the first click
            fill("entity.respond", Filling(action.key, partial(respond.respond_button, action), order=action.order))
        tells_of("run", slots.runs_of)
        audit_log.withhold(slots.withheld_words)
        fill("incident.tabs", Filling("actions", slots.incident_tab, order=80))
        fill("waiting.sections", Filling("decisions", slots.waiting_section, "remediation/waiting.html", order=10))
        fill("search.results", Filling("runs", slots.search_results))
        fill("entity.tabs", Filling("actions", slots.entity_tab, order=80))
