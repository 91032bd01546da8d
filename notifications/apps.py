from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import options as _options  # noqa: F401 - declares the options of telling
        from notifications.erasure import declare_parts
        from notifications.readiness import declare_checks
        from notifications.retention import declare_kinds
        from notifications.services import accounts as _accounts  # noqa: F401 - declares the topic of one's own account
        from notifications.services import agent_news as _agents  # noqa: F401 - declares topics of its own
        from notifications.services import connection_pulse as _connections  # noqa: F401 - declares a topic of its own
        from notifications.services import portal_news as _portal  # noqa: F401 - declares topics of its own
        from notifications.services import pulse as _pulse  # noqa: F401 - declares a topic of its own
        from notifications.services import rules as _rules  # noqa: F401 - declares a topic of its own
        from notifications.services import send as _send  # noqa: F401 - declares a topic of its own

        declare_kinds()
        declare_parts()
        declare_checks()
