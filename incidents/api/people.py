"""People as the API names them: by user name, and frozen actors as they were."""

from typing import Any

from accounts.models import User
from core.api.fields import Text


class UserName(Text):
    """An active user by name; null is nobody."""

    default_error_messages = {"unknown": "There is no active user of this name."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)
        self.validators = []  # they are for texts, and this becomes a user

    def to_internal_value(self, data: Any) -> Any:
        name = super().to_internal_value(data)[:81]
        user = User.objects.filter(username__iexact=name, is_active=True).first()
        if user is None:
            self.fail("unknown")
        return user

    def to_representation(self, value: Any) -> str:
        return str(value.username)
