from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "incidents"

    def ready(self) -> None:
        from accounts import audit_log
        from connectors.services.agents.alerts import take_with
        from core import personal
        from incidents.connection_targets import fill_connections
        from incidents.correlation import rules as _rules  # noqa: F401 - declares the options of correlation
        from incidents.group_preview import fill_preview
        from incidents.history import withheld_words
        from incidents.models import identity, mailbox
        from incidents.news import known_sources, register
        from incidents.readiness import declare_checks
        from incidents.retention import declare_kinds
        from incidents.services.agents import take_alerts
        from incidents.services.erase_account import declare_parts
        from notifications import vocabulary

        audit_log.withhold(withheld_words)
        register()
        vocabulary.lend("sources", known_sources)
        personal.source("identity", identity.name_keys)
        personal.source("mailbox", mailbox.name_keys)
        declare_kinds()
        declare_parts()
        declare_checks()
        fill_preview()
        fill_connections()
        take_with(take_alerts)
