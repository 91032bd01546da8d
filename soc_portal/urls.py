"""All addresses of the portal. Deny by default: what is not in `accounts.middleware.PUBLIC` needs a sign-in."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
