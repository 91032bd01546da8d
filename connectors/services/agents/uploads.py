"""Files from devices, in parts; believed only when the whole has the digest that was announced."""

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Sum
from django.db.models.signals import post_delete
from django.dispatch import receiver

from connectors.enums import FINAL_STATES, OPEN_ORDERS
from connectors.models import Agent, AgentOrder, AgentUpload, AgentUploadPart, Delivery
from connectors.services.agents.inventory import plain_name
from connectors.services.agents.orders import tell
from connectors.services.agents.running_digests import Digests
from connectors.services.agents.wanted_files import MAY_STILL_TELL, order_for
from core import blobs, clock, content_files
from core.blobs import MAX_BYTES, SMALL
from core.encryption import Unreadable, decrypt, encrypt
from core.models import Blob, OutboxEvent
from core.pagination import through

MAX_PART = 4 * 1024 * 1024
# Of one device at the same time, so that a hostile one cannot fill the disk.
MOST_UNFINISHED = 20
MOST_ANNOUNCED = 2
SPARE = 512 * 1024 * 1024
PART = "part of a file of a device"
KEPT = timedelta(days=1)
# Who gave an order without a delivery takes its files within this, once it has heard.
CHANGED, FETCHED_WITHIN = "agent_order.changed", timedelta(minutes=15)
# How far a file is, is told of those that take a while, in steps of so many percent.
TOLD_FROM, TOLD_EVERY = 16 * 1024 * 1024, 2
_SHA256, _OF_NOTHING = re.compile(r"[0-9a-f]{64}"), hashlib.sha256().hexdigest()
_digests = Digests()


