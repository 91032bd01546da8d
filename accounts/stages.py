"""What stands between the password and the portal."""

from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest

from accounts.services.sessions import asked_elsewhere


class SecondFactorStage(AuthenticateStage):  # type: ignore[misc]  # allauth has no types
    """Asks everybody who has a second factor, but for those whom a trusted provider has asked already."""

    def _should_handle(self, request: HttpRequest) -> bool:
        return not asked_elsewhere(request, self.login.user) and bool(super()._should_handle(request))
