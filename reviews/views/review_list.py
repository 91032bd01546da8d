from django.http import HttpResponse
from django.shortcuts import render

from accounts import keys
from accounts.guard import AccountRequest, requires
from reviews.due import STATES, ReviewQueue, first_state


@requires(keys.READ)
def review_list(request: AccountRequest) -> HttpResponse:
    """Incidents that want a review, that wait for a signature, and signed ones."""
    state = request.GET.get("state", "")
    shown = state if state in STATES else first_state(request.user)
    queue = ReviewQueue(request.user, shown, request.GET.get("after", ""))
    rows = queue.rows()
    context = {"queue": queue, "tabs": queue.tabs, "rows": rows, "older_url": queue.older_url(rows)}
    return render(request, "reviews/list.html", context)
