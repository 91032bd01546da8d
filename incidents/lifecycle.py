"""Which status an incident, an alert and a dead letter may go to. The only writer of these columns."""

from core.lifecycle import Lifecycle
from incidents.enums import AlertStatus, DeadLetterState, IncidentStatus

_WORKING = {IncidentStatus.ACTIVE, IncidentStatus.IN_PROGRESS, IncidentStatus.AWAITING_ACTION}
_ENDS = {IncidentStatus.RESOLVED, IncidentStatus.REDIRECTED}

# A resolved incident goes back to work by a person's hand (reopened); a merged one stays where it was merged into.
INCIDENT_STATUS = Lifecycle(
    field="status",
    subject="incident",
    moves={
        IncidentStatus.ACTIVE: (_WORKING | _ENDS) - {IncidentStatus.ACTIVE},
        IncidentStatus.IN_PROGRESS: (_WORKING | _ENDS) - {IncidentStatus.IN_PROGRESS},
        IncidentStatus.AWAITING_ACTION: (_WORKING | _ENDS) - {IncidentStatus.AWAITING_ACTION},
        IncidentStatus.RESOLVED: _WORKING | {IncidentStatus.REDIRECTED},
        IncidentStatus.REDIRECTED: set(),
    },
)

_ALERT_STATES = {AlertStatus.NEW, AlertStatus.IN_PROGRESS, AlertStatus.RESOLVED}
ALERT_STATUS = Lifecycle(
    field="status",
    subject="alert",
    moves={state: _ALERT_STATES - {state} for state in AlertStatus},
)

DEAD_LETTER_STATE = Lifecycle(
    field="state",
    subject="dead_letter",
    moves={DeadLetterState.OPEN: {DeadLetterState.REPLAYED, DeadLetterState.DISCARDED}},
)
