"""The live state of a device with an endpoint agent, fetched again whenever it tells something new."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from incidents.models import Device
from remediation.agent_slots import device_card
from remediation.views.fetch import target_for


@require_safe
@requires(keys.READ)
def agent_card(request: AccountRequest, device_id: int) -> HttpResponse:
    device = target_for(request.user, "device", device_id)
    part = device_card(request, device) if isinstance(device, Device) else None
    if part is None:
        raise Http404
    return render(request, "remediation/agent_card.html", {"part": part})
