"""Sessions: one's own under Sign-in and sessions, those of others in the administration."""

from allauth.usersessions.models import UserSession
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import keys
from accounts.forms.people import ReasonForm
from accounts.guard import AccountRequest, anyone_signed_in, requires
from accounts.models import User
from accounts.services import sessions
from core.htmx import done


@require_POST
@anyone_signed_in
def end_own_session(request: AccountRequest, pk: int) -> HttpResponse:
    session = get_object_or_404(UserSession.objects.filter(user=request.user), pk=pk)
    if session.session_key == request.session.session_key:
        logout(request)
        return redirect("account_login")
    sessions.end_sessions(request.user, sessions=[session], actor=request.actor)
    return done(request, "Session ended", back=reverse("accounts:factors"), leave=True)


@require_POST
@anyone_signed_in
def end_other_sessions(request: AccountRequest) -> HttpResponse:
    here = request.session.session_key or ""
    count = sessions.end_all(request.user, actor=request.actor, reason="Ended by their person", but=here)
    title = f"{count} other session{'s' if count != 1 else ''} ended"
    return done(request, title, back=reverse("accounts:factors"), leave=True)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
def person_sessions(request: AccountRequest, pk: int) -> HttpResponse:
    """Where somebody else is signed in, and ending it."""
    user = get_object_or_404(User, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            count = sessions.end_all(user, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            title = f"{count} session{'s' if count != 1 else ''} of {user} ended"
            return done(request, title, back=reverse("accounts:people"), leave=True)
    found = sessions.sessions_of(user)
    context = {"form": form, "person": user, "sessions": found, "back": reverse("accounts:people")}
    return render(request, "accounts/person_sessions.html", context, status=422 if form.errors else 200)