class UploadRefused(Exception):
    """`code` is for the agent, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Sent:
    """A whole file that a device sent: a content that can be kept (`core.blobs.Given`)."""

    agent_id: int
    sha256: str
    size: int

    def read(self) -> bytes:
        upload = self._upload()
        if upload.size > MAX_BYTES:
            raise blobs.TooLarge(f"{upload.name} has {upload.size:,} bytes.")
        if not upload.place:
            return b"".join(decrypt(bytes(part.ciphertext), PART) for part in upload.parts.order_by("offset"))
        with content_files.opened(upload.place, bytes(upload.key or b"")) as file:
            return file.read(MAX_BYTES)

    def keep(self, *, name: str, media_type: str, for_days: int | None = None) -> Blob:
        upload = self._upload()
        if not upload.place:
            return blobs.keep(self.read(), name=name, media_type=media_type, for_days=for_days)
        place = content_files.again(upload.place)
        written = content_files.Written(place, bytes(upload.key or b""), upload.size, upload.sha256)
        return blobs.keep_written(written, name=name, media_type=media_type, for_days=for_days)

    def _upload(self) -> AgentUpload:
        found = AgentUpload.objects.filter(agent_id=self.agent_id, sha256=self.sha256).first()
        if found is None:
            raise Unreadable("The file that the device sent is gone.")
        return found


def begin_upload(agent_id: int, sha256: str, told: Mapping[str, Any], *, proof: Mapping[str, Any] | None = None) -> int:
    """How many bytes of it are here already. `told["order"]` names the order that it is for. `proof` is the device's
    signature under this announcement, which stays with the file. Raises `UploadRefused`."""
    size = told.get("size")
    if not _SHA256.fullmatch(sha256) or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise UploadRefused("bad_upload", "A file has a SHA-256 and a size.")
    if not size and sha256 != _OF_NOTHING:
        raise UploadRefused("other_content", "A file of no bytes has another SHA-256.")
    if size > settings.AGENT_FILE_BYTES:
        most = f"{settings.AGENT_FILE_BYTES:,}"
        raise UploadRefused("too_large", f"A file of {size:,} bytes is over the limit of {most}.")
    with transaction.atomic():
        Agent.objects.select_for_update().get(pk=agent_id)
        order = order_for(agent_id, told.get("order"), sha256=sha256, size=size)
        if order is None:
            raise UploadRefused("not_ordered", f"No order of this device asks for {size:,} bytes more.")
        upload = AgentUpload.objects.filter(agent_id=agent_id, sha256=sha256).first()
        # Under another size it would count as that against the order, and hold what it has on the disk.
        if upload is not None and upload.size == size and not _lost(upload):
            AgentUpload.objects.filter(pk=upload.pk).update(order=order)
            return upload.received
        if upload is not None:
            upload.delete()
        _check_room(agent_id, size)
        place, key = content_files.new_place() if size > SMALL else ("", None)
        AgentUpload.objects.create(
            agent_id=agent_id, order=order, sha256=sha256, size=size, name=plain_name(told.get("name")), place=place,
            key=key, media_type=str(told.get("media_type", "application/octet-stream"))[:100], proof=dict(proof or {}),
        )  # fmt: skip
    return 0


def take_part(agent_id: int, sha256: str, offset: int, content: bytes) -> int:
    """How many bytes are here now; a part that is here already changes nothing. Of a large file whole mebibytes are
    taken, and the device sends the rest again. Raises `UploadRefused`."""
    if not 0 < len(content) <= MAX_PART:
        raise UploadRefused("bad_part", f"A part has at most {MAX_PART:,} bytes.")
    refusal = None
    with transaction.atomic():
        rows = AgentUpload.objects.select_for_update(of=("self",)).select_related("order")
        upload = rows.filter(agent_id=agent_id, sha256=sha256).first()
        if upload is None:
            raise UploadRefused("not_begun", "The file was not announced.")
        if offset != upload.received:
            return upload.received
        if upload.received + len(content) > upload.size:
            raise UploadRefused("bad_part", "The file is longer than it was announced.")
        if upload.order is not None and upload.order.state not in MAY_STILL_TELL:
            refusal = UploadRefused("not_ordered", "The order that the file was for is over.")
        elif upload.order is None or _lost(upload):
            refusal = UploadRefused("not_begun", "What came of the file is lost: it has to be announced again.")
        else:
            upload.received += _store(upload, content)
            upload.moved = clock.real_now()
            upload.whole = upload.received == upload.size
            if upload.whole and _digest(upload) != sha256:
                refusal = UploadRefused("other_content", "What came is not what was announced; it was thrown away.")
        if refusal is not None:
            upload.delete()
        else:
            upload.save(update_fields=["received", "whole", "moved"])
            _tell_how_far(upload)
    if refusal is not None:
        raise refusal
    return upload.received


def sent_by(agent: Agent, sha256: str) -> Sent | None:
    """The whole file, or None while it is not whole."""
    upload = AgentUpload.objects.filter(agent=agent, sha256=sha256).only("size", "whole").first()
    if upload is None or not (upload.whole or upload.size == 0):
        return None
    return Sent(agent.pk, sha256, upload.size)


def proof_of(agent: Agent, sha256: str) -> dict[str, Any]:
    """What the device signed when it announced the file; empty when it never did."""
    found = AgentUpload.objects.filter(agent=agent, sha256=sha256).values_list("proof", flat=True).first()
    return dict(found or {})


def proof_of_order(order_id: int, sha256: str) -> dict[str, Any]:
    """The same of a file that the agent of this order sent."""
    order = AgentOrder.objects.select_related("agent").filter(pk=order_id).first()
    return proof_of(order.agent, sha256) if order is not None and order.agent is not None else {}


def forget_upload(agent: Agent, sha256: str) -> None:
    """It was taken over."""
    AgentUpload.objects.filter(agent=agent, sha256=sha256).delete()


def forget_stale() -> int:
    """What was never finished or fetched."""
    return AgentUpload.objects.filter(moved__lt=clock.real_now() - KEPT).delete()[0]


def forget_ended() -> int:
    """Files of orders that are over, of which nobody takes anything any more. What of them is evidence was taken over
    by then, and has a row and a name of its own."""
    gone = 0
    over = Q(order=None) | ~Q(order__state__in=OPEN_ORDERS)
    for upload in through(AgentUpload.objects.filter(over).select_related("order").defer("key", "proof")):
        if not _is_still_fetched(upload):
            gone += AgentUpload.objects.filter(pk=upload.pk, order_id=upload.order_id).delete()[0] > 0
    return gone


def _is_still_fetched(upload: AgentUpload) -> bool:
    """Whether its delivery may yet ask for it; without a delivery, whether whoever gave the order has yet to hear."""
    order = upload.order
    if order is None:
        return False
    delivery = Delivery.objects.filter(idempotency_key=order.key).only("state").first()
    if delivery is not None and delivery.state in FINAL_STATES:
        return False
    if order.state in MAY_STILL_TELL:
        return True
    listed = order.result.get("artefacts")
    named = {str(one.get("sha256")) for one in listed if isinstance(one, dict)} if isinstance(listed, list) else set()
    if upload.sha256 not in named or not (upload.whole or upload.size == 0):
        return False
    if delivery is not None:
        return True
    untold = OutboxEvent.objects.filter(topic=CHANGED, delivered_at=None, payload__order_id=order.pk)
    just_now = order.ended_at is not None and order.ended_at > clock.real_now() - FETCHED_WITHIN
    return just_now or untold.exists()


def claim_files() -> None:
    """Once, at `ready()`: files on their way are nobody's orphans."""
    blobs.claim_with(lambda: AgentUpload.objects.exclude(place="").values_list("place", flat=True))


