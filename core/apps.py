from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core import blobs as _blobs  # noqa: F401 - files of deleted rows go with them
        from core import lookups as _lookups  # noqa: F401 - registers the lookup `has_text`
