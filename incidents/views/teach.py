"""Teaching the correlation from one alert: which rule put it there, what would be other, saving or proposing it."""

from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from core.htmx import done
from incidents.correlation.rules import RULES
from incidents.forms.teach import TeachForm
from incidents.lessons import offers_of
from incidents.models import Alert, CorrelationChange, CorrelationLink
from incidents.services.teach_correlation import TEACH, teach
from incidents.services.try_correlation import MOST_REPLAYED, kept_trial, limits_with, try_and_keep
from incidents.views.alert import find_alert


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def teach_from(request: AccountRequest, pk: int) -> HttpResponse:
    """The reasons of one alert; for the chosen one what can be taught. Saved is only what was tried before."""
    found = find_alert(request, pk)
    links = _links(found)
    link = _chosen(request, links)
    may = request.user.holds(keys.TUNE_DETECTION)
    form = TeachForm(request.POST or None, offers=offers_of(link) if link else [], user=request.user)
    trial = None
    if form.is_bound and link and form.is_valid():
        what = asdict(form.lesson)
        trial = kept_trial(what, user=request.user) if request.POST.get("act") == "save" else None
        if trial is not None and (saved := _save(form, found, trial, request, may=may)):
            return saved
        trial = trial or try_and_keep(_limits(form), what=what, user=request.user, exercise=found.exercise)
    context = {**_context(request, found, links, link), "form": form, "trial": trial, "may": may}
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "incidents/correlation_teach.html", context, status=status)


def _links(found: Alert) -> list[CorrelationLink]:
    """Those that rules made, undone ones first: they are what a person just put right."""
    rows = [link for link in found.links.all() if link.rule in RULES]
    return sorted(rows, key=lambda link: (link.undone is None, -link.pk))


def _chosen(request: AccountRequest, links: list[CorrelationLink]) -> CorrelationLink | None:
    wanted = request.GET.get("link", "")
    if not wanted:
        return links[0] if links else None
    link = next((link for link in links if str(link.pk) == wanted), None)
    if link is None:
        raise Http404("link")
    return link


def _limits(form: TeachForm) -> Any:
    lesson = form.lesson
    return limits_with(lesson.options, also=[lesson.exclusion] if lesson.exclusion else [])


def _save(
    form: TeachForm, found: Alert, trial: dict[str, Any], request: AccountRequest, *, may: bool
) -> HttpResponse | None:
    if may:
        step_up.require(request, TEACH)
    try:
        change = teach(
            form.lesson, reason=form.cleaned_data["reason"], expires=form.expires, alert=found, trial=trial,
            user=request.user, actor=request.actor,
        )  # fmt: skip
    except ValidationError as error:
        form.add_error(None, error)
        return None
    said = "Correlation knows it from now on" if change.in_force else "Proposed to those who tune detection"
    return done(request, said, back=reverse("incidents:teach", args=[found.pk]), leave=True)


def _context(
    request: AccountRequest, found: Alert, links: list[CorrelationLink], link: CorrelationLink | None
) -> dict[str, Any]:
    others = Alert.objects.visible_to(request.user).filter(pk__in=[one.seen_other_id for one in links])
    by_id = others.select_related("incident").in_bulk()
    rows = [
        {"link": one, "rule": RULES[one.rule], "other": by_id.get(one.seen_other_id or 0), "chosen": one is link}
        for one in links
    ]
    taught = CorrelationChange.objects.visible_to(request.user).filter(
        Q(alert=found) | Q(rule__in=[link.rule] if link else [])
    )
    return {"alert": found, "rows": rows, "chosen": link, "taught": taught.order_by("-pk")[:20],
            "most": MOST_REPLAYED, "back": reverse("incidents:alert", args=[found.pk])}  # fmt: skip
