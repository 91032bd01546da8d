"""The library: files that may be put onto devices or run there. Scripts come from here and from nowhere else."""

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from core import audit, blobs, clock
from core.actors import Actor
from core.content_files import Source
from core.models import Blob
from live_response.grammar import NAME
from live_response.limits import MOST_LIBRARY, MOST_UPLOAD, TICKET_S
from live_response.models import LibraryFile
from live_response.refused import NotPossible
from live_response.seal import signature_fits, signature_of

SCRIPT_TYPE = "application/octet-stream"
_TICKET = "live-response library"


def clean_name(name: object) -> str:
    """Raises `ValidationError`."""
    if not isinstance(name, str) or not NAME.fullmatch(name) or name.startswith("."):
        raise ValidationError({"name": "A name has letters, digits, dot, - and _, and does not begin with a dot."})
    return name


def store_file(
    content: bytes, *, name: str, description: str = "", parameters: str = "", has_parameters: bool = False,
    overwrite: bool = False, actor: Actor,
) -> LibraryFile:  # fmt: skip
    """Take a file in and sign it. Raises `ValidationError`, and `NotPossible` when the name is taken."""
    called = clean_name(name)
    if not content or len(content) > MOST_UPLOAD:
        raise ValidationError({"content": f"A file has 1 byte to {MOST_UPLOAD // 1024**2} MiB."})
    with transaction.atomic():
        blob = blobs.keep(content, name=called, media_type=SCRIPT_TYPE)
        return put_in(
            blob, name=called, description=description, parameters=parameters, has_parameters=has_parameters,
            overwrite=overwrite, actor=actor,
        )  # fmt: skip


def take_content(source: Source, *, user: User) -> tuple[str, Blob]:
    """A file as the page sends it, kept for a day, and the ticket by which this person puts it into the library. Raises
    `ValidationError`."""
    blob = blobs.keep_from(
        source, limit=MOST_LIBRARY, name="library upload", media_type=SCRIPT_TYPE, for_days=1
    )  # fmt: skip
    if not blob.size:
        blob.delete()
        raise ValidationError("The file is empty.")
    return signing.dumps([blob.pk, user.pk], salt=_TICKET), blob


def content_of_ticket(ticket: str, *, user: User) -> Blob:
    """Raises `ValidationError` when it is nobody's, somebody else's, or too old."""
    try:
        pk, person = signing.loads(ticket, salt=_TICKET, max_age=TICKET_S)
    except (signing.BadSignature, ValueError, TypeError):
        raise ValidationError("Choose the file once more.") from None
    blob = Blob.objects.filter(pk=pk).first() if person == user.pk else None
    if blob is None or LibraryFile.objects.filter(blob=blob).exists():
        raise ValidationError("Choose the file once more.")
    return blob


def put_in(
    blob: Blob, *, name: str, description: str = "", parameters: str = "", has_parameters: bool = False,
    overwrite: bool = False, actor: Actor,
) -> LibraryFile:  # fmt: skip
    """Let a content be a file of the library, signed. Raises as `store_file` does; the content stays as it was then."""
    called = clean_name(name)
    with transaction.atomic():
        held = LibraryFile.objects.select_for_update().filter(name__iexact=called).first()
        if held is not None and not overwrite:
            raise NotPossible("exists", f"{held.name} is in the library already; say that it is to be overwritten.")
        # The row is held from here on: of two who bring the same content one comes too late.
        there = Blob.objects.filter(pk=blob.pk).update(name=called, keep_until=None)
        if not there or LibraryFile.objects.filter(blob=blob).exists():
            raise NotPossible("not_there", "This content is in the library already, or gone; choose the file anew.")
        former = held.blob if held else None
        file = held or LibraryFile(name=called, created_by=actor.as_json())
        file.blob, file.sha256, file.size = blob, blob.sha256, blob.size
        file.description, file.parameters_description = description[:2_000], parameters[:2_000]
        file.has_parameters = has_parameters or bool(parameters)
        file.updated, file.updated_by = clock.now(), actor.as_json()
        file.signature = signature_of(file)
        _save(file)
        if former is not None:
            former.delete()
        audit.record(
            "library.changed" if held else "library.added", subject=f"library_file:{file.pk}", actor=actor,
            data={"name": file.name, "sha256": file.sha256, "size": file.size},
        )  # fmt: skip
    return file


def _save(file: LibraryFile) -> None:
    try:
        with transaction.atomic():
            file.save()
    except IntegrityError:
        raise NotPossible("exists", f"{file.name} is in the library already.") from None


def delete_file(name: str, *, actor: Actor) -> None:
    """Raises `NotPossible`."""
    with transaction.atomic():
        file = LibraryFile.objects.select_for_update().filter(name__iexact=name).first()
        if file is None:
            raise NotPossible("not_there", f"There is no {name[:100]} in the library.")
        audit.record(
            "library.deleted", subject=f"library_file:{file.pk}", actor=actor,
            data={"name": file.name, "sha256": file.sha256},
        )  # fmt: skip
        blob = file.blob
        file.delete()
        blob.delete()


def file_to_send(name: str) -> LibraryFile:
    """The file of this name, if it is what the portal took in. Raises `NotPossible`."""
    file = LibraryFile.objects.select_related("blob").filter(name__iexact=name).first()
    if file is None:
        raise NotPossible("not_there", f"There is no {name[:100]} in the library; `library` lists what there is.")
    if not signature_fits(file):
        raise NotPossible("tampered", f"{file.name} is not what was taken into the library; it is not handed out.")
    return file


def file_of(sha256: str) -> Blob | None:
    """What an agent fetches whose order names it: a signed file of this digest; None when there is none."""
    for file in LibraryFile.objects.select_related("blob").filter(sha256=sha256):
        if signature_fits(file):
            return file.blob
    return None
