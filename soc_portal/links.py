"""Where the rail and the administration lead, and whom each is for."""

from dataclasses import dataclass

from accounts import keys
from accounts.models import User


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the rail or of the administration's tabs; `also` are further paths it stands for; with
    `whole_scope` it is for those who see all device groups."""

    label: str
    url: str
    icon: str
    permission: str
    also: tuple[str, ...] = ()
    whole_scope: bool = False

    def is_for(self, user: User) -> bool:
        return user.holds(self.permission) and (user.scope.everything or not self.whole_scope)

    def is_at(self, path: str) -> bool:
        return path.startswith((self.url, *self.also))


ADMINISTRATION: dict[str, tuple[Link, ...]] = {
    "People": (
        Link("People", "/admin/users/", "users", keys.MANAGE_AUTHORIZATION),
        Link("Roles", "/admin/roles/", "shield", keys.MANAGE_AUTHORIZATION),
        Link("Device groups", "/admin/groups/", "laptop", keys.MANAGE_AUTHORIZATION),
        Link("Sign-in", "/admin/sign-in/", "shield", keys.MANAGE_AUTHORIZATION),
        Link("API tokens", "/admin/tokens/", "key", keys.MANAGE_AUTHORIZATION),
        Link("Experts", "/admin/experts/", "users", keys.MANAGE_SETTINGS),
    ),
    "Response": (
        Link("Approvers", "/admin/approvers/", "check", keys.MANAGE_AUTHORIZATION),
        Link("Isolation", "/admin/isolation/", "unplug", keys.MANAGE_SETTINGS),
        Link("Recovery steps", "/admin/recovery/", "refresh", keys.MANAGE_SETTINGS),
        Link("Protected assets", "/admin/protected/", "shield", keys.MANAGE_SETTINGS),
        Link("Refusals", "/admin/refusals/", "lock", keys.READ_AUDIT),
    ),
    "Data": (
        Link("Connections", "/admin/connections/", "link", keys.MANAGE_SYSTEM),
        Link("Endpoint agents", "/admin/agents/", "laptop", keys.MANAGE_SYSTEM),
        Link("Sources", "/admin/sources/", "inbox", keys.MANAGE_SYSTEM),
        Link("Correlation", "/admin/correlation/", "link", keys.TUNE_DETECTION),
        Link("Dead letters", "/admin/dead-letters/", "inbox", keys.MANAGE_SYSTEM, whole_scope=True),
    ),
    "Notifications": (
        Link("Notification rules", "/admin/notification-rules/", "bell", keys.MANAGE_SETTINGS),
        Link("Mail and webhooks", "/admin/notifications/", "mail", keys.MANAGE_SYSTEM),
    ),
    "Keeping": (
        Link("Retention", "/admin/retention/", "clock", keys.MANAGE_SETTINGS),
        Link("Legal holds", "/admin/legal-holds/", "lock", keys.MANAGE_HOLDS),
    ),
    "Options": (Link("Options", "/admin/options/", "sliders", keys.MANAGE_SETTINGS),),
}
