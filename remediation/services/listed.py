"""What a connection lists within a facet, for people to choose from: the inbox rules of a mailbox. Of a file the portal
lists the copies in quarantine itself."""

from dataclasses import dataclass

from accounts.models import User
from connectors.services.observe import observe
from connectors.targets import Target as RemoteTarget
from incidents.models import File
from remediation import policy
from remediation.catalog import Action
from remediation.models import QuarantinedItem
from remediation.policy import Target
from remediation.refused import Refused

MOST = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """One object: the key an order names it by, its label and what it does, and the facet word it shows now."""

    key: str
    label: str
    detail: str
    state: str


def listed_objects(action: Action, target: Target, user: User) -> list[Listed]:
    """What the action could change now: the objects that do not show the wanted word yet. Empty when they cannot be
    read; the person then names one by hand."""
    if not any(one.listed for one in action.parameters):
        return []
    if isinstance(target, File):
        return _copies(target, user)
    try:
        bound = policy.resolve(action, target)
    except Refused:
        return []
    seen = observe(bound.connection, RemoteTarget(target.kind, bound.remote_id, str(target)), action.facet)
    found = seen.evidence.get("objects", ()) if seen.known else ()
    listed = [_listed(one) for one in list(found)[:MOST]]
    return [one for one in listed if one.key and one.state != action.wanted]


def _copies(file: File, user: User) -> list[Listed]:
    """Those that have a name of their own on their device."""
    held = QuarantinedItem.objects.visible_to(user).held().filter(file=file).exclude(item="").select_related("device")
    return [Listed(str(one.pk), str(one.device), one.path[:200], "quarantined") for one in held.order_by("-pk")[:MOST]]


def _listed(told: object) -> Listed:
    """Whatever a remote side says, as bounded text."""
    words = told if isinstance(told, dict) else {}
    texts = [str(words.get(name, ""))[:200] for name in ("key", "label", "detail", "state")]
    return Listed(*texts)
