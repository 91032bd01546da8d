from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core import lookups as _lookups  # noqa: F401 - registers the lookup `has_text`
