"""The link of a test mail: whoever opens it says that the mail arrived."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.guard import AccountRequest, anyone_signed_in
from core.htmx import done
from notifications.services.try_mail import key_of, note_arrival


@require_http_methods(["GET", "HEAD", "POST"])
@anyone_signed_in
def mail_arrived(request: AccountRequest) -> HttpResponse:
    code, wrong = request.GET.get("code", "").replace("\x00", ""), ""
    try:
        if request.method == "POST":
            note_arrival(code, actor=request.actor)
            return done(request, "Thank you: the test mail arrived", back="/notices/", leave=True)
        key_of(code)
    except ValidationError as error:
        wrong = error.messages[0]
    context = {"wrong": wrong, "action": request.get_full_path()}
    return render(request, "notifications/mail_arrived.html", context, status=422 if wrong else 200)
