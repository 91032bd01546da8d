"""All addresses of the portal. Deny by default: what is not in `accounts.middleware.PUBLIC` needs a sign-in."""

from allauth.account.views import login, logout
from django.urls import URLPattern, URLResolver, include, path

from soc_portal.health import healthz
from soc_portal.home import home
from soc_portal.navigation import rail

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    # Only these two of allauth's pages: nobody signs up, and passwords are changed under /me/.
    path("accounts/login/", login, name="account_login"),
    path("accounts/logout/", logout, name="account_logout"),
    path("healthz", healthz, name="healthz"),
    path("api/v1/", include("soc_portal.api")),
    path("navigation/", rail, name="navigation"),
    path("", include("accounts.urls")),
    path("", include("incidents.urls")),
    path("", include("connectors.urls")),
    path("", include("remediation.urls")),
    path("", include("reviews.urls")),
]

handler400 = "core.api.outside.bad_request"
handler403 = "core.api.outside.permission_denied"
handler404 = "core.api.outside.not_found"
handler500 = "core.api.outside.server_error"
