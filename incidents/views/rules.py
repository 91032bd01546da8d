"""Administration: the rules of correlation, what they did, how they are set, what people taught."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from core.htmx import done
from core.models import OptionRevision
from incidents.correlation.rules import RULES, THRESHOLD_OPTIONS
from incidents.enums import TaughtKind, TaughtState
from incidents.forms.rules import OptionsForm, rule_form, thresholds_form
from incidents.models import CorrelationChange
from incidents.rule_figures import examples_of, figures_of_rules, moves_by_hand
from incidents.services.set_rule import options_of, options_that_change, set_options
from incidents.services.teach_correlation import TEACH
from incidents.services.try_correlation import MOST_REPLAYED, kept_trial, limits_with, try_and_keep

THRESHOLDS = "thresholds"
MOST_TAUGHT = 200


@require_safe
@requires(keys.TUNE_DETECTION)
def rule_list(request: AccountRequest) -> HttpResponse:
    """Each rule with what it did; exclusions and hubs, those that wait to be decided first."""
    everything = "all" in request.GET
    changes = CorrelationChange.objects.visible_to(request.user)
    waiting = changes.filter(state=TaughtState.PROPOSED)
    held = (changes if everything else changes.in_force()).exclude(state=TaughtState.PROPOSED)
    context = {
        "rules": figures_of_rules(request.user),
        "moved": moves_by_hand(request.user),
        "waiting": waiting.order_by("-pk")[:MOST_TAUGHT],
        "links": held.filter(kind=TaughtKind.LINK).order_by("-pk")[:MOST_TAUGHT],
        "hubs": held.filter(kind=TaughtKind.HUB).order_by("-pk")[:MOST_TAUGHT],
        "everything": everything,
        "may": True,
    }
    return render(request, "incidents/correlation_rules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.TUNE_DETECTION)
@step_up.needs(TEACH)
def rule(request: AccountRequest, key: str) -> HttpResponse:
    """One rule, or the thresholds of all: set only after a trial of exactly that."""
    if key not in RULES and key != THRESHOLDS:
        raise Http404("rule")
    form = rule_form(RULES[key], request.POST or None) if key in RULES else thresholds_form(request.POST or None)
    trial = None
    if form.is_bound and form.is_valid():
        saved, trial = _try_or_save(form, request)
        if saved is not None:
            return saved
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "incidents/correlation_rule.html", _context(request, key, form, trial), status=status)


def _try_or_save(form: OptionsForm, request: AccountRequest) -> tuple[HttpResponse | None, dict[str, Any] | None]:
    try:
        wanted = options_that_change(form.wanted)
        tried = request.POST.get("act") == "save" and kept_trial(wanted, user=request.user) is not None
        if tried or not wanted:
            set_options(wanted, reason=form.cleaned_data["reason"], actor=request.actor)
            return done(request, "Set from now on", back=request.path, leave=True), None
    except ValidationError as error:
        form.add_error(None, error)
        return None, None
    return None, try_and_keep(limits_with(wanted), what=wanted, user=request.user)


def _context(request: AccountRequest, key: str, form: OptionsForm, trial: dict[str, Any] | None) -> dict[str, Any]:
    found = RULES.get(key)
    shown = options_of(found) if found else THRESHOLD_OPTIONS
    changes = CorrelationChange.objects.visible_to(request.user).filter(option__in=shown)
    if found:
        changes |= CorrelationChange.objects.visible_to(request.user).filter(rule=key)
    rows = [row for row in figures_of_rules(request.user) if row.in_force.rule is found]
    return {
        "rule": found,
        "figures": rows[0] if rows else None,
        "form": form,
        "trial": trial,
        "joined": examples_of(key, request.user) if found else [],
        "undone": examples_of(key, request.user, undone=True) if found else [],
        "history": OptionRevision.objects.filter(key__in=shown).order_by("-id")[:20],
        "taught": changes.distinct().order_by("-pk")[:50],
        "most": MOST_REPLAYED,
        "may": True,
        "back": reverse("incidents:correlation"),
    }
