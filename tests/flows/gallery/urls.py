"""Every component on pages of its own, without database, for the checks in a browser."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path

from tests.flows.gallery import data

SHOWN = {name: getattr(data, name) for name in dir(data) if name.isupper()}


class ReasonForm(forms.Form):
    kind = forms.ChoiceField(
        label="Isolation", choices=[("full", "Full"), ("selective", "Selective: mail and chat stay")]
    )
    reason = forms.CharField(
        label="Reason", min_length=10, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="At least 10 characters, goes into the audit log. Seen by everyone who can open INC-1048.",
    )  # fmt: skip
    tell = forms.BooleanField(label="Tell the people who use it", required=False)


class SignInForm(forms.Form):
    login = forms.CharField(label="User name")
    password = forms.CharField(label="Password", widget=forms.PasswordInput)
    remember = forms.BooleanField(label="Keep me signed in on this computer", required=False)


ASK = {
    "symbol": "unplug", "title": "Isolate FILE-SRV-02?", "danger": True, "simulated": True, "verb": "Request isolation",
    "happens": "The server loses all network except its line to the portal. Open files of 212 people are cut off.",
    "target_note": 'one device, bound to simulator connection "Harbour demo"',
    "approval": "1 responder other than you. Rita Brandt and Dev Anand can decide now.",
    "checked_by": "A probe from the device and one from the gateway, within 2 min.",
    "undo": "Release, as a run of its own. It needs an approver too.", "note": "Nothing is sent before approval.",
    "warnings": ["A backup of this server runs until about 10:30 and will fail."],
}  # fmt: skip

FRAME: dict[str, Any] = {
    "navigation": data.NAVIGATION,
    "demo_data": True,
    "sort": "-priority",
    "chips": data.CHIPS,
    "ask": ASK,
    "targets": [{"kind": "server", "name": "FILE-SRV-02"}],
}


def page(name: str, **more: Any) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        request.user = data.ADA if not more.get("anonymous") else None  # type: ignore[assignment]
        context = {**SHOWN, **FRAME, "user": request.user, "form": ReasonForm(), **more}
        return render(request, f"{name}.html", context)

    return view


def confirm(request: HttpRequest) -> HttpResponse:
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        toast = '{"dialog:close": true, "toast": {"title": "Isolation requested", "detail": "Waits for a responder."}}'
        return HttpResponse(status=204, headers={"HX-Trigger": toast})
    answer = page("gallery_confirm", form=form)(request)
    answer.status_code = 422 if request.method == "POST" else 200
    return answer


def graph(request: HttpRequest) -> JsonResponse:
    return JsonResponse(data.story(int(request.GET.get("spread", 0))))


SAID: list[str] = []


def live(request: HttpRequest) -> StreamingHttpResponse:
    """What `say` was told, for half a minute: as much of the live stream as one page needs."""

    def stream() -> Iterator[bytes]:
        heard = len(SAID)
        yield b": open\n\n"
        for _ in range(300):
            for line in SAID[heard:]:
                yield f"data: {line}\n\n".encode()
            heard = len(SAID)
            time.sleep(0.1)

    return StreamingHttpResponse(stream(), content_type="text/event-stream")


def say(topic: str, identifier: str) -> None:
    SAID.append(json.dumps({"topic": topic, "id": identifier}))


def part(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"fetched {time.monotonic_ns()}")


urlpatterns = [
    path("live/", live),
    path("part/", part),
    path("spread/", page("gallery_incident", graph_url="/graph.json?spread=45")),
    path("queue/", page("gallery_queue")),
    path("summary/", page("gallery_summary")),
    path("incident/", page("gallery_incident")),
    path("node/", page("gallery_node")),
    path("actions/", page("gallery_actions")),
    path("run/", page("gallery_run")),
    path("marks/", page("gallery_marks")),
    path("confirm/", confirm),
    path("graph.json", graph),
    path("sign-in/", page("account/login", form=SignInForm(), anonymous=True)),
    path("403/", page("403")),
    path("404/", page("404")),
    path("429/", page("429", anonymous=True)),
    path("500/", page("500", anonymous=True)),
]
