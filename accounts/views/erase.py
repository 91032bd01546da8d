"""Erasing somebody who worked here."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys, step_up
from accounts.enums import UserKind
from accounts.forms.people import ReasonForm
from accounts.guard import AccountRequest, requires
from accounts.models import User
from accounts.services.erase_person import ERASE, USER, erase_user, objections_to
from core import erasure
from core.htmx import done


@require_http_methods(["GET", "POST"])
@requires(keys.ERASE_PEOPLE)
@step_up.needs(ERASE)
def erase_person(request: AccountRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk, kind=UserKind.PERSON, name_key__isnull=False)
    form = ReasonForm(request.POST or None)
    back = reverse("accounts:people")
    if request.method == "POST" and form.is_valid():
        try:
            erase_user(user, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Erased", back=back, leave=True)
    context = {"form": form, "name": str(user), "objections": objections_to(user), "kept": erasure.kept(USER, pk),
               "plain": erasure.written_before_names_were_sealed(USER, pk), "back": back}  # fmt: skip
    return render(request, "accounts/erase.html", context, status=422 if form.errors else 200)
