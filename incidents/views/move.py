"""Moving checked alerts to another or a new incident."""

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from incidents.correlation.rules import RULES
from incidents.forms import MoveAlertsForm
from incidents.models import Alert, Incident
from incidents.services.move_alerts import MAX_ALERTS, move_alerts
from incidents.views.incident import find_incident

MOST_REASONS = 6


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def move(request: AccountRequest, pk: int) -> HttpResponse:
    """The dialog for the alerts checked on an incident's Alerts tab."""
    found = find_incident(request, pk)
    alerts = _asked_for(request, found)
    form = MoveAlertsForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and (target := _move(form, alerts, request)):
        page = _next_page(form, alerts, target)
        return done(request, f"Moved to {target.number}", back=page, leave=True)
    back = reverse("incidents:incident", args=[pk, "alerts"])
    context = {"form": form, "incident": found, "alerts": alerts, "back": back, "verb": "Move",
               "joined": _joined(alerts)}  # fmt: skip
    return render(request, "incidents/move_alerts.html", context, status=422 if form.is_bound else 200)


def _next_page(form: MoveAlertsForm, alerts: list[Alert], target: Incident) -> str:
    if form.cleaned_data["teach"]:
        return reverse("incidents:teach", args=[alerts[0].pk])
    return reverse("incidents:incident", args=[target.pk, "alerts"])


def _joined(alerts: list[Alert]) -> list[dict[str, object]]:
    """By which rules the first of them are where they are."""
    return [
        {"link": link, "rule": RULES[link.rule]} for alert in alerts[:MOST_REASONS] for link in alert.links.all()
        if link.undone is None and link.rule in RULES
    ][:MOST_REASONS]  # fmt: skip


def _asked_for(request: AccountRequest, found: Incident) -> list[Alert]:
    """The named alerts of this incident; one that is out of reach stops all."""
    source = request.POST if request.method == "POST" else request.GET
    wanted = {int(value) for value in source.getlist("alert")[:MAX_ALERTS] if value.isdecimal() and len(value) < 18}
    seen = Alert.objects.visible_to(request.user).with_reasons(request.user)
    rows = seen.filter(incident=found, pk__in=wanted).order_by("first_activity")
    alerts = list(rows.defer("additional_data"))
    if not alerts or len(alerts) != len(wanted):
        raise Http404("alerts")
    return alerts


def _move(form: MoveAlertsForm, alerts: list[Alert], request: AccountRequest) -> Incident | None:
    number, data = form.cleaned_data["to"], form.cleaned_data
    target = Incident.objects.visible_to(request.user).filter(pk=number).first() if number else None
    if number and target is None:
        form.add_error("to", "There is no such incident that you may see.")
        return None
    try:
        return move_alerts(alerts, to=target, actor=request.user.actor, comment=data["comment"], reason=data["reason"])
    except ValidationError as error:
        form.add_error(None, error)
        return None
