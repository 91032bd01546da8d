from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "incidents"

    def ready(self) -> None:
        from incidents.correlation import rules as _rules  # noqa: F401 - declares the options of correlation
        from incidents.group_preview import fill_preview

        fill_preview()
