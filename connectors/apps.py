from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "connectors"

    def ready(self) -> None:
        from connectors.erasure import declare_parts
        from connectors.readiness import declare_checks
        from connectors.registry import all_kinds
        from connectors.retention import declare_kinds

        all_kinds()  # a kind that does not keep the contract stops the start
        declare_kinds()
        declare_parts()
        declare_checks()
