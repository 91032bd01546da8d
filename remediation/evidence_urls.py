"""Addresses of clearing up after an incident and of what is kept of it."""

from django.urls import path

from remediation.views import artefacts, quarantine, recoveries, recovery_template, sweeps

urlpatterns = [
    path("actions/artifacts/", artefacts.artefacts, name="artefacts"),
    path("actions/artifacts/csv/", artefacts.artefacts_csv, name="artefacts_csv"),
    path("actions/artifacts/export/", artefacts.export, name="export_evidence"),
    path("actions/artifacts/<int:pk>/", artefacts.custody, name="custody"),
    path("actions/quarantine/", quarantine.quarantine, name="quarantine"),
    path("actions/quarantine/csv/", quarantine.quarantine_csv, name="quarantine_csv"),
    path("actions/custody/incident/<int:incident_id>/", artefacts.of_incident, name="custody_of_incident"),
    path("actions/sweeps/incident/<int:incident_id>/", sweeps.of_incident, name="sweeps_of_incident"),
    path("actions/sweeps/incident/<int:incident_id>/new/", sweeps.new_sweep, name="new_sweep"),
    path("actions/sweeps/incident/<int:incident_id>/remove/", sweeps.remove, name="remove_findings"),
    path("actions/sweeps/incident/<int:incident_id>/accept/", sweeps.accept, name="accept_findings"),
    path("actions/sweeps/incident/<int:incident_id>/reopen/", sweeps.reopen, name="reopen_findings"),
    path("actions/recovery/incident/<int:incident_id>/", recoveries.of_incident, name="recoveries_of_incident"),
    path("actions/recovery/incident/<int:incident_id>/start/", recoveries.start, name="start_recovery"),
    path("actions/recovery/incident/<int:incident_id>/steps/", recoveries.steps, name="recovery_steps"),
    path("actions/recovery/<int:recovery_id>/steps/<int:step_id>/", recoveries.step, name="recovery_step"),
    path("actions/recovery/<int:recovery_id>/watch/", recoveries.watch, name="watch_recovery"),
    path("actions/recovery/<int:recovery_id>/reopen/", recoveries.reopen, name="reopen_recovery"),
    path("admin/recovery/", recovery_template.template, name="recovery_template"),
    path("admin/recovery/new/", recovery_template.edit_step, name="new_recovery_step"),
    path("admin/recovery/<int:pk>/", recovery_template.edit_step, name="edit_recovery_step"),
]
