from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import keys
from accounts.guard import AccountRequest, requires
from reviews.enums import FindingKind
from reviews.forms import FindingForm, WriteForm
from reviews.models import Finding
from reviews.services.write import AlreadySigned, StaleReview, add_finding, remove_finding, write_review
from reviews.views.fetch import review_for
from reviews.views.review_page import page_context


@require_POST
@requires(keys.WRITE_REVIEWS)
def write(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Save summary and lessons."""
    review = review_for(request.user, incident_id)
    form = WriteForm(request.POST)
    if form.is_valid():
        words = {name: form.cleaned_data[name] for name in ("summary", "lessons")}
        try:
            write_review(review, changes=words, actor=request.user.actor, expected_version=form.cleaned_data["version"])
            return redirect("reviews:review", incident_id)
        except StaleReview:
            form.add_error(None, "Somebody else saved this review meanwhile. Your words are kept below; compare.")
        except AlreadySigned:
            form.add_error(None, "This review is signed and cannot be changed.")
    context = {**page_context(request, review.incident, review), "write_form": form}
    return render(request, "reviews/review.html", context, status=422)


@require_POST
@requires(keys.WRITE_REVIEWS)
def add(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Note what went well or badly."""
    review = review_for(request.user, incident_id)
    form = FindingForm(request.POST, auto_id="well-%s")
    if form.is_valid():
        kind = FindingKind(form.cleaned_data["kind"])
        try:
            add_finding(review, kind=kind, text=form.cleaned_data["text"], actor=request.user.actor)
        except (AlreadySigned, ValidationError) as error:
            return render(request, "reviews/refused.html", {"review": review, "error": error}, status=409)
    return redirect("reviews:review", incident_id)


@require_POST
@requires(keys.WRITE_REVIEWS)
def remove(request: AccountRequest, incident_id: int, finding_id: int) -> HttpResponse:
    """Take a finding back."""
    review = review_for(request.user, incident_id)
    try:
        remove_finding(review, finding_id=finding_id, actor=request.user.actor)
    except Finding.DoesNotExist:
        raise Http404 from None
    except AlreadySigned as error:
        return render(request, "reviews/refused.html", {"review": review, "error": error}, status=409)
    return redirect("reviews:review", incident_id)
