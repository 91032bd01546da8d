from functools import partial

from django.apps import AppConfig

from core.slots import Filling, fill


class RemediationConfig(AppConfig):
    name = "remediation"

    def ready(self) -> None:
        from accounts import audit_log
        from connectors.services.step import ask_before_leaving
        from incidents.history import tells_of
        from incidents.services.describe_entity import guard
        from notifications import vocabulary
        from notifications.services.letters import register_letters
        from remediation import acts as _acts  # noqa: F401 - the catalogue of dangerous acts
        from remediation import alarms as _alarms  # noqa: F401 - declares what the brakes tell
        from remediation import expert_slots, indicator_slots, news, news_of_experts, respond, slots
        from remediation.catalog import all_actions
        from remediation.erasure import declare_parts
        from remediation.readiness import declare_checks
        from remediation.retention import declare_kinds
        from remediation.services import retainer_mail
        from remediation.services.before_leaving import ask_anew
        from remediation.services.keep_protection import keep_protection

        for action in all_actions():  # a mistake in a declaration stops the start, not the first click
            fill("entity.respond", Filling(action.key, partial(respond.respond_button, action), order=action.order))
        guard(keep_protection)
        ask_before_leaving(ask_anew)
        declare_kinds()
        declare_parts()
        declare_checks()
        news.register()
        vocabulary.lend("actions", lambda: [(action.key, action.label) for action in all_actions()])
        tells_of("run", slots.runs_of)
        audit_log.withhold(slots.withheld_words)
        fill("incident.tabs", Filling("actions", slots.incident_tab, order=80))
        fill("incident.banner", Filling("emergency", slots.incident_banner, "remediation/incident_banner.html"))
        fill("waiting.sections", Filling("decisions", slots.waiting_section, "remediation/waiting.html", order=10))
        fill(
            "overview.sections",
            Filling("decisions", slots.overview_section, "remediation/overview_waiting.html", order=10),
        )
        fill("search.results", Filling("runs", slots.search_results))
        fill("entity.respond", Filling("indicator", indicator_slots.file_button, order=60))
        fill("entity.respond", Filling("expert", expert_slots.entity_button, order=90))
        fill("incident.header_actions", Filling("expert", expert_slots.header_button, order=90))
        fill("alert.header_actions", Filling("expert", expert_slots.header_button, order=90))
        fill(
            "waiting.sections",
            Filling("experts", expert_slots.waiting_section, "remediation/waiting_experts.html", order=20),
        )
        fill("search.results", Filling("experts", expert_slots.search_results))
        news_of_experts.register()
        register_letters("expert_message", compose=retainer_mail.compose, ended=retainer_mail.ended)
        fill("evidence.respond", Filling("indicator", indicator_slots.evidence_button))
        fill("entity.state", Filling("indicator", indicator_slots.entity_pill))
        fill("evidence.marks", Filling("indicator", indicator_slots.evidence_marks))
        fill("search.results", Filling("indicators", indicator_slots.search_results))
        fill("entity.tabs", Filling("actions", slots.entity_tab, order=80))
        fill("entity.pane", Filling("actions", slots.entity_pane))
        fill("entity.state", Filling("drift", slots.drift_pill))
