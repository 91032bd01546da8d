"""Merging checked incidents, or one with others whose numbers are given."""

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from core.wording import counted
from incidents.forms import MergeForm, MergeWithForm
from incidents.models import Incident
from incidents.services.merge import merge_incidents, plan_merge
from incidents.views.manage import MOST_AT_ONCE

FROM_PAGE = "page"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def merge(request: AccountRequest) -> HttpResponse:
    """The dialog: first with what (when one is chosen), then what will happen, then the deed."""
    source = request.POST if request.method == "POST" else request.GET
    chosen = _found(request, {int(value) for value in source.getlist("id")[:MOST_AT_ONCE] if _is_number(value)})
    if len(chosen) == 1:
        return _with_others(request, chosen[0], source.get("from", ""))
    return _planned(request, chosen, source.get("from", ""))


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 18


def _found(request: AccountRequest, wanted: set[int]) -> list[Incident]:
    """One that is out of reach stops all."""
    rows = Incident.objects.visible_to(request.user).listed().filter(pk__in=wanted).select_related("assigned_to")
    found = list(rows.order_by("pk"))
    if not found or len(found) != len(wanted):
        raise Http404("incidents")
    return found


def _with_others(request: AccountRequest, one: Incident, origin: str) -> HttpResponse:
    form = MergeWithForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            found = _found(request, {one.pk, *form.cleaned_data["others"]})
        except Http404:
            form.add_error("others", "One of them does not exist, is merged already, or lies outside your groups.")
        else:
            if len(found) > 1:
                return _show_plan(request, found, MergeForm(), origin)
            form.add_error("others", "Name another incident than this one.")
    context = {"form": form, "one": one, "origin": origin, "back": reverse("incidents:incident", args=[one.pk]),
               "action": reverse("incidents:merge")}  # fmt: skip
    return render(request, "incidents/merge_with.html", context, status=422 if form.is_bound else 200)


def _planned(request: AccountRequest, chosen: list[Incident], origin: str) -> HttpResponse:
    form = MergeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            target = _merge(request, chosen, form)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _merged(request, target, chosen, origin)
    return _show_plan(request, chosen, form, origin)


def _merge(request: AccountRequest, chosen: list[Incident], form: MergeForm) -> Incident:
    reasons, comment = [form.cleaned_data["reason"]], form.cleaned_data["comment"]
    return merge_incidents(chosen, actor=request.user.actor, user=request.user, reasons=reasons, comment=comment)


def _show_plan(request: AccountRequest, chosen: list[Incident], form: MergeForm, origin: str) -> HttpResponse:
    context = {"form": form, "plan": plan_merge(chosen, user=request.user), "origin": origin,
               "back": reverse("incidents:queue"), "action": reverse("incidents:merge")}  # fmt: skip
    return render(request, "incidents/merge.html", context, status=422 if form.is_bound else 200)


def _merged(request: AccountRequest, target: Incident, chosen: list[Incident], origin: str) -> HttpResponse:
    others = [row.number for row in chosen if row.pk != target.pk]
    title = f"{counted(len(others), 'incident')} merged into {target.number}"
    if origin == FROM_PAGE:
        return done(request, title, back=reverse("incidents:incident", args=[target.pk]), leave=True)
    detail = f"{', '.join(others)} {'leads' if len(others) == 1 else 'lead'} there from now on."
    return done(request, title, detail=detail, back=reverse("incidents:queue"), refresh=["#rows", "#pane [data-live]"])
