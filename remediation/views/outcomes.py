"""What came of a deed on many: a word when all went well, else a dialog that says of each what became of it."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.guard import AccountRequest
from remediation.services.bulk import Outcome
from remediation.views.answers import done


def answer_many(request: AccountRequest, results: Sequence[Outcome], *, done_word: str, back: str) -> HttpResponse:
    good = sum(one.ok for one in results)
    title = f"{good} of {len(results)} {done_word}"
    if good == len(results):
        return done(request, title=title, detail="", url=back)
    context = {"title": title, "rows": [_row(one) for one in results], "refused": len(results) - good, "back": back}
    return render(request, "remediation/outcomes.html", context)


def _row(one: Outcome) -> dict[str, Any]:
    run_id = one.run.pk if one.run else one.run_id
    return {"one": one, "url": reverse("remediation:run", args=[run_id])}
