"""All addresses of the portal. Deny by default: what is not in `accounts.middleware.PUBLIC` needs a sign-in."""

from allauth.account.views import logout
from django.urls import URLPattern, URLResolver, include, path

from accounts.views.provider import begin, callback
from accounts.views.second_factor import passkey, second_factor
from accounts.views.sign_in import sign_in
from soc_portal.health import healthz
from soc_portal.home import home
from soc_portal.metrics import metrics
from soc_portal.navigation import rail

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    # Only these of allauth's names: nobody signs up, and passwords and factors are changed under /me/.
    path("accounts/login/", sign_in, name="account_login"),
    path("accounts/second-factor/", second_factor, name="mfa_authenticate"),
    path("accounts/passkey/", passkey, name="sign_in_by_passkey"),
    path("accounts/provider/<slug:key>/", begin, name="provider_begin"),
    path("accounts/provider/<slug:key>/callback/", callback, name="provider_callback"),
    path("accounts/logout/", logout, name="account_logout"),
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include("soc_portal.api")),
    path("navigation/", rail, name="navigation"),
    path("", include("accounts.urls")),
    path("", include("incidents.urls")),
    path("", include("connectors.urls")),
    path("", include("notifications.urls")),
    path("", include("live_response.urls")),
    path("", include("remediation.urls")),
    path("", include("reviews.urls")),
]

handler400 = "core.api.outside.bad_request"
handler403 = "core.api.outside.permission_denied"
handler404 = "core.api.outside.not_found"
handler500 = "core.api.outside.server_error"
