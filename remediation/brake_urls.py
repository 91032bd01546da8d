"""Addresses of the brakes: below the Action center what everybody sees, below the administration what is set."""

from django.urls import path

from remediation.views import agent_rules, approver_rules, brakes, emergency, holds, protected, refusals, why

urlpatterns = [
    path("actions/brakes/", brakes.brakes, name="brakes"),
    path("actions/alarm/", brakes.alarm, name="alarm"),
    path("actions/stop/", brakes.stop, name="stop"),
    path("actions/resume/", brakes.resume, name="resume"),
    path("actions/why/", why.why, name="why"),
    path("actions/holds/<int:hold_id>/lift/", holds.lift, name="lift"),
    path("actions/<int:run_id>/alone/", emergency.alone, name="alone"),
    path("actions/<int:run_id>/ratify/", emergency.ratify_run, name="ratify"),
    path("actions/<int:run_id>/disown/", emergency.disown_run, name="disown"),
    path("admin/protected/", protected.protected, name="protected"),
    path("admin/protected/new/", protected.protect_rule, name="protect_rule"),
    path("admin/protected/this/<slug:kind>/<int:target_id>/", protected.protect_this, name="protect_this"),
    path("admin/protected/<int:pk>/remove/", protected.unprotect_asset, name="unprotect"),
    path("admin/approvers/", approver_rules.approver_rules, name="approver_rules"),
    path("admin/approvers/new/", approver_rules.new_rule, name="new_approver_rule"),
    path("admin/approvers/<int:pk>/", approver_rules.edit_rule, name="edit_approver_rule"),
    path("admin/approvers/<int:pk>/remove/", approver_rules.delete_rule, name="delete_approver_rule"),
    path("admin/isolation/", agent_rules.agent_rules, name="agent_rules"),
    path("admin/isolation/new/", agent_rules.new_isolation_rule, name="new_isolation_rule"),
    path("admin/isolation/<int:pk>/", agent_rules.edit_isolation_rule, name="edit_isolation_rule"),
    path("admin/isolation/<int:pk>/remove/", agent_rules.delete_isolation_rule, name="delete_isolation_rule"),
    path("admin/isolation/trusted/<int:group_id>/", agent_rules.edit_trusted, name="edit_trusted"),
    path("admin/refusals/", refusals.refusals, name="refusals"),
    path("admin/refusals/export/", refusals.refusals_csv, name="refusals_csv"),
    path("admin/refusals/<int:pk>/", refusals.refusal, name="refusal"),
]
