from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "connectors"

    def ready(self) -> None:
        from connectors.erasure import declare_parts
        from connectors.kinds.endpoint_agent import wishes
        from connectors.readiness import declare_checks
        from connectors.registry import all_kinds
        from connectors.retention import declare_kinds
        from connectors.services.agents import release, uploads
        from connectors.signing.vouching import vouch_with

        all_kinds()  # a kind that does not keep the contract stops the start
        declare_kinds()
        declare_parts()
        declare_checks()
        uploads.claim_files()
        vouch_with(wishes.PREFIX, wishes.vouch_for_delivery)
        vouch_with(wishes.OF_AGENT, wishes.vouch_for_agent)
        vouch_with(release.PREFIX, release.vouch_for_release)
