"""What a person sets for themselves."""

from collections.abc import Mapping

from django.core.exceptions import ValidationError

from accounts.models import User
from core.actors import Actor

PREFERENCES = ("time_zone", "theme", "density", "single_key_shortcuts")


def set_preferences(user: User, *, changes: Mapping[str, str | bool], actor: Actor) -> None:
    """How the portal looks for this person; of no account for anybody else, so it leaves no audit event."""
    if actor.person_id != user.pk:
        raise ValidationError("Preferences are set by their own person.")
    for key, value in changes.items():
        if key not in PREFERENCES:
            raise ValidationError(f"{key} is not a preference.")
        setattr(user, key, value)
    user.full_clean(exclude=["password", "username", "roles", "device_groups"])
    user.save(update_fields=list(changes))
