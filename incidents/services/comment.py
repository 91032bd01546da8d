"""Writing a comment about an incident."""

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit, clock
from core.actors import Actor
from incidents.enums import IncidentStatus
from incidents.models import Comment, Incident
from incidents.models.comment import MAX_COMMENT
from incidents.services.announce import announce_incident
from incidents.services.changes import plain_text
from incidents.services.tell_of import tell_comment


def comment_on(incident: Incident, *, text: str, actor: Actor) -> Comment:
    """Add plain text of at most 30,000 characters to the incident's history. Raises `ValidationError`."""
    cleaned = plain_text(text, limit=MAX_COMMENT, label="Comment", required=True)
    if incident.status == IncidentStatus.REDIRECTED:
        raise ValidationError("This incident was merged into another: comment there.")
    with transaction.atomic():
        comment = Comment.objects.create(incident=incident, text=cleaned, author=actor.as_json())
        Incident.objects.filter(pk=incident.pk).update(updated=clock.now(), last_modified_by=actor.name[:255])
        audit.record("incident.commented", subject=incident.thread, thread=incident.thread, actor=actor,
                     data={"comment": comment.pk})  # fmt: skip
        announce_incident(incident)
        full = Incident.objects.get(pk=incident.pk)  # what the reader was given may be narrowed
        tell_comment(full, text=cleaned, comment=comment.pk, actor=actor)
    return comment
