"""Following a subject without owning it."""

from django.db import transaction

from accounts.models import User
from core import audit
from core.actors import Actor
from notifications.models import Watch

MOST = 500


def follow(user: User, *, subject: str, on: bool, actor: Actor) -> bool:
    """Begin or end; answers whether it is followed now. Beyond 500 the oldest is given up."""
    with transaction.atomic():
        if on:
            _, changed = Watch.objects.get_or_create(user=user, subject=subject)
            kept = Watch.objects.filter(user=user).order_by("-pk").values("pk")[:MOST]
            Watch.objects.filter(user=user).exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
        else:
            gone, _ = Watch.objects.filter(user=user, subject=subject).delete()
            changed = bool(gone)
        if changed:
            verb = "person.follows" if on else "person.follows_no_more"
            audit.record(verb, subject=f"user:{user.pk}", actor=actor, data={"subject": subject})
    return on


def follows(user: User, subject: str) -> bool:
    return Watch.objects.filter(user=user, subject=subject).exists()
