from django.apps import AppConfig


class RemediationConfig(AppConfig):
    name = "remediation"

    def ready(self) -> None:
        from accounts import audit_log
        from connectors.kinds.endpoint_agent.wishes import ask_before_signing
        from connectors.services.step import ask_before_leaving
        from incidents.history import tells_of
        from incidents.moments import moments_from
        from incidents.queries.told_beside import also_tells_of
        from incidents.services.describe_entity import guard
        from incidents.services.sightings import also_seen_on
        from notifications import vocabulary
        from notifications.services.letters import register_letters
        from remediation import acts as _acts  # noqa: F401 - the catalogue of dangerous acts
        from remediation import alarms as _alarms  # noqa: F401 - declares what the brakes tell
        from remediation import moments, news, news_of_experts, scope, slots
        from remediation import news_of_recovery as _news_of_recovery  # noqa: F401 - declares its topics
        from remediation.catalog import all_actions
        from remediation.erasure import declare_parts
        from remediation.fillings import fill_slots
        from remediation.readiness import declare_checks
        from remediation.retention import declare_kinds
        from remediation.services import retainer_mail
        from remediation.services.before_leaving import ask_anew
        from remediation.services.before_signing import decision_stands
        from remediation.services.keep_protection import keep_protection
        from remediation.services.remove_findings import devices_where_swept

        also_seen_on(devices_where_swept)
        fill_slots()
        guard(keep_protection)
        ask_before_leaving(ask_anew)
        ask_before_signing(decision_stands)
        declare_kinds()
        declare_parts()
        declare_checks()
        news.register()
        vocabulary.lend("actions", lambda: [(action.key, action.label) for action in all_actions()])
        tells_of("run", slots.runs_of)
        moments_from("indicators", moments.of_indicators)
        moments_from("recoveries", moments.of_recoveries)
        also_tells_of("runs", scope.runs_beyond)
        also_tells_of("recoveries", scope.recoveries_beyond)
        audit_log.withhold(slots.withheld_words)
        news_of_experts.register()
        register_letters("expert_message", compose=retainer_mail.compose, ended=retainer_mail.ended)
