"""Addresses of live response."""

from django.urls import path

from live_response.views import console, files, history, library, questions, sessions, shell

app_name = "live_response"
urlpatterns = [
    path("live-response/", sessions.session_list, name="sessions"),
    path("live-response/open/<int:device_id>/", sessions.open_dialog, name="open"),
    path("live-response/library/", library.library, name="library"),
    path("live-response/library/add/", library.add, name="library_add"),
    path("live-response/library/upload/", library.upload, name="library_upload"),
    path("live-response/library/<int:pk>/", library.file, name="file"),
    path("live-response/library/<int:pk>/download/", library.download, name="file_download"),
    path("live-response/library/<int:pk>/delete/", library.delete, name="file_delete"),
    path("live-response/questions/", questions.questions, name="questions"),
    path("live-response/questions/<int:pk>/", questions.question, name="question"),
    path("live-response/questions/<int:pk>/export.csv", questions.export, name="question_export"),
    path("actions/live-response/", history.history, name="history"),
    path("actions/live-response/export.csv", history.export, name="history_export"),
    path("live-response/<int:pk>/", console.console, name="console"),
    path("live-response/<int:pk>/log/", console.log, name="log"),
    path("live-response/<int:pk>/replay/", console.replay, name="replay"),
    path("live-response/<int:pk>/recording.cast", files.recording, name="recording"),
    path("live-response/<int:pk>/type/", console.type_here, name="type"),
    path("live-response/<int:pk>/shell/", shell.said, name="shell"),
    path("live-response/<int:pk>/shell/<int:number>/type/", shell.type_there, name="shell_type"),
    path("live-response/<int:pk>/shell/<int:number>/decide/", shell.decide, name="shell_decide"),
    path("live-response/<int:pk>/jobs/", console.jobs, name="jobs"),
    path("live-response/<int:pk>/library/", console.library_of_console, name="library_side"),
    path("live-response/<int:pk>/end/", sessions.end_dialog, name="end"),
    path("live-response/<int:pk>/files/<int:artefact_id>/", files.artefact, name="artefact"),
    path("live-response/<int:pk>/<int:number>/", console.command, name="command"),
    path("live-response/<int:pk>/<int:number>/cancel/", console.cancel, name="cancel"),
    path("live-response/<int:pk>/<int:number>/table.csv", files.table, name="table"),
]
