"""What the brakes tell people of: requests that wait, approvals by one person, and that everything is stopped."""

from accounts import keys
from notifications import topics

WAITS = topics.declare(
    "approval.waits",
    "A request waits for my decision",
    "Nobody has decided for some minutes, and you may; fallback approvers hear of it later.",
    group="Response",
    permission=keys.DECIDE_RESPONSE,
    channels=("page", "mail"),
    urgent=True,
)
ALONE = topics.declare(
    "approval.alone",
    "One person approved alone",
    "An emergency approval waits to be ratified.",
    group="Response",
    permission=keys.DECIDE_RESPONSE,
    channels=("page", "mail"),
    urgent=True,
)
NOT_RATIFIED = topics.declare(
    "approval.not_ratified",
    "An emergency approval was not ratified",
    "What one person approved alone is rolled back.",
    group="Response",
    permission=keys.DECIDE_RESPONSE,
    channels=("page", "mail"),
    urgent=True,
)
STOPPED = topics.declare(
    "response.stopped",
    "Everything was stopped, or goes on",
    "Somebody used stop-all, or resumed.",
    group="Response",
    channels=("page",),
    urgent=True,
)
DRIFT = topics.declare(
    "control.drift",
    "Something in force was changed elsewhere",
    "A target is no longer in the state that the last action put it in.",
    group="Response",
    permission=keys.REQUEST_RESPONSE,
    channels=("page",),
    urgent=True,
)
