"""Every rule there is, in the order in which it is asked. Enforcing and explaining both read this list."""

from remediation.policy import brakes, people
from remediation.policy.question import Rule

RULES: tuple[Rule, ...] = (
    brakes.SEAL,
    people.ACTIVE,
    people.TOKEN,
    people.RIGHT,
    people.SCOPE,
    people.INCIDENT,
    people.DECISION,
    people.TWO_PEOPLE,
    people.ALONE,
    people.APPROVER,
    brakes.REACH,
    brakes.FREE,
    brakes.PROTECTED,
    brakes.HOLD,
    brakes.CAP,
    people.APPROVAL,
    brakes.STOPPED,
)
LABELS = {rule.key: rule.label for rule in RULES}
