"""The library's table of sessions, without its habit of writing down the key that opens one: `services.sessions` lists
them by the name they are stored under."""

from allauth.usersessions.apps import UserSessionsConfig


class ListedSessionsConfig(UserSessionsConfig):  # type: ignore[misc]  # allauth has no types
    """Nothing of the library listens to signing in and to new passwords."""

    def ready(self) -> None:
        """Its listeners are not connected; ours are, in `accounts.apps`."""
