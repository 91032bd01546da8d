from django.urls import path

from remediation.views import (
    artefact,
    ask,
    bulk,
    decide,
    end,
    history,
    of_incident,
    of_target,
    package,
    pending,
    run_page,
)

app_name = "remediation"
urlpatterns = [
    path("actions/", pending.pending, name="pending"),
    path("actions/history/", history.history, name="history"),
    path("actions/history/filter/", history.choose_filters, name="history_filter"),
    path("actions/history/export/", history.export, name="export"),
    path("actions/decide/", bulk.decide_many, name="decide_many"),
    path("actions/ask/<slug:kind>/<int:target_id>/<str:action>/", ask.ask, name="ask"),
    path("actions/of/incident/<int:incident_id>/", of_incident.of_incident, name="of_incident"),
    path("actions/of/<slug:kind>/<int:target_id>/", of_target.of_target, name="of_target"),
    path("actions/<int:run_id>/", run_page.run_page, name="run"),
    path("actions/<int:run_id>/approve/", decide.approve, name="approve"),
    path("actions/<int:run_id>/reject/", decide.reject, name="reject"),
    path("actions/<int:run_id>/withdraw/", end.withdraw, name="withdraw"),
    path("actions/<int:run_id>/cancel/", end.cancel, name="cancel"),
    path("actions/<int:run_id>/undo/", end.undo, name="undo"),
    path("actions/<int:run_id>/artefacts/<int:artefact_id>/", artefact.artefact, name="artefact"),
    path("actions/<int:run_id>/packages/<int:artefact_id>/", package.package, name="package"),
]
