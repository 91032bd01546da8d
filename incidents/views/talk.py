"""Comments, restriction to named people, and incidents by hand."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from incidents.forms import CommentForm, NewIncidentForm, ReasonForm, RestrictForm
from incidents.forms.fields import tag_list
from incidents.services.comment import comment_on
from incidents.services.create_incident import create_incident
from incidents.services.mentionable import mentionable
from incidents.services.restrict import open_restricted_incident, restrict_incident
from incidents.views.incident import find_incident
from incidents.views.manage import REFRESH


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def comment(request: AccountRequest, pk: int) -> HttpResponse:
    """The dialog in which a comment is written."""
    found = find_incident(request, pk)
    form = CommentForm(request.POST or None, people=reverse("incidents:people", args=[pk]))
    back = reverse("incidents:incident", args=[pk, "activities"])
    if form.is_bound and form.is_valid():
        try:
            comment_on(found, text=form.cleaned_data["text"], actor=request.user.actor)
        except ValidationError as error:
            form.add_error("text", error)
        else:
            return done(request, "Comment added", back=back, refresh=REFRESH)
    context = {"form": form, "incident": found, "back": back, "verb": "Add comment"}
    return render(request, "incidents/comment.html", context, status=422 if form.is_bound else 200)


@require_safe
@requires(keys.MANAGE_ALERTS)
def people(request: AccountRequest, pk: int) -> HttpResponse:
    """Who may be mentioned in a comment, for the list under the @ that is being written."""
    found = find_incident(request, pk)
    told = mentionable(found, request.GET.get("q", ""))
    return JsonResponse({"people": [{"name": one.username, "label": str(one)} for one in told]})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def restrict(request: AccountRequest, pk: int) -> HttpResponse:
    """Keep to named people, or open again when it is restricted."""
    found = find_incident(request, pk)
    verb = "Lift restriction" if found.restricted else "Restrict"
    form: Any = ReasonForm(request.POST or None) if found.restricted else RestrictForm(request.POST or None)
    back = reverse("incidents:incident", args=[pk])
    if form.is_bound and form.is_valid():
        reason, actor = form.cleaned_data["reason"], request.user.actor
        try:
            if found.restricted:
                open_restricted_incident(found, actor=actor, reason=reason)
            else:
                restrict_incident(found, people=list(form.cleaned_data["people"]), actor=actor, reason=reason)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"{found.number}: {verb.lower()}, done", back=back, leave=True)
    context = {"form": form, "incident": found, "back": back, "verb": verb}
    return render(request, "incidents/restrict.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def new_incident(request: AccountRequest) -> HttpResponse:
    """The form of an incident by hand."""
    form = NewIncidentForm(request.POST or None, user=request.user)
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        try:
            made = create_incident(
                data["title"], severity=data["severity"], category=data["category"], description=data["description"],
                entities=data["assets"], tags=tag_list(data["tags"]), actor=request.user.actor,
                assigned_to=request.user if data["assign_to_me"] else None,
            )  # fmt: skip
        except ValidationError as error:
            form.add_error(None, error)
        else:
            page = reverse("incidents:incident", args=[made.pk])
            return done(request, f"{made.number} opened", back=page, leave=True)
    context = {"form": form, "back": reverse("incidents:queue"), "verb": "Open incident"}
    return render(request, "incidents/new_incident.html", context, status=422 if form.is_bound else 200)
