"""An indicator on a certificate begins with the certificate: what it says, and the thumbprints that name it."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from remediation.certificates import ReadCertificate, read_certificate
from remediation.enums import IndicatorType
from remediation.indicator_forms import CertificateForm
from remediation.services.find_indicators import indicators_on


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.DECIDE_RESPONSE)
def certificate(request: AccountRequest) -> HttpResponse:
    """Reads a certificate and keeps nothing of it; the buttons lead to the dialog of a new indicator."""
    form = CertificateForm(request.POST or None)
    found: ReadCertificate | None = None
    if request.method == "POST" and form.is_valid():
        try:
            found = read_certificate(form.cleaned_data["text"])
        except ValidationError as error:
            form.add_error("text", error)
    context: dict[str, Any] = {
        "form": CertificateForm() if found else form,
        "found": found,
        "prints": _prints(found, request.user) if found else [],
        "back": reverse("remediation:indicators"),
    }
    return render(request, "remediation/certificate.html", context, status=422 if form.errors else 200)


def _prints(found: ReadCertificate, user: User) -> list[dict[str, Any]]:
    """Each thumbprint with the indicator that names it already, or where one on it is made."""
    told = []
    for label, value in (("SHA-256", found.sha256), ("SHA-1", found.sha1)):
        query = {"type": IndicatorType.CERTIFICATE.value, "value": value, "title": found.name,
                 "description": found.in_words}  # fmt: skip
        held = indicators_on(IndicatorType.CERTIFICATE, value, user=user).matching
        url = f"{reverse('remediation:new_indicator')}?{urlencode(query)}"
        told.append({"label": label, "value": value, "held": held[0] if held else None, "url": url})
    return told
