"""What changed about how somebody signs in is told to them: whoever did it may not have been they."""

from accounts import keys
from accounts.models import User
from core.actors import Actor
from notifications import audiences, topics
from notifications.services.tell import tell

SECURITY = topics.declare(
    "account.security",
    "How I sign in has changed",
    "A factor, a password or a token of yours was changed, by you or by an administrator.",
    group="My account",
    channels=("page", "mail"),
    urgent=True,
)
TITLES = {
    "user.factor_added": "A second factor was added to your account",
    "user.factor_removed": "A second factor was removed from your account",
    "user.factors_reset": "An administrator reset your second factors",
    "user.recovery_codes_made": "New recovery codes were drawn for your account",
    "user.password_changed": "Your password was changed",
    "user.password_reset": "An administrator drew a new password for you",
    "user.provider_linked": "A provider may vouch for you now",
    "user.address_changed": "The mail address of your account was changed",
    "token.ends_soon": "An API token of yours ends soon",
    "token.rotated": "Somebody else made an API token of yours anew",
    "token.elevated": "Somebody else let an API token of yours do dangerous acts for a while",
}
KINDS = {"totp": "Authenticator app", "webauthn": "Passkey", "recovery_codes": "Recovery codes"}
GATE = Actor.system("sign-in")


def account_changed(user: int, what: str, kind: str = "", by: str = "", token: int = 0) -> None:
    """Listens to `account.changed`."""
    person = User.objects.filter(pk=user, is_active=True).first()
    if person is None or what not in TITLES:
        return
    about = KINDS.get(kind, kind)
    who = f"By {by}. If that was neither you nor agreed with you, tell your administrators." if by else ""
    tell(
        SECURITY,
        subject=f"user:{user}",
        title=TITLES[what],
        body=" ".join(part for part in (f"{about}." if about else "", who) if part),
        url="/me/" if what.startswith("token.") else "/me/factors/",
        people=[person],
        once=f"token:{token}" if token else "",
        actor=GATE,
    )


def may_read(user: User, pk: int) -> bool:
    """One's own account, or everybody's for who administers people."""
    return user.pk == pk or user.holds(keys.MANAGE_AUTHORIZATION)


audiences.register_audience("user", may_read, may_leave=lambda _pk: False)
