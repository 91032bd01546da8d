"""Ending one's own sessions."""

from allauth.usersessions.models import UserSession
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.guard import AccountRequest, anyone_signed_in
from accounts.services import sessions
from accounts.session_store import row_of_session
from core.htmx import done


@require_POST
@anyone_signed_in
def end_own_session(request: AccountRequest, pk: int) -> HttpResponse:
    session = get_object_or_404(UserSession.objects.filter(user=request.user), pk=pk)
    if session.session_key == row_of_session(request.session):
        logout(request)
        return redirect("account_login")
    sessions.end_own(session, actor=request.actor)
    return done(request, "Session ended", back=reverse("accounts:factors"), leave=True)


@require_POST
@anyone_signed_in
def end_other_sessions(request: AccountRequest) -> HttpResponse:
    here = row_of_session(request.session)
    count = sessions.end_all(request.user, actor=request.actor, reason="Ended by their person", but=here)
    title = f"{count} other session{'s' if count != 1 else ''} ended"
    return done(request, title, back=reverse("accounts:factors"), leave=True)
