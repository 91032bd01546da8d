from django.apps import AppConfig


class LiveResponseConfig(AppConfig):
    name = "live_response"

    def ready(self) -> None:
        from connectors.services.agents.library import lend_from
        from connectors.services.agents.streams import serve_action
        from connectors.signing.vouching import vouch_with
        from incidents.history import tells_of
        from incidents.moments import moments_from
        from incidents.queries.told_beside import also_tells_of
        from incidents.services.sightings import also_seen_on
        from live_response import acts as _acts  # noqa: F401 - the catalogue of dangerous acts
        from live_response import agent_line, fillings, line, moments, scope, shell_desk
        from live_response.erasure import declare_parts
        from live_response.retention import declare_kinds
        from live_response.services.library import file_of
        from live_response.services.respond import devices_looked_at

        line.use(agent_line.AgentLine())
        vouch_with("live", agent_line.vouch)
        lend_from(file_of)
        serve_action("live.shell", shell_desk.serve)
        fillings.fill_slots()
        declare_kinds()
        declare_parts()
        also_seen_on(devices_looked_at)
        tells_of("live_session", fillings.sessions_of)
        tells_of("live_command", fillings.commands_of)
        moments_from("live_sessions", moments.of_sessions)
        moments_from("live_files", moments.of_files)
        also_tells_of("live_sessions", scope.sessions_beyond)
