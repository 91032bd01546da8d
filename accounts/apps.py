from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from axes.signals import user_locked_out
        from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

        from accounts import acts as _acts  # noqa: F401 - the catalogue of dangerous acts
        from accounts.erasure import declare_parts
        from accounts.models.user import name_keys
        from accounts.readiness import declare_checks
        from accounts.retention import declare_kinds
        from accounts.services import sessions, sign_in_history
        from accounts.services.built_in import lay_down_built_ins
        from accounts.services.providers import lay_down_provider
        from core import personal

        personal.source("user", name_keys)
        declare_checks()
        declare_parts()
        declare_kinds()
        # After every migrate (and every flush of a test): an upgrade may have added permission keys.
        post_migrate.connect(lay_down_built_ins, sender=self)
        post_migrate.connect(lay_down_provider, sender=self)
        user_logged_in.connect(sign_in_history.record_sign_in)
        user_logged_in.connect(sessions.begin)
        user_logged_out.connect(sessions.end)
        user_logged_out.connect(sign_in_history.record_sign_out)
        user_login_failed.connect(sign_in_history.record_failed_sign_in)
        user_locked_out.connect(sign_in_history.record_lock_out)
