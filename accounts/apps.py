from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts.services.built_in import lay_down_built_ins

        # After every migrate (and every flush of a test): an upgrade may have added permission keys.
        post_migrate.connect(lay_down_built_ins, sender=self)
