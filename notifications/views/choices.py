"""My profile: what I hear, by what, and when."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from connectors.outbound.mail import mail_server
from notifications import topics
from notifications.enums import Channel
from notifications.forms import ListeningForm
from notifications.models import Listening, Preference, Rule
from notifications.services.choices import choose, listen


@require_http_methods(["GET", "POST"])
@requires(keys.READ)
def choices(request: AccountRequest) -> HttpResponse:
    row = Listening.objects.filter(user=request.user).first() or Listening(
        user=request.user, time_zone=request.user.time_zone or "UTC"
    )
    form = ListeningForm(request.POST or None, initial={name: getattr(row, name) for name in ListeningForm.base_fields})
    if request.method == "POST" and form.is_valid():
        choose(request.user, wanted=_ticked(request), actor=request.actor)
        listen(request.user, changes=form.cleaned_data, actor=request.actor)
        messages.success(request, "Saved")
        return redirect("notifications:choices")
    context = {
        "form": form,
        "groups": _groups(request.user),
        "channels": Channel.choices,
        "rules": Rule.objects.visible_to(request.user).filter(personal=True).with_all(),
        "mail_is_set": mail_server().is_set,
    }
    return render(request, "notifications/choices.html", context, status=422 if form.errors else 200)


def _own_topics(user: User) -> list[topics.Topic]:
    return [topic for topic in topics.declared() if topic.is_for(user) and topic.key != "rule.test"]


def _ticked(request: AccountRequest) -> dict[tuple[str, str], bool]:
    return {
        (topic.key, channel): f"{topic.key}:{channel}" in request.POST
        for topic in _own_topics(request.user)
        for channel in Channel.values
    }


def _groups(user: User) -> dict[str, list[dict[str, Any]]]:
    """Topics by group, each with its three boxes."""
    chosen = {(row.topic, row.channel): row.wanted for row in Preference.objects.filter(user=user)}
    groups: dict[str, list[dict[str, Any]]] = {}
    for topic in _own_topics(user):
        boxes = []
        for channel, label in Channel.choices:
            default = (Channel.PAGE if channel == Channel.DIGEST else channel) in topic.channels
            boxes.append(
                {"name": f"{topic.key}:{channel}", "label": label, "on": chosen.get((topic.key, channel), default)}
            )
        groups.setdefault(topic.group, []).append({"topic": topic, "boxes": boxes})
    return groups
