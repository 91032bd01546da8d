from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from reviews.forms import AddendumForm
from reviews.services.addenda import add_addendum
from reviews.views.fetch import review_for


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.SIGN_REVIEWS)
def add_to_signed(request: AccountRequest, incident_id: int) -> HttpResponse:
    """What became known after the signature, signed by who adds it."""
    review = review_for(request.user, incident_id)
    form, back = AddendumForm(request.POST or None), reverse("reviews:review", args=[incident_id])
    if form.is_bound and form.is_valid():
        try:
            add_addendum(review, text=form.cleaned_data["text"], actor=request.user.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Addendum signed", back=back, leave=True)
    context = {"form": form, "review": review, "verb": "Sign addendum", "back": back}
    return render(request, "reviews/addendum.html", context, status=422 if form.is_bound else 200)
