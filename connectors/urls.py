from django.urls import path

from connectors.views import connections

app_name = "connectors"
urlpatterns = [
    path("admin/connections/", connections.connection_list, name="connections"),
    path("admin/connections/<int:pk>/", connections.connection, name="connection"),
    path("admin/connections/<int:pk>/check/", connections.check_connection, name="check_connection"),
]
