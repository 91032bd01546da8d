"""Letting machines join: enrolment tokens, and what their groups do while the portal is away."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from connectors import acts
from connectors.agent_facts import opens_in_words
from connectors.agent_forms import PolicyForm, TokenForm, groups_for
from connectors.models import AgentPolicy, EnrolmentToken
from connectors.services.agents.policy import set_policy
from connectors.services.agents.tokens import make_token, withdraw_token
from core import clock
from core.filters import at_cursor
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset, counted

NEWEST = Keyset(("made_at", "id"))


@require_safe
@requires(keys.MANAGE_SYSTEM)
def token_list(request: AccountRequest) -> HttpResponse:
    only_usable = request.GET.get("state", "usable") == "usable"
    found = EnrolmentToken.objects.visible_to(request.user).select_related("device_group", "used_by")
    found = found.usable(clock.real_now()) if only_usable else found
    page = leaf(found, NEWEST, purpose="enrolment-tokens", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": page.rows,
        "now": clock.real_now(),
        "only_usable": only_usable,
        "total": counted(found),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
    }
    return render(request, "connectors/agent_tokens.html", context)


@sensitive_variables("made")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
@step_up.needs(acts.MAKE_ENROLMENT)
def new_token(request: AccountRequest) -> HttpResponse:
    """The command for the machine is shown once."""
    form = TokenForm(request.POST or None, user=request.user)
    back = reverse("connectors:agent_tokens")
    if request.method == "POST" and form.is_valid():
        try:
            made = make_token(**form.cleaned_data, actor=request.actor)
        except ValidationError as error:
            known = {**error.message_dict} if hasattr(error, "error_dict") else {}
            form.add_error(None, error.messages if not known else [])
            for name, messages in known.items():
                form.add_error(name, messages)
        else:
            response = render(request, "connectors/agent_token_once.html", {"made": made, "back": back})
            response["Cache-Control"] = "no-store"
            return response
    context = {"form": form, "back": back}
    return render(request, "connectors/agent_token_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def withdraw(request: AccountRequest, pk: int) -> HttpResponse:
    rows = EnrolmentToken.objects.visible_to(request.user).select_related("device_group")
    token = get_object_or_404(rows.usable(clock.real_now()), pk=pk)
    back = reverse("connectors:agent_tokens")
    if request.method == "POST":
        withdraw_token(token, actor=request.actor)
        return done(request, f"Token {token.name} withdrawn", back=back, leave=True)
    return render(request, "connectors/agent_token_withdraw.html", {"token": token, "back": back})


@require_safe
@requires(keys.MANAGE_SYSTEM)
def policy_list(request: AccountRequest) -> HttpResponse:
    """What the agents of each device group do with an isolation while the portal is away."""
    groups = list(groups_for(request.user).select_related("agent_policy"))
    rows = [{"group": one, "words": opens_in_words(getattr(one, "agent_policy", None))} for one in groups]
    return render(request, "connectors/agent_policies.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def edit_policy(request: AccountRequest, pk: int) -> HttpResponse:
    group = get_object_or_404(groups_for(request.user), pk=pk)
    form = PolicyForm.of(AgentPolicy.objects.filter(device_group=group).first(), request.POST or None)
    back = reverse("connectors:agent_policies")
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        set_policy(group, stays_cut=wanted["stays"] == "cut", opens_after_s=wanted["opens_after_s"],
                   actor=request.actor)  # fmt: skip
        return done(request, f"Isolation of {group.name} changed", back=back, refresh=["#policies"])
    context = {"form": form, "group": group, "back": back, "verb": "Save"}
    return render(request, "connectors/agent_policy.html", context, status=422 if form.errors else 200)
