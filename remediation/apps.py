from django.apps import AppConfig


class RemediationConfig(AppConfig):
    name = "remediation"

    def ready(self) -> None:
        from remediation.catalog import all_actions

        all_actions()  # a mistake in a declaration stops the start, not the first click
