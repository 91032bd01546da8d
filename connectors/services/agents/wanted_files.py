"""Which files a device may send: those of an order that it was given, and of each order so much."""

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet, Sum

from connectors.enums import OrderKind, OrderState
from connectors.models import AgentOrder, AgentUpload
from core import clock

MEBI = 1024 * 1024
# A table that is too long for its result, the output of a script, a package with all of its steps.
ANSWER, PACKAGE = 32 * MEBI, 1024 * MEBI
# Its outcome may still come: it was handed over, or was given up because nothing was heard.
MAY_STILL_TELL = (OrderState.HANDED, OrderState.UNKNOWN, OrderState.TIMED_OUT)
# A file of which a part came within this is on its way; an order is waited for so long because of its files.
STILL, LONGEST = timedelta(minutes=15), timedelta(days=1)
# What comes slower than this, in bytes a second and on the whole, is late all the same.
SLOWEST = 32 * 1024


def room_of(order: AgentOrder) -> int:
    """How many bytes it may bring in all."""
    most: int = settings.AGENT_FILE_BYTES
    if order.action == "file.collect":
        return most
    if order.action == "device.collect_package":
        return min(most, PACKAGE)
    if not order.action.startswith("live."):
        return 0
    return ANSWER + (most if order.action == "live.getfile" else 0)


def order_for(agent_id: int, key: object, *, sha256: str, size: int) -> AgentOrder | None:
    """The one that this file is for, which the device names; of a device that names none, any that has room for it."""
    orders = AgentOrder.objects.filter(agent_id=agent_id, kind=OrderKind.COMMAND, state__in=MAY_STILL_TELL)
    if key is not None:
        orders = orders.filter(key=str(key).replace("\x00", "")[:80])
    return next((one for one in orders.order_by("-pk")[:50] if size <= room_of(one) - _used(one, sha256)), None)


def _used(order: AgentOrder, sha256: str) -> int:
    others: QuerySet[AgentUpload] = AgentUpload.objects.filter(order=order).exclude(sha256=sha256)
    return others.aggregate(all=Sum("size"))["all"] or 0


def is_moving(order: AgentOrder) -> bool:
    """Whether a file of it is on its way: then it is not late, however large the file. A device that only drips does
    not hold the end up: every so many bytes that came are good for one more second beyond the order's own time."""
    now = clock.real_now()
    if order.state not in MAY_STILL_TELL or now > order.expires + LONGEST:
        return False
    files = AgentUpload.objects.filter(order=order)
    if not files.filter(whole=False, size__gt=0, moved__gt=now - STILL).exists():
        return False
    came = files.aggregate(all=Sum("received"))["all"] or 0
    return now <= order.expires + timedelta(seconds=order.run_s) + STILL + timedelta(seconds=came / SLOWEST)
