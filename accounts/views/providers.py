"""Administration: the providers that may vouch for people."""

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import acts, keys, step_up
from accounts.forms.people import ReasonForm
from accounts.forms.providers import ProviderForm
from accounts.guard import AccountRequest, requires
from accounts.models import SignInProvider
from accounts.services import oidc, providers
from accounts.services.oidc import ProviderFailed
from core.htmx import done

BACK = "accounts:providers"


@require_safe
@requires(keys.MANAGE_AUTHORIZATION)
def provider_list(request: AccountRequest) -> HttpResponse:
    rows = SignInProvider.objects.annotate(people=Count("identities"))
    shown = [{"provider": row, "redirect_uri": oidc.redirect_uri(row)} for row in rows]
    return render(request, "accounts/providers.html", {"rows": shown})


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_PROVIDER)
def new_provider(request: AccountRequest) -> HttpResponse:
    return _edit(request, SignInProvider(), ProviderForm(request.POST or None))


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_PROVIDER)
def edit_provider(request: AccountRequest, pk: int) -> HttpResponse:
    provider = get_object_or_404(SignInProvider, pk=pk)
    return _edit(request, provider, ProviderForm.of(provider, request.POST or None))


def _edit(request: AccountRequest, provider: SignInProvider, form: ProviderForm) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        provider.key = provider.key or form.key()
        wanted = form.cleaned_data
        try:
            providers.save_provider(
                provider, changes=wanted, secret=wanted["secret"], actor=request.actor, reason=wanted["reason"]
            )
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
        else:
            return done(request, f"{provider.name} saved", back=reverse(BACK), leave=True)
    context = {"form": form, "provider": provider, "back": reverse(BACK)}
    return render(request, "accounts/provider_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_PROVIDER)
def delete_provider(request: AccountRequest, pk: int) -> HttpResponse:
    provider = get_object_or_404(SignInProvider, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            providers.delete_provider(provider, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"{provider.name} deleted", back=reverse(BACK), leave=True)
    context = {"form": form, "provider": provider, "people": provider.identities.count(), "back": reverse(BACK)}
    return render(request, "accounts/provider_delete.html", context, status=422 if form.errors else 200)


@require_POST
@requires(keys.MANAGE_AUTHORIZATION)
def probe_provider(request: AccountRequest, pk: int) -> HttpResponse:
    """Ask the provider to describe itself, as signing in would."""
    provider = get_object_or_404(SignInProvider, pk=pk)
    try:
        oidc.discover(provider)
    except ProviderFailed as error:
        return done(request, "Not reached", detail=str(error), back=reverse(BACK))
    return done(request, f"{provider.name} answers", detail="Issuer and addresses fit.", back=reverse(BACK))
