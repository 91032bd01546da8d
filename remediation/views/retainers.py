"""Administration: the address book of retainers, who are asked by mail."""

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from connectors.outbound.mail import mail_server
from core import audit
from core.htmx import done
from remediation.expert_forms import RetainerForm
from remediation.models import Retainer


@require_safe
@requires(keys.MANAGE_SETTINGS)
def retainer_list(request: AccountRequest) -> HttpResponse:
    context = {"retainers": Retainer.objects.order_by("-active", "name"), "mail": mail_server().is_set}
    return render(request, "remediation/retainers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_SETTINGS)
def edit_retainer(request: AccountRequest, pk: int | None = None) -> HttpResponse:
    """A new entry, or one that is there."""
    retainer = get_object_or_404(Retainer, pk=pk) if pk is not None else None
    before = {name: getattr(retainer, name) for name in RetainerForm.Meta.fields} if retainer else {}
    form = RetainerForm(request.POST or None, instance=retainer)
    back = reverse("remediation:retainers")
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            saved = form.save()
            now = {name: getattr(saved, name) for name in RetainerForm.Meta.fields}
            changes = {name: (before.get(name), now[name]) for name in now if before.get(name) != now[name]}
            verb = "retainer.changed" if retainer else "retainer.made"
            audit.record(verb, subject=f"retainer:{saved.pk}", actor=request.user.actor, changes=changes)
        return done(request, f"{saved.name} saved", back=back, leave=True)
    context = {"form": form, "retainer": retainer, "back": back, "verb": "Save"}
    return render(request, "remediation/retainer_form.html", context, status=422 if form.errors else 200)
