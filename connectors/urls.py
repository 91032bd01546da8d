from django.urls import path

from connectors.views import connections, setting_up

app_name = "connectors"
urlpatterns = [
    path("admin/connections/", connections.connection_list, name="connections"),
    path("admin/connections/new/<slug:kind>/", setting_up.new_connection, name="new_connection"),
    path("admin/connections/<int:pk>/", connections.connection, name="connection"),
    path("admin/connections/<int:pk>/check/", connections.check_connection, name="check_connection"),
    path("admin/connections/<int:pk>/edit/", setting_up.edit_connection, name="edit_connection"),
    path("admin/connections/<int:pk>/switch/", setting_up.switch_connection, name="switch_connection"),
    path("admin/connections/<int:pk>/delete/", setting_up.remove_connection, name="delete_connection"),
]
