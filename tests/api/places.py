"""One of everything that an address of the API can be about, on the stage that the pages are looked at on."""

from collections.abc import Mapping
from typing import Any

from accounts.models import User
from tests.flows.stage import set_stage

# resource of the API -> the word of the stage
WORDS: Mapping[str, str] = {
    "incidents": "incidents.pk",
    "alerts": "incidents:alert.pk",
    "devices": "incidents:device.pk",
    "files": "incidents:file.pk",
    "identities": "incidents:identity.pk",
    "mailboxes": "incidents:mailbox.pk",
    "actions": "remediation.run_id",
    "indicators": "remediation.pk",
    "control-states": "remediation:reconcile.state_id",
    "holds": "remediation:lift.hold_id",
    "sweeps": "sweep.pk",
    "sweep-findings": "finding.pk",
    "recoveries": "remediation.recovery_id",
    "evidence": "remediation:custody.pk",
    "quarantine": "quarantined.pk",
    "emergencies": "remediation:ratify.run_id",
    "refusals": "remediation:refusal.pk",
    "protections": "remediation:unprotect.pk",
    "approvers": "remediation:edit_approver_rule.pk",
    "experts": "remediation:expert_request.pk",
    "analyses": "remediation:analysis.pk",
    "live-sessions": "live_response.pk",
    "live-questions": "live_response:question.pk",
    "live-library": "live_response:file.pk",
    "connections": "connectors.pk",
    "agents": "connectors:agent.pk",
    "agent-orders": "connectors:release_code.order_id",
    "enrolment-tokens": "connectors:withdraw_agent_token.pk",
    "dead-letters": "incidents:dead-letter.pk",
    "legal-holds": "incidents:lift-hold.pk",
    "correlation-rules": "incidents:correlation-rule.key",
    "correlation-changes": "incidents:lift-taught.pk",
    "device-groups": "accounts:edit_group.pk",
    "notices": "notifications:open.pk",
    "notification-rules": "notifications:rule.pk",
    "users": "accounts.pk",
    "roles": "accounts:edit_role.pk",
    "tokens": "accounts:revoke_token.pk",
    "options": "accounts:edit_option.key",
    "follow-ups": "reviews.follow_up_id",
    "lessons": "reviews.pk",
    "contacts": "reviews:edit_contact.pk",
    "drills": "reviews:edit_drill.pk",
    "period-reports": "reviews:period.pk",
}


def set_api_stage(ada: User, rita: User, adam: User) -> dict[str, Any]:
    """Make it all; answers the words of the pages and, for each resource, its `pk`."""
    words = set_stage(ada, rita, adam)
    return {
        **words,
        **{f"{resource}.pk": words[word] for resource, word in WORDS.items()},
        "format_key": "graph",
        "artefact_id": words["remediation.artefact_id"],
    }
