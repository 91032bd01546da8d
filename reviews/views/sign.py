from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from reviews.report import missing_parts
from reviews.services.sign import sign_review
from reviews.services.write import AlreadySigned
from reviews.views.fetch import review_for


@requires(keys.SIGN_REVIEWS)
def sign(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Says what signing does (GET), and signs (POST)."""
    review = review_for(request.user, incident_id)
    missing = missing_parts(review)
    if request.method == "POST":
        try:
            zone = request.user.time_zone or request.POST.get("zone", "")[:60]
            sign_review(review, actor=request.user.actor, zone=zone)
            response = HttpResponse(status=204)
            response["HX-Redirect"] = reverse("reviews:review", args=[incident_id])
            if not request.headers.get("HX-Request"):
                response.status_code, response["Location"] = 302, response["HX-Redirect"]
            return response
        except AlreadySigned:
            missing = ["It is signed already."]
        except ValidationError as error:
            missing = error.messages
    status = 422 if request.method == "POST" else 200
    return render(request, "reviews/sign.html", {"review": review, "missing": missing}, status=status)
