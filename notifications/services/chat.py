"""The JSON that chats take. Text from outside stays text: it calls nobody, links nowhere and formats nothing.

Shapes after the vendors' own pages: Slack incoming webhooks and Block Kit, Teams workflows with an Adaptive Card 1.4,
Mattermost incoming webhooks with message attachments. `generic` is `{"text": ...}`, which most other chats take.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from notifications.enums import EndpointKind
from notifications.services.plain import unlinked

Payload = Mapping[str, Any]
LONGEST_TITLE, LONGEST_BODY = 150, 2_500
_COLOURS = {"high": "#c4314b", "medium": "#c77700", "low": "#8a8d91"}
_ADAPTIVE = {"high": "Attention", "medium": "Warning"}
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~<])")
# Between @ and a name, so that nobody is called; chats call @all, @here, @channel and people by it.
_JOINER = "\u2060"


def chat_body(kind: str, payload: Payload) -> dict[str, Any]:
    """The body for one kind of chat."""
    makers: dict[str, Callable[[Payload], dict[str, Any]]] = {
        EndpointKind.SLACK: _slack,
        EndpointKind.TEAMS: _teams,
        EndpointKind.MATTERMOST: _mattermost,
        EndpointKind.GENERIC: _generic,
    }
    return makers[kind](payload)


def _title(payload: Payload) -> str:
    return unlinked(str(payload["title"]))[:LONGEST_TITLE]


def _body(payload: Payload) -> str:
    return unlinked(str(payload["body"]))[:LONGEST_BODY]


def _facts(payload: Payload) -> list[tuple[str, str]]:
    """What stands under the text: severity, organisation, time."""
    rows = [
        ("News", payload["label"]),
        ("Severity", str(payload["severity"] or "").capitalize()),
        ("Organisation", payload["organisation"]),
        ("At", str(payload["at"])[:16].replace("T", " ") + " UTC"),
    ]
    return [(name, str(value)) for name, value in rows if value]


def _plain(payload: Payload) -> str:
    lines = [_title(payload), _body(payload), *(f"{name}: {value}" for name, value in _facts(payload))]
    return "\n".join(filter(None, [*lines, payload["url"]]))


def _uncalled(text: str) -> str:
    return text.replace("@", f"@{_JOINER}")


def _slack(payload: Payload) -> dict[str, Any]:
    escaped = _title(payload).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _words(_title(payload))}]
    if _body(payload):
        blocks.append({"type": "section", "text": _words(_body(payload))})
    blocks.append(
        {"type": "context", "elements": [_words(f"{name}: {value}"[:300]) for name, value in _facts(payload)]}
    )
    if payload["url"]:
        button = {"type": "button", "text": _words("Open in the portal"), "url": payload["url"]}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": escaped, "blocks": blocks}


def _words(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _teams(payload: Payload) -> dict[str, Any]:
    colour = _ADAPTIVE.get(str(payload["severity"]), "Default")
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": _unmarked(_title(payload)), "size": "Medium", "weight": "Bolder", "wrap": True,
         "color": colour},
        {"type": "TextBlock", "text": _unmarked(_body(payload)), "wrap": True},
        {"type": "FactSet", "facts": [{"title": name, "value": _unmarked(value)} for name, value in _facts(payload)]},
    ]  # fmt: skip
    actions = [{"type": "Action.OpenUrl", "title": "Open in the portal", "url": payload["url"]}]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [part for part in body if part.get("text", "-")],
        "actions": actions if payload["url"] else [],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _mattermost(payload: Payload) -> dict[str, Any]:
    attachment = {
        "fallback": _uncalled(_title(payload)),
        "color": _COLOURS.get(str(payload["severity"]), "#5b6b7b"),
        "title": _uncalled(_title(payload)),
        "text": _unmarked(_body(payload)),
        "fields": [{"title": name, "value": _unmarked(value), "short": True} for name, value in _facts(payload)],
    }
    if payload["url"]:
        attachment["title_link"] = payload["url"]
    return {"text": "", "username": "SOC portal", "attachments": [attachment]}


def _generic(payload: Payload) -> dict[str, Any]:
    return {"text": _uncalled(_plain(payload))}


def _unmarked(text: str) -> str:
    """Markdown with nothing in it."""
    return _uncalled(_MARKS.sub(r"\\\1", text))
