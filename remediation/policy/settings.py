"""What administrators may set on the brakes. Every value is read when a rule is asked."""

from core import options
from core.options import Option
from remediation.enums import AssetClass, ProtectedKind, RequesterKind

# Actions in any 60 minutes; 0 is no cap.
_CAPS: dict[RequesterKind, dict[AssetClass, int]] = {
    RequesterKind.PERSON: {
        AssetClass.DEVICES: 25,
        AssetClass.SERVERS: 5,
        AssetClass.ACCOUNTS: 25,
        AssetClass.MAILBOXES: 50,
        AssetClass.FILES: 500,
    },
    RequesterKind.TOKEN: {
        AssetClass.DEVICES: 10,
        AssetClass.SERVERS: 2,
        AssetClass.ACCOUNTS: 10,
        AssetClass.MAILBOXES: 25,
        AssetClass.FILES: 100,
    },
    RequesterKind.AUTOMATION: {
        AssetClass.DEVICES: 10,
        AssetClass.SERVERS: 2,
        AssetClass.ACCOUNTS: 10,
        AssetClass.MAILBOXES: 25,
        AssetClass.FILES: 100,
    },
}
# What stands refused until an administrator decides otherwise; the rest needs an approver with the stronger right.
_REFUSED = {ProtectedKind.PORTAL, ProtectedKind.DATABASE, ProtectedKind.BREAK_GLASS}
MOST_PER_HOUR = 100_000
MOST_HOURS, MOST_MINUTES = 72, 1_440


def _cap_key(kind: str, asset_class: str) -> str:
    return f"caps.{asset_class}_by_{kind}"


def _protection_key(kind: str) -> str:
    return f"protection.refuse_{kind}"


for _kind, _numbers in _CAPS.items():
    for _class, _most in _numbers.items():
        options.declare(
            Option(
                _cap_key(_kind, _class),
                _most,
                f"Caps: {_class.label.lower()} an hour, {_kind.label}",
                help="Destructive actions that all of them together may set going in any 60 minutes; 0 is no cap.",
                minimum=0,
                maximum=MOST_PER_HOUR,
            )
        )
for _protected in ProtectedKind:
    options.declare(
        Option(
            _protection_key(_protected),
            _protected in _REFUSED,
            f"Protection: refuse actions on: {_protected.label.lower()}",
            help="On: destructive actions are refused. Off: an approver with the stronger right must approve.",
            kind="bool",
        )
    )
STRICT_CLASSES = options.declare(
    Option(
        "approval.strict_classes",
        [AssetClass.SERVERS.value],
        "Approval: classes that always take two people",
        help="No emergency approval by one person for these (devices, servers, accounts, mailboxes, files).",
        kind="list",
    )
).key
RATIFY_HOURS = options.declare(
    Option(
        "approval.ratify_hours",
        4,
        "Approval: hours to ratify an emergency approval",
        help="After that it is rolled back, with an alarm.",
        minimum=1,
        maximum=MOST_HOURS,
    )
).key
PAGE_CONTAINMENT_MIN = options.declare(
    Option(
        "approval.page_containment_minutes",
        5,
        "Approval: minutes until containment that waits calls its approvers",
        minimum=1,
        maximum=MOST_MINUTES,
    )
).key
PAGE_OTHER_MIN = options.declare(
    Option(
        "approval.page_other_minutes",
        60,
        "Approval: minutes until another request that waits calls its approvers",
        minimum=1,
        maximum=MOST_MINUTES,
    )
).key
ESCALATE_MIN = options.declare(
    Option(
        "approval.escalate_minutes",
        15,
        "Approval: minutes after the first call until the second, where no rule names fallback approvers",
        minimum=1,
        maximum=MOST_MINUTES,
    )
).key


def caps() -> dict[str, int]:
    """Every cap in force by its option, with one query."""
    return options.get_many("caps.")


def cap_of(kind: str, asset_class: str) -> int:
    return int(options.get(_cap_key(kind, asset_class)))


def cap_in(found: dict[str, int], kind: str, asset_class: str) -> int:
    return int(found[_cap_key(kind, asset_class)])


def is_refused(kind: str) -> bool:
    """Whether destructive actions on this kind of protected asset are refused outright."""
    return bool(options.get(_protection_key(kind)))


def strict_classes() -> list[str]:
    return [str(word).strip().lower() for word in options.get(STRICT_CLASSES)]
