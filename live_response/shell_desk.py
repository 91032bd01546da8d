"""What a device with an open shell is answered: its output is taken once and in order, and recorded; it is told what
was typed, and when nobody stands for the shell any more."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from connectors.models import AgentOrder
from core.actors import Actor
from live_response import limits
from live_response.line import line
from live_response.models import RawShell
from live_response.services.record import SHOWN, record_line
from live_response.services.shells import announce_output
from live_response.services.standing import why_over

AGENT = Actor.system("agent")
AT_ONCE = 50
FULL = "So much was recorded that no more can be."


def serve(order: AgentOrder, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """One part; runs in a transaction of its own."""
    with transaction.atomic():
        rows = RawShell.objects.select_for_update(of=("self",)).filter(command__order=order.pk)
        shell = rows.select_related("command__session__device", "command__session__incident", "command__user").first()
        if shell is None or not shell.command.is_open or shell.command.session is None:
            return {"close": "Nobody wants it any more."}
        return _take(shell, told) if "text" in told else _hand(shell, told)


def _take(shell: RawShell, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Output; a part that came before is answered as then."""
    session: Any = shell.command.session
    text = str(told.get("text", ""))[: limits.MOST_SAID].encode("utf-8", "replace").decode()
    if shell.kept > limits.MOST_KEPT:
        return {"taken": shell.said, "close": FULL}  # whoever goes on all the same is shown to nobody
    if told.get("seq") != shell.said + 1 or not text:
        return {"taken": shell.said}
    shell.said, shell.kept = shell.said + 1, shell.kept + len(text)
    shell.save(update_fields=["said", "kept"])
    record_line(session, kind=SHOWN, data=text, shell=shell)
    announce_output(session)
    if shell.kept > limits.MOST_KEPT and shell.command.order is not None:
        line().cancel(shell.command.order, actor=AGENT)
    return {"taken": shell.said}


def _hand(shell: RawShell, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was typed since."""
    taken = told.get("taken")
    if isinstance(taken, int) and not isinstance(taken, bool) and 0 <= taken <= shell.typed:
        shell.waiting.filter(seq__lte=taken).delete()
    close = FULL if shell.kept > limits.MOST_KEPT else why_over(shell)
    parts = [{"body": one.body, "signature": one.signature} for one in shell.waiting.order_by("seq")[:AT_ONCE]]
    return {"input": parts, "close": close}
