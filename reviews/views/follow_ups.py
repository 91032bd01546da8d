from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import keys
from accounts.guard import AccountRequest, requires
from reviews.forms import FollowUpForm
from reviews.services.follow_up import add_follow_up
from reviews.views.fetch import review_for
from reviews.views.review_page import page_context


@require_POST
@requires(keys.WRITE_REVIEWS)
def add(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Write down what somebody will do by a date."""
    review = review_for(request.user, incident_id)
    form = FollowUpForm(request.POST)
    if form.is_valid():
        add_follow_up(review, actor=request.user.actor, **form.cleaned_data)
        return redirect("reviews:review", incident_id)
    context = {**page_context(request, review.incident, review), "follow_up_form": form}
    return render(request, "reviews/review.html", context, status=422)
