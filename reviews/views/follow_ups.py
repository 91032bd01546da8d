from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import keys
from accounts.guard import AccountRequest, requires
from reviews.enums import FollowUpState
from reviews.forms import FollowUpForm
from reviews.models import FollowUp
from reviews.services.follow_up import add_follow_up, set_follow_up_state
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


@require_POST
@requires(keys.WRITE_REVIEWS)
def set_state(request: AccountRequest, incident_id: int, follow_up_id: int) -> HttpResponse:
    """Mark a follow-up done, or open again."""
    review = review_for(request.user, incident_id)
    done = request.POST.get("state") == FollowUpState.DONE
    state = FollowUpState.DONE if done else FollowUpState.OPEN
    try:
        set_follow_up_state(review, follow_up_id=follow_up_id, state=state, actor=request.user.actor)
    except FollowUp.DoesNotExist:
        raise Http404 from None
    return redirect("reviews:review", incident_id)
