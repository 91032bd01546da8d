"""The sign-in page: password, passkey, and the providers that may vouch for people."""

from typing import Any

from allauth.account.views import LoginView

from accounts.models import SignInProvider
from accounts.services import passkeys


class SignInView(LoginView):  # type: ignore[misc]  # allauth has no types
    """The library's view with what our page shows beside the password."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["passkeys"] = not passkeys.why_not()
        context["providers"] = SignInProvider.objects.filter(enabled=True)
        context["sign_in_error"] = self.request.session.pop("sign_in_error", "")
        return context


sign_in = SignInView.as_view()
