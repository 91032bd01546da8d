"""What the incidents room tells people of, and who may read what it tells."""

from collections.abc import Iterable

from accounts import keys
from accounts.models import User
from incidents.models import Incident
from notifications import topics
from notifications.audiences import register_audience

CREATED = topics.declare(
    "incident.created", "A new incident", "Every new incident in your scope, whatever its severity.", channels=()
)
HIGH = topics.declare(
    "incident.high",
    "A High incident",
    "A new incident that is High, or one that became High.",
    permission=keys.MANAGE_ALERTS,
    urgent=True,
)
ASSIGNED = topics.declare(
    "incident.assigned",
    "An incident was assigned to me",
    "Somebody else made you the owner.",
    channels=("page", "mail"),
)
REOPENED = topics.declare(
    "incident.reopened", "An incident was reopened", "One that you own or follow goes on after it was resolved."
)
MENTIONED = topics.declare(
    "incident.mention",
    "Somebody mentioned me",
    "Your user name with an @ in a comment on an incident that you may read.",
    channels=("page", "mail"),
)
FOLLOWED = topics.declare(
    "incident.followed", "News of an incident I follow", "Status, severity, owner, classification and comments."
)
LETTERS = topics.declare(
    "dead_letters.growing",
    "Dead letters pile up",
    "Many alerts within an hour could not be read.",
    group="Portal",
    permission=keys.MANAGE_SYSTEM,
    whole_scope=True,
)


def may_read(user: User, pk: int) -> bool:
    return Incident.objects.visible_to(user).filter(pk=pk).exists()


def words(user: User, pk: int) -> str:
    """Number and name as far as this person may read them."""
    row = Incident.objects.visible_to(user).filter(pk=pk).first()
    return f"{row.number} {row.display_name}" if row is not None else ""


def readable(user: User, pks: Iterable[int]) -> set[int]:
    return set(Incident.objects.visible_to(user).filter(pk__in=list(pks)).values_list("pk", flat=True))


def may_leave(pk: int) -> bool:
    """What is kept to named people is told to no mailing list, webhook or chat."""
    return Incident.objects.filter(pk=pk, restricted=False).exists()


def known_sources() -> list[tuple[str, str]]:
    """The detection sources of what came lately; names that rules can hold to a severity of their own."""
    newest = Incident.objects.order_by("-pk").values_list("detection_sources", flat=True)[:500]
    return [(name, name) for name in sorted({name for names in newest for name in names})]


def register() -> None:
    register_audience("incident", may_read, words=words, readable=readable, may_leave=may_leave)