@receiver(post_delete, sender=AgentUpload, dispatch_uid="connectors.uploads.content")
def _forget_content(instance: AgentUpload, **_more: Any) -> None:
    if instance.place:
        blobs.forget_place(instance.place)


def _tell_how_far(upload: AgentUpload) -> None:
    """Who waits for a large file sees it come."""
    order, percent = upload.order, upload.received * 100 // max(1, upload.size)
    if order is None or upload.size < TOLD_FROM or percent < (order.percent or 0) + TOLD_EVERY:
        return
    AgentOrder.objects.filter(pk=order.pk).update(percent=percent)
    tell(order)


def _check_room(agent_id: int, size: int) -> None:
    """What was taken over counts no more."""
    announced = AgentUpload.objects.filter(agent_id=agent_id, order__state__in=MAY_STILL_TELL)
    if announced.count() >= MOST_UNFINISHED:
        raise UploadRefused("too_many", "Too many files of this device are on their way.")
    large = announced.exclude(place="").aggregate(all=Sum("size"))["all"] or 0
    if size > SMALL and large + size > MOST_ANNOUNCED * settings.AGENT_FILE_BYTES:
        raise UploadRefused("too_many", "Too much of this device is on its way.")
    if size > SMALL and _free() < size + SPARE:
        raise UploadRefused("no_room", "The portal has no room left for a file of this size.")


def _free() -> int:
    folder: Path = settings.BLOBS_DIR
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free


def _lost(upload: AgentUpload) -> bool:
    """Whether the file holds less than the row says: a disk that forgot, or a row of another folder."""
    return bool(upload.place) and upload.received > 0 and not content_files.holds(upload.place, upload.received)


def _store(upload: AgentUpload, content: bytes) -> int:
    """How many bytes were taken."""
    if not upload.place:
        AgentUploadPart.objects.create(upload=upload, offset=upload.received, ciphertext=encrypt(content, PART))
        return len(content)
    if _free() < SPARE:
        raise UploadRefused("no_room", "The portal has no room left for large files.")
    try:
        taken = content_files.append(
            upload.place, bytes(upload.key or b""), at=upload.received, content=content, total=upload.size
        )
    except content_files.NoRoom as error:
        raise UploadRefused("no_room", str(error)) from None
    if not taken:
        raise UploadRefused("bad_part", f"A part but the last has at least {content_files.CHUNK:,} bytes.")
    _digests.add(upload.pk, upload.received, content[:taken])
    return taken


def _digest(upload: AgentUpload) -> str:
    if not upload.place:
        found = hashlib.sha256()
        for part in upload.parts.order_by("offset").iterator(chunk_size=4):
            found.update(decrypt(bytes(part.ciphertext), PART))
        return found.hexdigest()
    known = _digests.take(upload.pk, upload.size)
    if known:
        return known
    try:
        return content_files.digest_of(upload.place, bytes(upload.key or b""))
    except Unreadable:
        return ""
