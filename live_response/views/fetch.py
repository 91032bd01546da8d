"""What views fetch: only what the person may see, a 404 otherwise."""

from django.shortcuts import get_object_or_404

from accounts.models import User
from incidents.models import Device
from live_response.models import FleetQuery, LiveCommand, LiveSession


def session_for(user: User, pk: int) -> LiveSession:
    rows = LiveSession.objects.visible_to(user).select_related("device__device_group", "incident", "user")
    return get_object_or_404(rows, pk=pk)


def command_for(user: User, session: LiveSession, number: int) -> LiveCommand:
    return get_object_or_404(session.commands.select_related("session__device", "run", "device"), number=number)


def query_for(user: User, pk: int) -> FleetQuery:
    return get_object_or_404(FleetQuery.objects.visible_to(user), pk=pk)


def device_for(user: User, pk: int) -> Device:
    return get_object_or_404(Device.objects.visible_to(user).select_related("device_group"), pk=pk)
