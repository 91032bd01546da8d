from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import options as _options  # noqa: F401 - declares the options of telling
        from notifications.services import rules as _rules  # noqa: F401 - declares a topic of its own
        from notifications.services import send as _send  # noqa: F401 - declares a topic of its own
