"""The one wiring file: which stage reacts to which event, in this order. Listeners are idempotent."""

LISTENERS: dict[str, list[str]] = {
    "account.changed": ["notifications.services.accounts.account_changed"],
    "agent.changed": [
        "incidents.services.agents.agent_changed",
        "remediation.services.follow_agents.agent_changed",
        "notifications.services.agent_news.agent_changed",
    ],
    "agent.silent": ["incidents.services.agents.agent_silent", "notifications.services.agent_news.agent_silent"],
    "agent.told": [
        "incidents.services.agents.agent_told",
        "remediation.services.own_quarantine.agent_told",
        "remediation.services.drift.agent_told",
    ],
    "agent.hits": ["remediation.services.indicator_hits.hits_told"],
    "agent_order.changed": ["live_response.services.outcome.order_changed"],
    "alerts.stored": [
        "remediation.services.indicator_hits.alerts_stored",
        "remediation.services.watch_recovery.alerts_stored",
    ],
    "incident.correlated": [],
    "incident.changed": [],
    "incident.merged": [
        "remediation.services.follow_merge.incident_merged",
        "live_response.services.follow_merge.incident_merged",
        "reviews.services.follow_merge.incident_merged",
    ],
    "delivery.changed": [
        "remediation.services.report.delivery_changed",
        "remediation.services.enforce_indicators.delivery_changed",
    ],
    # Devices first find their new group, then runs follow them; then a deleted group can go.
    "device_groups.changed": [
        "incidents.services.device_groups.rematch_after_change",
        "remediation.services.follow_groups.keep_run_scopes_true",
        "connectors.services.agents.policy.leave_retired_groups",
        "accounts.services.device_groups.forget_retired",
    ],
    "halt.changed": ["remediation.services.stop.wake_what_was_stopped"],
    "target.seen": [],
    "audit.broken": ["notifications.services.portal_news.audit_broken"],
    "backup.failed": ["notifications.services.portal_news.backup_failed"],
    "run.ended": [
        "remediation.services.tell_of.run_ended",
        "remediation.services.scan_findings.run_ended",
        "remediation.services.analysis_settle.run_ended",
        "remediation.services.take_sweep.run_ended",
        "remediation.services.quarantined.run_ended",
        "live_response.services.outcome.run_ended",
    ],
}

# What was not delivered when a backup was taken: after a restore these still hear of it, because they only put rows of
# this database in order. Nobody else does, lest something be told or done a second time.
AFTER_RESTORE = frozenset(
    {
        "remediation.services.follow_merge.incident_merged",
        "live_response.services.follow_merge.incident_merged",
        "reviews.services.follow_merge.incident_merged",
        "incidents.services.device_groups.rematch_after_change",
        "remediation.services.follow_groups.keep_run_scopes_true",
        "accounts.services.device_groups.forget_retired",
    }
)
