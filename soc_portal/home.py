"""Where the portal begins."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, anyone_signed_in


@require_safe
@anyone_signed_in
def home(request: AccountRequest) -> HttpResponse:
    """The queue for those who work incidents; who reads and signs begins with how it goes."""
    works = request.user.holds(keys.MANAGE_ALERTS) or not request.user.holds(keys.READ)
    return redirect("incidents:queue" if works else "incidents:overview")
