"""Why somebody can or cannot do something to something."""

from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from remediation.brake_forms import WhyForm
from remediation.catalog import get
from remediation.policy import Target
from remediation.services.explain import Part, explain
from remediation.views.inputs import looked_at
from remediation.views.links import MODELS, target_link

MOST = 10
MOST_DIGITS = 18


@requires(keys.READ)
def why(request: AccountRequest) -> HttpResponse:
    """Every rule in order, with its answer and what it looked at."""
    asked = bool(request.GET.get("action") or request.GET.get("target"))
    initial = {"person": request.GET.get("person") or request.user.pk}
    form = WhyForm(request.GET if asked else None, reader=request.user, initial=initial)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        wanted = form.cleaned_data
        action = get(wanted["action"])
        found = _targets(request.user, action.target_kind, wanted["target"], request.GET.get("id", ""))
        context |= {"action": action, "candidates": found if len(found) > 1 else [], "none": not found}
        if len(found) == 1:
            target = found[0]
            context["target"] = target_link(action.target_kind, target.pk, str(target))
            parts = explain(wanted["person"], action, target, token=wanted["token"], reader=request.user)
            context["parts"] = [{"part": part, "rows": _rows(part)} for part in parts]
    return render(request, "remediation/why.html", context)


def _rows(part: Part) -> list[dict[str, Any]]:
    return [{"answer": one, "inputs": looked_at(one.inputs)} for one in part.answers]


def _targets(user: User, kind: str, name: str, pk: str) -> list[Target]:
    """Of what this person may see: the one that is named exactly, else those whose name begins so."""
    seen: Any = MODELS[kind].objects.visible_to(user)
    if pk.isdecimal() and len(pk) < MOST_DIGITS:
        return list(seen.filter(pk=int(pk)))
    exact = list(seen.filter(Q(key__iexact=name) | Q(display_name__iexact=name))[:MOST])
    return exact or list(seen.filter(Q(key__icontains=name) | Q(display_name__icontains=name)).order_by("key")[:MOST])
